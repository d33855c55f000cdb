"""A server of either SDK generation whose results hold personal data in every place that a result has.

    python people.py --port 8000          serve /mcp with event streams, and /json with JSON answers
"""

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from mcp.types import CallToolResult, ResourceLink, TextContent
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

try:
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver import MCPServer as Server
    from mcp.server.mcpserver.exceptions import ToolError

    IS_OLD = False
except ModuleNotFoundError:  # mcp 1.x, where the same class has another name
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as Server
    from mcp.server.fastmcp.exceptions import ToolError

    IS_OLD = True

CANARY = "ada.canary@example.org"


class Person(BaseModel):
    id: str
    email: str
    phones: list[str]


ADA = Person(id="1", email=CANARY, phones=[CANARY, CANARY])


def person(id: str) -> Person:
    """One person."""
    return ADA


def people(id: str) -> list[Person]:
    """All of them."""
    return [ADA, ADA]


def letter(id: str) -> str:
    """A letter to the person."""
    return f"Dear {CANARY}"


def fails(id: str) -> str:
    """Fails with the address in its words."""
    raise ToolError(f"cannot write to {CANARY}")


async def talks(id: str, context: Context) -> str:
    """Tells of its progress first."""
    await context.report_progress(1, 2, f"writing to {CANARY}")
    await context.info(f"written to {CANARY}")
    return f"Dear {CANARY}"


def link(id: str) -> Any:
    """Links, and words beside."""
    link = ResourceLink(type="resource_link", uri=f"mailto:{CANARY}", name=CANARY)
    return CallToolResult(content=[link, TextContent(type="text", text=CANARY)], _meta={"to": CANARY})


def plain(id: str) -> Person:
    """The person, by a tool without labels."""
    return ADA


def server(**settings: Any) -> Server:
    """The server with its tools."""
    made = Server("people", **(settings if IS_OLD else {}))
    for tool in (person, people, letter, fails, talks, plain):
        made.add_tool(tool)
    made.add_tool(link, structured_output=False)
    return made


def app(*, json: bool) -> tuple[Server, Starlette]:
    """The application of one server."""
    if IS_OLD:
        made = server(stateless_http=True, json_response=json, streamable_http_path="/")
        return made, made.streamable_http_app()
    made = server()
    return made, made.streamable_http_app(stateless_http=True, json_response=json, streamable_http_path="/")


streams, json_answers = app(json=False), app(json=True)


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with streams[0].session_manager.run(), json_answers[0].session_manager.run():
        yield


def executed(_: Any) -> JSONResponse:
    return JSONResponse([])


if __name__ == "__main__":
    routes = [Route("/executed", executed), Mount("/json", json_answers[1]), Mount("/mcp", streams[1])]
    uvicorn.run(Starlette(routes=routes, lifespan=lifespan), port=int(sys.argv[2]))
