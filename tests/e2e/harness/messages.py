"""HTTP messages for the tests, the same for HTTP/1.1 and HTTP/2."""

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

Headers = tuple[tuple[str, str], ...]

MCP_HEADERS: Headers = (
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2025-11-25"),
)


@dataclasses.dataclass(frozen=True)
class Manner:
    """How a request is sent; this must not affect its outcome."""

    # The body is sent in pieces of this many bytes, each in its own chunk (HTTP/1.1) or DATA frame (HTTP/2).
    piece: int | None = None
    trailers: Headers = ()
    expect_continue: bool = False
    # Seconds between two pieces, so that the filter gets them one by one.
    pause: float = 0.0
    # Called before the second piece.
    at_half: Callable[[], object] | None = None

    def between(self, index: int) -> None:
        """Runs after the piece with this index."""
        time.sleep(self.pause)
        if index == 0 and self.at_half:
            self.at_half()

    @property
    def cut(self) -> bool:
        """Whether the length is not announced."""
        return self.piece is not None or bool(self.trailers)


WHOLE = Manner()

TRAILERS: Headers = (("x-checksum", "1"), ("x-note", "end"))

# Ways in which a client can make a proxy forward early.
MANNERS = {
    "whole": WHOLE,
    "chunks": Manner(piece=7, pause=0.001),
    "trailers": Manner(trailers=TRAILERS),
    "chunks-trailers": Manner(piece=7, trailers=TRAILERS),
    "expect-continue": Manner(expect_continue=True),
    "expect-continue-chunks-trailers": Manner(expect_continue=True, piece=7, trailers=TRAILERS),
}


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, and the manner of sending it."""

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""
    manner: Manner = WHOLE

    def pieces(self) -> list[bytes]:
        """The pieces of the body."""
        size = self.manner.piece or max(len(self.body), 1)
        return [self.body[start : start + size] for start in range(0, len(self.body), size)]

    def names(self, *names: str) -> bool:
        """Whether the request has one of these headers."""
        return any(name.lower() in names for name, _ in self.headers)

    @property
    def awaits_continue(self) -> bool:
        """Whether the body is only sent after the server's interim response."""
        return self.manner.expect_continue or self.names("expect")

    def sent(self, manner: Manner) -> "Request":
        """The same request sent in another manner."""
        return dataclasses.replace(self, manner=manner)

    def to(self, path: str) -> "Request":
        """The same request to another path."""
        return dataclasses.replace(self, path=path)

    def with_header(self, name: str, value: str) -> "Request":
        """The same request with an additional header."""
        return dataclasses.replace(self, headers=(*self.headers, (name, value)))


@dataclasses.dataclass(frozen=True)
class Response:
    """A complete response."""

    status: int
    headers: Headers
    body: bytes
    trailers: Headers = ()

    def header(self, name: str) -> str | None:
        """The value of a header; repeated lines are joined as HTTP defines."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(values) if values else None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def tool_call(path: str, tool: str, arguments: dict[str, Any], token: str | None = None) -> Request:
    """An MCP `tools/call` as defined by `call` in policy test files."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    return mcp_request(path, message, token)


def mcp_request(path: str, message: Any, token: str | None = None) -> Request:
    """A POST of one MCP message."""
    request = Request("POST", path, MCP_HEADERS, json.dumps(message).encode())
    return request if token is None else request.with_header("authorization", f"Bearer {token}")
