"""Takes the tour with a client of either generation of the Python SDK.

It reads a JSON list of tours from stdin, each with a url, a token, a mode (`legacy` or `auto`), a key and a first id of
requests of its own, and its steps, and takes them all at once.
It prints one JSON line per step with the number of the tour, the step and its outcome. Steps that the SDK does not
have are not in the report.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp import types

try:
    import httpx
    from mcp import ClientSession, McpError
    from visits_old import OldVisits as Visits
except ModuleNotFoundError:
    import httpx2 as httpx
    from mcp import Client
    from mcp import MCPError as McpError
    from visits_new import NewVisits as Visits

from mcp.client.streamable_http import streamable_http_client

IS_OLD = "visits_old" in sys.modules
STEP_SECONDS = 20


async def answer(*_: Any) -> types.ElicitResult:
    """The user answers."""
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def greet(*_: Any) -> types.CreateMessageResult:
    """The model answers."""
    return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="Hi!"), model="none")


@asynccontextmanager
async def connected(tour: dict[str, Any]) -> AsyncIterator[Visits]:
    """A session."""
    updates: list[str] = []

    async def on_message(message: Any) -> None:
        note = getattr(message, "root", message)
        if isinstance(note, types.ResourceUpdatedNotification):
            updates.append(str(note.params.uri))

    callbacks = {"elicitation_callback": answer, "sampling_callback": greet, "message_handler": on_message}
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {tour['token']}"}, timeout=60) as http:
        transport = streamable_http_client(tour["url"], http_client=http)
        if IS_OLD:
            async with transport as (read, write, _), ClientSession(read, write, **callbacks) as session:
                session._request_id = tour["first_id"]
                opened = await session.initialize()
                yield Visits(session, updates, tour["key"], opened)
        else:
            async with Client(transport, mode=tour["mode"], **callbacks) as client:
                client.session._dispatcher._next_id = tour["first_id"]
                yield Visits(client, updates, tour["key"], client)


async def outcome(visit: Callable[[], Awaitable[Any]]) -> Any:
    """What comes of a step."""
    try:
        with anyio.fail_after(STEP_SECONDS):
            return await visit()
    except McpError as error:
        return {"error": {"code": error.error.code, "message": error.error.message}}
    except TimeoutError:
        return {"error": "no answer"}
    except Exception as error:
        # What the SDK cannot read is an outcome too.
        return {"error": repr(error)}


async def take(number: int, tour: dict[str, Any]) -> None:
    """Takes one tour."""
    async with connected(tour) as visits:
        for step in tour["steps"]:
            visit = getattr(visits, step, None)
            if visit and visits.has(step):
                print(json.dumps({"tour": number, "step": step, "outcome": await outcome(visit)}), flush=True)


async def main(tours: list[dict[str, Any]]) -> None:
    """Takes all tours."""
    await asyncio.gather(*(take(number, tour) for number, tour in enumerate(tours)))


asyncio.run(main(json.load(sys.stdin)))
