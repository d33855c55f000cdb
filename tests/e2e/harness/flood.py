"""Very many calls, each with a token of its own, as fast as Envoy answers."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

CONNECTIONS = 32
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
REASON = re.compile(rb"\r\ntoolgate-decision: [^\r]*?reason=([a-z_]+)")


def flood(port: int, tokens: Iterable[str], tool: str) -> Counter[str]:
    """Calls a tool once with each token; returns how often calls were `permitted`, or refused for which reason; others count under their status."""
    return asyncio.run(_flood(port, iter(tokens), tool))


async def _flood(port: int, tokens: Iterator[str], tool: str) -> Counter[str]:
    loop = asyncio.get_running_loop()
    before, after = _around(tool)
    calls, seen = (before + token.encode() + after for token in tokens), Counter[str]()
    clients = []
    for _ in range(CONNECTIONS):
        opened = await loop.create_connection(lambda: _Client(calls, seen, loop.create_future()), "127.0.0.1", port)
        clients.append(opened[1])
    await asyncio.gather(*(client.done for client in clients))
    return seen


class _Client(asyncio.Protocol):
    """A connection with one call at a time: Envoy closes those on which many are sent before the first is answered."""

    def __init__(self, calls: Iterator[bytes], seen: Counter[str], done: asyncio.Future[None]) -> None:
        self._calls, self._seen, self.done = calls, seen, done
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n") + 4
        length = LENGTH.search(self._received)
        if end < 4 or not length or len(self._received) < end + int(length[1]):
            return
        reason = REASON.search(self._received)
        status = self._received[9:12].decode()
        self._seen[reason[1].decode() if reason else "permitted" if status == "200" else status] += 1
        self._received = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("Envoy has closed the connection"))

    def _next(self) -> None:
        if call := next(self._calls, None):
            self._transport.write(call)
        else:
            self.done.set_result(None)
            self._transport.close()


def _around(tool: str) -> tuple[bytes, bytes]:
    """The bytes of a call before and after its token."""
    params = {"name": tool, "arguments": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    lines = [
        "content-type: application/json",
        "accept: application/json, text/event-stream",
        "mcp-protocol-version: 2025-11-25",
        f"content-length: {len(body)}",
    ]
    before = "POST /mcp HTTP/1.1\r\nhost: tools.example\r\nauthorization: Bearer "
    return before.encode(), "\r\n".join(["", *lines, "", body]).encode()
