"""A server of the Python SDK 1.x whose tasks are for everybody who knows their ids, in whatever session.

    python shared_tasks.py --port 8000          serve /mcp (answers on event streams) and /json (answers as JSON)
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any
from uuid import uuid4

import uvicorn
from mcp import types
from mcp.server.fastmcp import FastMCP
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

SCHEMA = {"type": "object", "properties": {"of": {"type": "string"}}, "required": ["of"]}
TOOL = types.Tool(
    name="report",
    description="Writes a report, as a task.",
    inputSchema=SCHEMA,
    execution=types.ToolExecution(taskSupport=types.TASK_REQUIRED),
)


def app(*, json: bool) -> tuple[Starlette, list[Callable[[], AbstractAsyncContextManager[None]]]]:
    """The application of one server, and what runs as long as it."""
    made = FastMCP("tasks", json_response=json, streamable_http_path="/")
    low = made._mcp_server
    support = low.experimental.enable_tasks()
    # The SDK ends it with the first session that ends.
    run, support.run = support.run, nullcontext

    async def list_tools() -> list[types.Tool]:
        return [TOOL]

    async def call_tool(_: str, arguments: dict[str, Any]) -> Any:
        async def work(_: Any) -> types.CallToolResult:
            words = f"The report of {arguments['of']}"
            return types.CallToolResult(content=[types.TextContent(type="text", text=words)])

        # One that the SDK chooses is bound to the session.
        return await low.request_context.experimental.run_task(work, task_id=str(uuid4()))

    low.list_tools()(list_tools)
    low.call_tool(validate_input=False)(call_tool)
    return made.streamable_http_app(), [made.session_manager.run, run]


def executed(_: Any) -> JSONResponse:
    return JSONResponse([])


if __name__ == "__main__":
    streams, json_answers = app(json=False), app(json=True)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for run in (*streams[1], *json_answers[1]):
                await stack.enter_async_context(run())
            yield

    routes = [Route("/executed", executed), Mount("/json", json_answers[0]), Mount("/mcp", streams[0])]
    # Longer than any pause, so that no connection ends while Envoy sends the next request on it.
    uvicorn.run(Starlette(routes=routes, lifespan=lifespan), port=int(sys.argv[2]), timeout_keep_alive=60)
