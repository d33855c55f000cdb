"""Serves the demo's tools over HTTP with SSE, the transport of 2024-11-05, with either generation of the Python SDK."""

import argparse
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "envoy" / "demo"))
from server import EXECUTED, SERVERS


async def executed(_: Any) -> JSONResponse:
    """The calls that reached a tool."""
    return JSONResponse([{"tool": call["tool"], "decision": call["decision"]} for call in EXECUTED])


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, required=True)
mounts = [Mount(f"/{server.name}", server.sse_app()) for server in SERVERS]
application = Starlette(routes=[Route("/executed", executed), *mounts])
uvicorn.run(application, host="127.0.0.1", port=parser.parse_args().port, log_level="info")
