"""The tools of the tour, for servers of either SDK generation."""

from typing import Any

import anyio
from pydantic import AnyUrl, BaseModel

try:
    from mcp.server.fastmcp import Context
    from mcp.types import SamplingMessage, TextContent

    IS_OLD = True
except ModuleNotFoundError:
    from mcp.server.mcpserver import Context
    from mcp.types import (
        CreateMessageRequest,
        CreateMessageRequestParams,
        ElicitRequest,
        ElicitRequestFormParams,
        InputRequiredResult,
        SamplingMessage,
        TextContent,
    )

    IS_OLD = False

# The calls of `wait` that were cancelled, by their keys.
CANCELLED: set[str] = set()


class Person(BaseModel):
    id: str
    email: str


class Answer(BaseModel):
    name: str


def is_modern(ctx: Context) -> bool:
    """Whether the request is of 2026-07-28, whose servers cannot ask in the middle of a call."""
    return not IS_OLD and (ctx.protocol_version or "") >= "2026-07-28"


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


async def find_person(id: str, ctx: Context) -> Person:
    """Finds a person, and reports its progress."""
    await ctx.report_progress(1, 2)
    return Person(id=id, email="ada@example.org")


async def count(to: int, ctx: Context) -> str:
    """Counts, and reports each number."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"{number} of {to}")
        await anyio.sleep(0.02)
    return "counted"


async def wait(key: str) -> str:
    """Waits until it is cancelled."""
    try:
        await anyio.sleep(20)
    except anyio.get_cancelled_exc_class():
        CANCELLED.add(key)
        raise
    return "nobody cancelled"


def was_cancelled(key: str) -> bool:
    """Whether the call of `wait` with this key was cancelled."""
    return key in CANCELLED


async def ask_person(ctx: Context) -> Any:
    """Asks the user for a name."""
    question = "What is your name?"
    if not is_modern(ctx):
        answer = await ctx.elicit(question, Answer)
        return f"Hello, {answer.data.name}!" if answer.action == "accept" else "Hello!"
    given = (ctx.input_responses or {}).get("name")
    if given is None:
        form = ElicitRequestFormParams(message=question, requested_schema=Answer.model_json_schema())
        return InputRequiredResult(input_requests={"name": ElicitRequest(params=form)})
    return f"Hello, {given.content['name']}!"


async def ask_model(ctx: Context) -> Any:
    """Asks the client's model."""
    messages = [SamplingMessage(role="user", content=TextContent(type="text", text="Write a greeting."))]
    if not is_modern(ctx):
        # Without the id the question goes to the stream of `GET`.
        answer = await ctx.session.create_message(messages, max_tokens=100, related_request_id=ctx.request_id)
        return answer.content.text
    given = (ctx.input_responses or {}).get("greeting")
    if given is None:
        params = CreateMessageRequestParams(messages=messages, max_tokens=100)
        return InputRequiredResult(input_requests={"greeting": CreateMessageRequest(params=params)})
    return given.content.text


async def touch(uri: str, ctx: Context) -> str:
    """Says that a resource has changed."""
    if is_modern(ctx):
        await ctx.notify_resource_updated(uri)
    else:
        await ctx.session.send_resource_updated(AnyUrl(uri) if IS_OLD else uri)
    return "touched"


async def hang_up(ctx: Context) -> str:
    """Breaks its stream off, and goes on."""
    await ctx.report_progress(1, 2, "before")
    await ctx.close_sse_stream()
    await anyio.sleep(0.2)
    return "after"


def fail() -> str:
    """Fails."""
    raise RuntimeError("it failed")


def erase() -> str:
    """Does what nobody may."""
    return "erased"


TYPED = (add, find_person)
UNTYPED = (count, wait, was_cancelled, ask_person, ask_model, touch, hang_up, fail, erase)
