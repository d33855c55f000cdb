"""Runs one MCP session with the Python SDK 1.x; `harness/sdk.py` describes its input and output."""

import asyncio
import json
import sys
from typing import Any

import httpx
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client


async def main(job: dict[str, Any]) -> None:
    """Initializes, lists the tools, and makes the calls one after the other."""
    headers = {"authorization": f"Bearer {job['token']}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=10) as http,
        streamable_http_client(job["url"], http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        opened = await session.initialize()
        listed = await session.list_tools()
        say({"protocol": opened.protocolVersion, "tools": [tool.name for tool in listed.tools]})
        for call in job["calls"]:
            try:
                result = await session.call_tool(call["tool"], call["arguments"])
                say({"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)})
            except McpError as error:
                say({"exception": error.error.model_dump(mode="json")})


def say(line: Any) -> None:
    """Prints one line of the report."""
    print(json.dumps(line), flush=True)


asyncio.run(main(json.load(sys.stdin)))
