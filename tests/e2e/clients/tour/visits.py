"""The steps that clients of both generations of the Python SDK take alike."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio

NOTE = "note://desk/first"
# How long a client waits for what comes later.
SOON = 5


def dump(result: Any) -> Any:
    """A result as JSON."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


class Visits:
    """A session, and what it sees."""

    def __init__(self, session: Any, updates: list[str], key: str, opened: Any) -> None:
        self.session = session
        self.updates = updates
        self.key = key
        self.opened = opened

    async def tools(self) -> Any:
        return await self.pages(self.session.list_tools, "tools")

    async def add(self) -> Any:
        return dump(await self.session.call_tool("add", {"a": 1, "b": 2}))

    async def find_person(self) -> Any:
        return await self.with_progress("find_person", {"id": "p-1"})

    async def count(self) -> Any:
        return await self.with_progress("count", {"to": 3})

    async def fail(self) -> Any:
        return dump(await self.session.call_tool("fail", {}))

    async def ask_person(self) -> Any:
        return dump(await self.session.call_tool("ask_person", {}))

    async def ask_model(self) -> Any:
        return dump(await self.session.call_tool("ask_model", {}))

    async def hang_up(self) -> Any:
        return await self.with_progress("hang_up", {})

    async def resources(self) -> Any:
        return await self.pages(self.session.list_resources, "resources")

    async def templates(self) -> Any:
        return await self.pages(self.session.list_resource_templates, "resource_templates")

    async def read(self) -> Any:
        return dump(await self.session.read_resource(self.uri(NOTE)))

    async def read_nothing(self) -> Any:
        return dump(await self.session.read_resource(self.uri("note://nowhere/none")))

    async def subscribe(self) -> Any:
        taken = [dump(await self.session.subscribe_resource(self.uri(NOTE)))]
        await self.session.call_tool("touch", {"uri": NOTE})
        seen = await soon(lambda: self.updates[:1])
        return [*taken, dump(await self.session.unsubscribe_resource(self.uri(NOTE))), seen]

    async def prompts(self) -> Any:
        return await self.pages(self.session.list_prompts, "prompts")

    async def prompt(self) -> Any:
        return dump(await self.session.get_prompt("summary", {"topic": "rain"}))

    async def cancel(self) -> Any:
        await self.begin_and_cancel()

        async def cancelled() -> bool:
            result = await self.session.call_tool("was_cancelled", {"key": self.key})
            return bool(result.content[0].text == "true")

        return {"cancelled": await soon(cancelled)}

    async def with_progress(self, tool: str, arguments: dict[str, Any]) -> Any:
        seen: list[Any] = []

        async def on_progress(*progress: Any) -> None:
            seen.append(progress)

        result = await self.session.call_tool(tool, arguments, progress_callback=on_progress)
        return {"progress": seen, "result": dump(result)}

    async def pages(self, ask: Callable[..., Awaitable[Any]], member: str) -> Any:
        """The pages of a list."""
        found, cursor = [], None
        while True:
            answer = await self.page(ask, cursor)
            found.append([dump(each) for each in getattr(answer, self.spelled(member))])
            cursor = getattr(answer, self.spelled("next_cursor"))
            if cursor is None:
                return found


async def soon(condition: Callable[[], Any]) -> Any:
    """What the condition is once it is true, or after a while."""
    with anyio.move_on_after(SOON):
        while True:
            seen = condition()
            seen = await seen if isinstance(seen, Awaitable) else seen
            if seen:
                return seen
            await anyio.sleep(0.05)
    return None
