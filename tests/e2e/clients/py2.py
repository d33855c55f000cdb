"""Runs one MCP session with the Python SDK 2.x; `harness/sdk.py` describes its input and output."""

import asyncio
import json
import sys
import time
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client


async def main(job: dict[str, Any]) -> None:
    """Connects in the given mode, lists the tools, and makes the calls one after the other."""
    headers = {"authorization": f"Bearer {job['token']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=10) as http:
        if job["transport"] == "sse":
            transport = sse_client(job["url"], headers=headers)
        else:
            transport = streamable_http_client(job["url"], http_client=http)
        await run(job, transport)


async def run(job: dict[str, Any], transport: Any) -> None:
    """Runs the session over this transport."""
    async with Client(transport, mode=job["mode"]) as client:
        listed = await client.list_tools()
        say({"protocol": client.protocol_version, "tools": [tool.name for tool in listed.tools]})
        for call in job["calls"]:
            began = time.monotonic()
            try:
                result = await client.call_tool(call["tool"], call["arguments"])
                outcome = {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}
            except MCPError as error:
                outcome = {"exception": error.error.model_dump(mode="json")}
            say({**outcome, "seconds": time.monotonic() - began})


def say(line: Any) -> None:
    """Prints one line of the report."""
    print(json.dumps(line), flush=True)


asyncio.run(main(json.load(sys.stdin)))
