"""A tool that runs as a task, as the Python SDK 1.x has it."""

from contextlib import nullcontext
from typing import Any

import anyio
from mcp import types
from mcp.server.fastmcp import FastMCP

SCHEMA = {"type": "object", "properties": {"to": {"type": "integer"}}, "required": ["to"]}
TOOL = types.Tool(
    name="sum_up",
    description="Adds the first numbers, as a task.",
    inputSchema=SCHEMA,
    execution=types.ToolExecution(taskSupport=types.TASK_REQUIRED),
)


def offer(made: FastMCP) -> Any:
    """Adds the tool to a server; returns what must run as long as it."""
    low = made._mcp_server
    support = low.experimental.enable_tasks()
    # The SDK ends it with the first session that ends.
    run, support.run = support.run, nullcontext

    async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
        if name != TOOL.name:
            return await made.call_tool(name, arguments)

        async def work(task: Any) -> types.CallToolResult:
            await anyio.sleep(0.1)
            words = str(sum(range(arguments["to"] + 1)))
            return types.CallToolResult(content=[types.TextContent(type="text", text=words)])

        return await low.request_context.experimental.run_task(work)

    low.call_tool(validate_input=False)(call_tool)
    return run
