"""Runs one MCP session with the Python SDK 2.x; `harness/sdk.py` describes its input and output."""

import asyncio
import json
import sys
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client


async def main(job: dict[str, Any]) -> None:
    """Connects in the given mode, lists the tools, and makes the calls one after the other."""
    headers = {"authorization": f"Bearer {job['token']}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=10) as http,
        Client(streamable_http_client(job["url"], http_client=http), mode=job["mode"]) as client,
    ):
        listed = await client.list_tools()
        say({"protocol": client.protocol_version, "tools": [tool.name for tool in listed.tools]})
        for call in job["calls"]:
            try:
                result = await client.call_tool(call["tool"], call["arguments"])
                say({"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)})
            except MCPError as error:
                say({"exception": error.error.model_dump(mode="json")})


def say(line: Any) -> None:
    """Prints one line of the report."""
    print(json.dumps(line), flush=True)


asyncio.run(main(json.load(sys.stdin)))
