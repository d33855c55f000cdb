"""Calls the demo's tools with the official SDK's client, or with raw bytes that no client would send."""

import asyncio
import http.client
from dataclasses import dataclass
from typing import Any

import approving
import httpx2
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client

from story import Scene

DECISION = "toolgate-decision"
# Every call also sets the gate's own header to a forged value, which must not get through.
FORGED = {"toolgate-identity": 'principal="User::\\"root\\""'}


@dataclass(frozen=True)
class Outcome:
    """The result of a call."""

    status: int
    # Whether the caller got an error.
    refused: bool
    text: str
    # The value of `toolgate-decision`, which the caller only gets with refusals.
    header: str | None
    # The tools that the caller sees in the list.
    tools: tuple[str, ...] = ()
    # The page that the client was asked to open.
    page: str = ""


async def make(scene: Scene, port: int, token: str | None) -> Outcome:
    """Makes the call of a scene."""
    if scene.client == "raw":
        return raw(scene, port, token)
    return await with_client(scene, port, token)


async def with_client(scene: Scene, port: int, token: str | None) -> Outcome:
    """Acts as an agent: connects, lists the tools, calls one."""
    last: list[httpx2.Response] = []
    tools: tuple[str, ...] = ()
    pages: list[str] = []

    async def open_page(_: Any, asked: Any) -> types.ElicitResult:
        pages.append(asked.url)
        if not scene.approved:
            return types.ElicitResult(action="decline")
        await asyncio.to_thread(approving.approve, asked.url, scene.approved)
        return types.ElicitResult(action="accept")

    async def remember(response: httpx2.Response) -> None:
        if b'"tools/call"' in response.request.content:
            last.append(response)

    server, _, tool = scene.tool.partition("/")
    url = f"http://127.0.0.1:{port}/{server}/mcp"
    headers = FORGED | ({"authorization": f"Bearer {token}"} if token else {})
    try:
        async with (
            httpx2.AsyncClient(headers=headers, event_hooks={"response": [remember]}) as connection,
            Client(
                streamable_http_client(url, http_client=connection), mode=scene.client, elicitation_callback=open_page
            ) as client,
        ):
            tools = tuple(tool.name for tool in (await client.list_tools()).tools)
            result = await client.call_tool(tool, scene.arguments)
            refused, text = bool(result.is_error), "".join(getattr(part, "text", "") for part in result.content)
    except Exception as error:  # noqa: BLE001 whatever the SDK raises is what its user sees
        refused, text = True, repr(error)
    if not last:
        return Outcome(0, refused, text, None, tools)
    page = pages[0] if pages else ""
    return Outcome(last[-1].status_code, refused, text, last[-1].headers.get(DECISION), tools, page)


def raw(scene: Scene, port: int, token: str | None) -> Outcome:
    """Sends a request with any headers and any bytes."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    headers |= FORGED | scene.headers
    if token:
        headers["authorization"] = f"Bearer {token}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", f"/{scene.server}/mcp", scene.body, headers)
    response = connection.getresponse()
    text, header = response.read().decode(), response.getheader(DECISION)
    connection.close()
    return Outcome(response.status, response.status >= 400 or header is not None, text, header)
