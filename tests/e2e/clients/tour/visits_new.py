"""The steps of a client of the Python SDK 2.x."""

from typing import Any

import anyio
from visits import NOTE, SOON, Visits, dump


class NewVisits(Visits):
    """A session."""

    # The class of URIs.
    uri = str

    def has(self, step: str) -> bool:
        """Streams are not resumed since 2026-07-28."""
        return step != "hang_up" or not self.is_modern()

    def is_modern(self) -> bool:
        """Whether there is no handshake."""
        return bool(self.session.protocol_version >= "2026-07-28")

    def spelled(self, member: str) -> str:
        """A member as the SDK spells it."""
        return member

    async def page(self, ask: Any, cursor: str | None) -> Any:
        return await ask(cursor=cursor)

    async def initialize(self) -> Any:
        opened = self.session
        return [opened.protocol_version, dump(opened.server_capabilities), dump(opened.server_info)]

    async def subscribe(self) -> Any:
        if not self.is_modern():
            return await super().subscribe()
        async with self.session.listen(resource_subscriptions=[NOTE]) as events:
            await self.session.call_tool("touch", {"uri": NOTE})
            with anyio.fail_after(SOON):
                async for event in events:
                    return [repr(event)]

    async def begin_and_cancel(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self.session.call_tool, "wait", {"key": self.key})
            await anyio.sleep(0.3)
            group.cancel_scope.cancel()
