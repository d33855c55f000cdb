"""Many clients that call tools at the same time, each on a connection of its own."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

# Where Envoy listens, the token, and the tool with its arguments.
Call = tuple[str, dict[str, Any]]


class Caller:
    """A connection to Envoy with a token."""

    def __init__(self, port: int, token: str, path: str = "/mcp") -> None:
        self._port, self._token, self._path = port, token, path
        # The headers of the last response.
        self.answered: dict[str, str] = {}

    async def __aenter__(self) -> "Caller":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def call(self, tool: str, arguments: dict[str, Any] | None = None, **fields: str) -> str | None:
        """Calls a tool; returns the reason of a refusal, or none."""
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments or {}}}
        body = json.dumps(message).encode()
        headers = {
            "host": "tools.example",
            "authorization": f"Bearer {self._token}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2025-11-25",
            "content-length": str(len(body)),
        } | fields
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"POST {self._path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        status, self.answered = await self._response()
        decision = self.answered.get("toolgate-decision")
        if status != 200 and not decision:
            raise RuntimeError(f"status {status}")
        return decision.split("reason=")[1].split(";")[0] if decision else None

    async def _response(self) -> tuple[int, dict[str, str]]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        if "chunked" in headers.get("transfer-encoding", ""):
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                await self._reader.readexactly(size + 2)
            await self._reader.readexactly(2)
        else:
            await self._reader.readexactly(int(headers.get("content-length", "0")))
        return int(status.split()[1]), headers


def together(*clients: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Runs clients at the same time, and returns what each does."""

    async def run() -> list[Any]:
        return await asyncio.gather(*(client() for client in clients))

    return asyncio.run(run())
