"""Runs one MCP session with the Python SDK 1.x; `harness/sdk.py` describes its input and output."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession, McpError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def connect(job: dict[str, Any]) -> AsyncIterator[tuple[Any, Any]]:
    """The streams of the transport that the job names."""
    headers = {"authorization": f"Bearer {job['token']}"}
    if job["transport"] == "sse":
        async with sse_client(job["url"], headers=headers) as streams:
            yield streams
    else:
        async with (
            httpx.AsyncClient(headers=headers, timeout=10) as http,
            streamable_http_client(job["url"], http_client=http) as (read, write, _),
        ):
            yield read, write


async def main(job: dict[str, Any]) -> None:
    """Initializes, lists the tools, and makes the calls one after the other."""
    async with connect(job) as (read, write), ClientSession(read, write) as session:
        opened = await session.initialize()
        listed = await session.list_tools()
        say({"protocol": opened.protocolVersion, "tools": [tool.name for tool in listed.tools]})
        for call in job["calls"]:
            began = time.monotonic()
            try:
                result = await session.call_tool(call["tool"], call["arguments"])
                outcome = {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}
            except McpError as error:
                outcome = {"exception": error.error.model_dump(mode="json")}
            say({**outcome, "seconds": time.monotonic() - began})


def say(line: Any) -> None:
    """Prints one line of the report."""
    print(json.dumps(line), flush=True)


asyncio.run(main(json.load(sys.stdin)))
