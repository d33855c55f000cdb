"""Runs one MCP session with LangChain's adapter; `harness/sdk.py` describes its input and output."""

import asyncio
import json
import sys
from typing import Any

from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import convert_mcp_tool_to_langchain_tool, load_mcp_tools
from mcp.types import Tool


async def main(job: dict[str, Any]) -> None:
    """Loads the tools, and invokes them as an agent does after its model has chosen one."""
    headers = {"authorization": f"Bearer {job['token']}"}
    server = {"transport": "streamable_http", "url": job["url"], "headers": headers}
    async with MultiServerMCPClient({"crm": server}).session("crm", auto_initialize=False) as session:
        opened = await session.initialize()
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}
        say({"protocol": opened.protocolVersion, "tools": list(tools)})
        for call in job["calls"]:
            name = call["tool"]
            # A tool that is not listed was in an older list.
            tool = tools.get(name) or convert_mcp_tool_to_langchain_tool(session, Tool(name=name, inputSchema={}))
            invoked = {"type": "tool_call", "id": "1", "name": name, "args": call["arguments"]}
            message = await tool.ainvoke(invoked)
            say({"result": {"isError": message.status == "error", "content": message.content_blocks}})


def say(line: Any) -> None:
    """Prints one line of the report."""
    print(json.dumps(line), flush=True)


asyncio.run(main(json.load(sys.stdin)))
