"""Runs one MCP session with FastMCP's client; `harness/sdk.py` describes its input and output."""

import asyncio
import json
import sys
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport


async def main(job: dict[str, Any]) -> None:
    """Connects in the given mode, lists the tools, and makes the calls one after the other."""
    headers = {"authorization": f"Bearer {job['token']}"}
    async with Client(StreamableHttpTransport(job["url"], headers), timeout=10, mode=job["mode"]) as client:
        listed = await client.list_tools()
        say({"protocol": client.protocol_version, "tools": [tool.name for tool in listed]})
        for call in job["calls"]:
            result = await client.call_tool_mcp(call["tool"], call["arguments"])
            say({"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)})


def say(line: Any) -> None:
    """Prints one line of the report."""
    print(json.dumps(line), flush=True)


asyncio.run(main(json.load(sys.stdin)))
