"""A server with what the scenarios of the official conformance suite ask for, written with the Python SDK 2.x.

It serves 2026-07-28 and the older revisions. Names, addresses and words of the suite are not ours to choose.

    python server.py --port 8000          serve /mcp
"""

import asyncio
import base64
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import asks
from asks import Asked, answers, form, missing
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.streamable_http import EventMessage, EventStore
from mcp.types import (
    AudioContent,
    Completion,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse
from tasks import Tasks

# The smallest PNG with one pixel, and a WAV without samples.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
SILENCE = base64.b64encode(
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\0\0\0"
).decode()

server = MCPServer(
    "conformance", version="1", request_state_security=RequestStateSecurity(keys=[b"k" * 32]), extensions=[Tasks()]
)
asks.register(server)


@server.custom_route("/executed", methods=["GET"])
async def executed(_: Any) -> JSONResponse:
    """The old requests so far, oldest first."""
    return JSONResponse(EXECUTED)


# What tools return.


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def image() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


def resource(uri: str, words: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type="text/plain", text=words)
    return EmbeddedResource(type="resource", resource=contents)


@server.tool()
def test_simple_text() -> str:
    """Returns a text."""
    return "This is a simple text response for testing."


@server.tool()
def test_image_content() -> list[ImageContent]:
    """Returns an image."""
    return [image()]


@server.tool()
def test_audio_content() -> list[AudioContent]:
    """Returns a sound."""
    return [AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")]


@server.tool()
def test_embedded_resource() -> list[EmbeddedResource]:
    """Returns a resource."""
    return [resource("test://embedded-resource", "This is an embedded resource content.")]


@server.tool()
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Returns a text, an image and a resource."""
    return [text("Multiple content types test:"), image(), resource("test://mixed-content-resource", "{}")]


@server.tool()
def test_error_handling() -> str:
    """Fails."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@server.tool()
def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "") -> str:
    """Has an argument that a header repeats."""
    return region


# What tools do while they run.


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Logs three times."""
    for step in ("started", "processing data", "completed"):
        await ctx.info(f"Tool execution {step}")
        await asyncio.sleep(0.05)
    return "done"


@server.tool()
async def test_logging_tool(ctx: Context) -> str:
    """Logs once."""
    await ctx.info("running")
    return "done"


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Reports its progress three times."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100, f"{progress} of 100")
        await asyncio.sleep(0.05)
    return "done"


@server.tool()
async def test_reconnection(ctx: Context) -> str:
    """Closes its stream, and goes on."""
    await ctx.close_sse_stream()
    await asyncio.sleep(0.2)
    return "Reconnection test completed"


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    """Adds a tool and removes it."""
    server.add_tool(test_simple_text, name="test_for_a_moment")
    server.remove_tool("test_for_a_moment")
    await ctx.notify_tools_changed()
    return "done"


@server.tool()
async def test_trigger_prompt_change(ctx: Context) -> str:
    """Says that the prompts have changed."""
    await ctx.notify_prompts_changed()
    return "done"


# A schema that no type hint makes.

CONTACT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@server.tool()
def json_schema_2020_12_tool() -> str:
    """Has a schema with keywords of 2020-12."""
    return "done"


# The SDK has no public way to set a schema.
server._tool_manager._tools["json_schema_2020_12_tool"].parameters = CONTACT


# Resources.


@server.resource("test://static-text")
def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


@server.resource("test://static-binary")
def static_binary() -> bytes:
    """An image."""
    return base64.b64decode(PIXEL)


@server.resource("test://watched-resource")
def watched() -> str:
    """A text to subscribe to."""
    return "Watched resource content"


@server.resource("test://template/{id}/data")
def template(id: str) -> str:
    """A text with its id."""
    return f'{{"id": "{id}"}}'


# Prompts.


@server.prompt()
def test_simple_prompt() -> str:
    """A text."""
    return "This is a simple prompt for testing."


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A text with its arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    """A resource and a text."""
    return [UserMessage(resource(resourceUri, "Embedded resource content.")), UserMessage(text("Process it."))]


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    """An image and a text."""
    return [UserMessage(image()), UserMessage(text("Please analyze the image above."))]


@server.prompt()
async def test_input_required_result_prompt(ctx: Context) -> Asked:
    """Needs a context."""
    return "Use the context." if answers(ctx, "user_context") else missing(user_context=form("Context?", "context"))


@server.completion()
async def complete(*_: Any) -> Completion:
    return Completion(values=[], total=0, has_more=False)


# Requests that only the low level of the SDK knows.


EXECUTED: list[str] = []


def nothing(method: str) -> Callable[..., Awaitable[EmptyResult]]:
    async def handle(*_: Any) -> EmptyResult:
        EXECUTED.append(method)
        return EmptyResult()

    return handle


OLD: list[tuple[Literal["logging/setLevel", "resources/subscribe", "resources/unsubscribe"], type[BaseModel]]] = [
    ("logging/setLevel", SetLevelRequestParams),
    ("resources/subscribe", SubscribeRequestParams),
    ("resources/unsubscribe", UnsubscribeRequestParams),
]
for method, parameters in OLD:
    server._lowlevel_server.add_request_handler(method, parameters, nothing(method))


class Events(EventStore):
    """Keeps events in memory, so that a client that comes back gets those that it has missed."""

    def __init__(self) -> None:
        self._events: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: Callable[..., Any]) -> str | None:
        last = int(last_event_id)
        stream, _ = self._events[last - 1]
        for number, (of, message) in enumerate(self._events[last:], last + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


if __name__ == "__main__":
    # A short interval, so that clients that were cut off come back at once.
    server.run("streamable-http", port=int(sys.argv[2]), event_store=Events(), retry_interval=100)
