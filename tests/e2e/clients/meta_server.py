"""A server with meta-tools, which run the tool whose name they are given, written with the official SDK.

    python meta_server.py --port 8000     serve /hub/mcp
    python meta_server.py --capture DIR   write what it answers to tools/list

GET /executed lists every call that reached a tool, and under `ran` the tools that it ran itself.
"""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

try:
    from mcp.server.mcpserver import MCPServer as Server
except ModuleNotFoundError:  # mcp 1.x, where the same class has another name
    from mcp.server.fastmcp import FastMCP as Server

EXECUTED: list[dict[str, Any]] = []
# The call that is being executed, and the SDK's context of it.
CURRENT: ContextVar[tuple[dict[str, Any], tuple[Any, ...]]] = ContextVar("current")


class Hub(Server):
    """A tool server that records each call with the gate's decision before running it."""

    async def call_tool(self, name: str, arguments: dict[str, Any], *context: Any) -> Any:
        request = (context[0] if context else self.get_context()).request_context.request
        call = {"tool": name, "arguments": arguments, "decision": request.headers.get("toolgate-decision"), "ran": []}
        EXECUTED.append(call)
        CURRENT.set((call, context))
        return await super().call_tool(name, arguments, *context)

    async def run_inner(self, name: str, arguments: Any) -> str:
        """Runs another tool, as a call from outside would."""
        call, context = CURRENT.get()
        call["ran"].append({"tool": name, "arguments": arguments})
        return str(await super().call_tool(name, arguments or {}, *context))


hub = Hub("hub")
NOTES: dict[str, str] = {}


@hub.tool()
def get_note(id: str) -> str:
    """Reads a note."""
    return NOTES.get(id, "")


@hub.tool()
def set_note(id: str, text: str, stars: int = 0, secret: str | None = None) -> str:
    """Writes a note."""
    NOTES[id] = f"{text} {stars}"
    return id


@hub.tool()
def wipe(id: str = "") -> str:
    """Deletes all notes."""
    NOTES.clear()
    return id


@hub.tool()
async def call_tool(name: str, arguments: dict[str, Any] | None = None) -> str:
    """Runs the tool of this name with these arguments."""
    return await hub.run_inner(name, arguments)


@hub.tool()
async def call_text(name: str, arguments: str = "{}") -> str:
    """Runs the tool of this name with arguments in JSON."""
    return await hub.run_inner(name, json.loads(arguments))


@hub.tool()
async def call_any(name: str, arguments: Any = None) -> str:
    """Runs the tool of this name with arguments as they are, or in JSON."""
    return await hub.run_inner(name, json.loads(arguments) if isinstance(arguments, str) else arguments)


def application() -> Starlette:
    """The server, and the list of executed calls."""
    if hasattr(hub.settings, "json_response"):  # mcp 1.x
        hub.settings.json_response = True
        hub.settings.stateless_http = True
        served = hub.streamable_http_app()
    else:
        served = hub.streamable_http_app(json_response=True, stateless_http=True)

    @contextlib.asynccontextmanager
    async def sessions(_: Starlette) -> AsyncIterator[None]:
        async with hub.session_manager.run():
            yield

    async def executed(_: Any) -> JSONResponse:
        # As text: numbers beyond those of JSON would fail.
        return JSONResponse([{**call, "ran": json.dumps(call["ran"]), "arguments": None} for call in EXECUTED])

    return Starlette(routes=[Route("/executed", executed), Mount("/hub", served)], lifespan=sessions)


async def capture(directory: Path) -> None:
    """Captures the answer to tools/list."""
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in await hub.list_tools()]
    (directory / "hub.json").write_text(json.dumps({"tools": tools}, indent=2) + "\n")


def main() -> None:
    """Serves or captures, depending on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--capture", type=Path, metavar="DIR")
    options = parser.parse_args()
    if options.capture:
        asyncio.run(capture(options.capture))
    else:
        uvicorn.run(application(), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
