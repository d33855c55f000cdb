"""The demo's tool servers, each behind the check for Python: they run only what the gate has decided.

    python checked.py --port 8000         serve /crm/mcp, /payments/mcp and /mail/mcp

GATE_JWKS names the file with the gate's public keys. GET /executed lists every call that reached a tool.
"""

import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

ENVOY = Path(__file__).resolve().parents[3] / "envoy"
sys.path[:0] = [str(ENVOY / "demo"), str(ENVOY / "checks" / "python")]

import server  # noqa: E402
from toolgate_check import ToolgateCheck  # noqa: E402


def application() -> Starlette:
    """All three servers, each with its own audience."""
    app = server.application()
    jwks = Path(os.environ["GATE_JWKS"]).read_text()
    for mount in app.routes:
        if isinstance(mount, Mount):
            audience = mount.path.strip("/")
            mount.app = ToolgateCheck(mount.app, jwks=jwks, issuer="https://gate.acme.example", audience=audience)
    return app


if __name__ == "__main__":
    uvicorn.run(application(), host="127.0.0.1", port=int(sys.argv[2]), log_level="info")
