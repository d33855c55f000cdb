"""Calls one tool with the Python SDK 2.x; when it is asked to open a page, prints the URL and waits for a line.

It reads one JSON job from stdin: url, token, tool and arguments; and prints the result as one JSON line.
"""

import asyncio
import json
import sys
from typing import Any

import httpx2
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client


async def opened(_: Any, asked: Any) -> types.ElicitResult:
    """The user opens the page, and comes back when it is decided."""
    print(json.dumps({"open": asked.url, "message": asked.message}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    return types.ElicitResult(action="accept")


async def main(job: dict[str, Any]) -> None:
    """Makes the call."""
    headers = {"authorization": f"Bearer {job['token']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(job["url"], http_client=http)
        async with Client(transport, mode="2026-07-28", elicitation_callback=opened) as client:
            result = await client.call_tool(job["tool"], job["arguments"])
            print(json.dumps({"result": result.model_dump(mode="json", by_alias=True)}), flush=True)


asyncio.run(main(json.loads(sys.stdin.readline())))
