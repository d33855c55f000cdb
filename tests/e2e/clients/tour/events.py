"""What a server of either SDK generation remembers for clients that come back."""

from collections.abc import Callable
from typing import Any

from mcp.server.streamable_http import EventMessage, EventStore


class Events(EventStore):
    """Keeps events in memory."""

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
