"""A server with resources, prompts and completions, made with either generation of the Python SDK.

    python library.py --port 8000          serve /mcp

GET /executed lists what was read, got and completed.
Made for mcp 2.x; runs under mcp 1.30 as well.
"""

import argparse
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

try:
    from mcp.server.mcpserver import MCPServer as Server
except ModuleNotFoundError:  # mcp 1.x, where the same class has another name
    from mcp.server.fastmcp import FastMCP as Server

try:
    from mcp_types import Completion
except ModuleNotFoundError:
    from mcp.types import Completion

EXECUTED: list[dict[str, Any]] = []
library = Server("shelf")


def executed(kind: str, what: str) -> str:
    """Remembers what was done."""
    EXECUTED.append({"kind": kind, "what": what})
    return what


def book(uri: str) -> None:
    """Adds a resource."""

    @library.resource(uri)
    def read() -> str:
        return executed("read", uri)


for each in ("book://shelf/a", "book://shelf/b", "book://drafts/ann/1", "book://drafts/eve/1", "file:///srv/notes/a.md"):
    book(each)


@library.resource("book://drafts/{owner}/pages/{page}")
def page(owner: str, page: str) -> str:
    """A page of a draft."""
    return executed("read", f"{owner}/{page}")


@library.tool()
def lend(book: str) -> str:
    """Lends a book."""
    return executed("call", book)


@library.prompt()
def summary(book: str, reader: str = "") -> str:
    """Asks for a summary."""
    return executed("get", f"summary of {book}")


@library.prompt()
def greeting() -> str:
    """Says hello."""
    return executed("get", "greeting")


@library.prompt()
def farewell() -> str:
    """Says goodbye."""
    return executed("get", "farewell")


@library.completion()
async def complete(ref: Any, argument: Any, context: Any) -> Completion:
    """Completes any argument."""
    return Completion(values=[executed("complete", argument.name)], total=1)


def application(port: int) -> Starlette:
    """The server, without sessions."""
    if hasattr(library, "settings") and hasattr(library.settings, "stateless_http"):
        library.settings.stateless_http = True
        library.settings.port = port
        served = library.streamable_http_app()
    else:
        served = library.streamable_http_app(stateless_http=True)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with library.session_manager.run():
            yield

    log = Route("/executed", lambda _: JSONResponse(EXECUTED))
    return Starlette(routes=[log, Mount("/", served)], lifespan=lifespan)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    uvicorn.run(application(given.port), host="127.0.0.1", port=given.port, log_level="warning")
