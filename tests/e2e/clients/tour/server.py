"""A server of either SDK generation with everything that the tour visits.

    python server.py --port 8000          serve /mcp (answers on event streams) and /json (answers as JSON)
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import tools
import uvicorn
from events import Events
from mcp import types
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

if tools.IS_OLD:
    from mcp.server.fastmcp import FastMCP as Server
else:
    from mcp.server.mcpserver import MCPServer as Server

PAGE = 4
SUBSCRIPTIONS = {
    "resources/subscribe": types.SubscribeRequestParams,
    "resources/unsubscribe": types.UnsubscribeRequestParams,
}


def note(id: str) -> str:
    """A note."""
    return f"note {id}"


def first_note() -> str:
    """The first note."""
    return "note first"


def secret() -> str:
    """What nobody may read."""
    return "the secret"


def summary(topic: str) -> str:
    """A summary of a topic."""
    return f"Sum up {topic}."


def confession() -> str:
    """What nobody may get."""
    return "Confess."


def server(**settings: Any) -> Server:
    """The server with all that it has."""
    made = Server("tour", **settings)
    for tool in tools.TYPED:
        made.add_tool(tool)
    for tool in tools.UNTYPED:
        made.add_tool(tool, structured_output=False)
    made.resource("note://desk/first")(first_note)
    made.resource("note://safe/secret")(secret)
    made.resource("note://desk/{id}")(note)
    made.prompt()(summary)
    made.prompt()(confession)
    return made


def page(whole: list[Any], cursor: str | None) -> tuple[list[Any], str | None]:
    """A part of a list, and where the next one begins."""
    start = int(cursor or 0)
    return whole[start : start + PAGE], str(start + PAGE) if start + PAGE < len(whole) else None


# An application, and what runs as long as it.
App = tuple[Starlette, list[Callable[[], AbstractAsyncContextManager[None]]]]


def old_app(*, json: bool) -> App:
    """The application of one server of the SDK 1.x."""
    import tasks

    made = server(json_response=json, streamable_http_path="/", event_store=Events(), retry_interval=100)
    low = made._mcp_server
    run_tasks = tasks.offer(made)

    # The SDK itself asks for the list without a request.
    async def list_tools(request: types.ListToolsRequest) -> types.ListToolsResult:
        params = request.params if request else None
        shown, more = page([*await made.list_tools(), tasks.TOOL], params.cursor if params else None)
        return types.ListToolsResult(tools=shown, nextCursor=more)

    async def nothing(_: Any) -> None: ...

    low.list_tools()(list_tools)
    low.subscribe_resource()(nothing)
    low.unsubscribe_resource()(nothing)
    return made.streamable_http_app(), [made.session_manager.run, run_tasks]


def new_app(*, json: bool) -> App:
    """The application of one server of the SDK 2.x."""
    made = server()

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:
        shown, more = page(await made.list_tools(), params.cursor if params else None)
        return types.ListToolsResult(tools=shown, next_cursor=more)

    async def nothing(*_: Any) -> types.EmptyResult:
        return types.EmptyResult()

    made._lowlevel_server.add_request_handler("tools/list", types.PaginatedRequestParams, list_tools)
    for method, params in SUBSCRIPTIONS.items():
        made._lowlevel_server.add_request_handler(method, params, nothing)
    events = {"event_store": Events(), "retry_interval": 100}
    made_app = made.streamable_http_app(json_response=json, streamable_http_path="/", **events)
    return made_app, [made.session_manager.run]


app = old_app if tools.IS_OLD else new_app
streams, json_answers = app(json=False), app(json=True)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for run in (*streams[1], *json_answers[1]):
            await stack.enter_async_context(run())
        yield


def executed(_: Any) -> JSONResponse:
    return JSONResponse([])


if __name__ == "__main__":
    routes = [Route("/executed", executed), Mount("/json", json_answers[0]), Mount("/mcp", streams[0])]
    # Longer than any pause, so that no connection ends while Envoy sends the next request on it.
    uvicorn.run(Starlette(routes=routes, lifespan=lifespan), port=int(sys.argv[2]), timeout_keep_alive=60)
