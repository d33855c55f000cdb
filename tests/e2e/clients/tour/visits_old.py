"""The steps of a client of the Python SDK 1.x."""

from typing import Any

import anyio
from mcp import McpError, types
from pydantic import AnyUrl
from visits import Visits, dump

CAMEL = {"resource_templates": "resourceTemplates", "next_cursor": "nextCursor"}


class OldVisits(Visits):
    """A session."""

    # The class of URIs.
    uri = AnyUrl

    def has(self, step: str) -> bool:
        """Whether the server says that it has what the step needs."""
        return step != "task" or self.opened.capabilities.tasks is not None

    def spelled(self, member: str) -> str:
        """A member as the SDK spells it."""
        return CAMEL.get(member, member)

    async def page(self, ask: Any, cursor: str | None) -> Any:
        return await ask(params=types.PaginatedRequestParams(cursor=cursor) if cursor else None)

    async def initialize(self) -> Any:
        return dump(self.opened)

    async def begin_and_cancel(self) -> None:
        # The SDK has no other way to tell which request is cancelled.
        number = self.session._request_id

        async def wait() -> None:
            try:
                await self.session.call_tool("wait", {"key": self.key})
            except McpError:
                pass

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.sleep(0.3)
            params = types.CancelledNotificationParams(requestId=number)
            note = types.CancelledNotification(params=params)
            await self.session.send_notification(types.ClientNotification(note))
            await anyio.sleep(0.3)
            group.cancel_scope.cancel()

    async def task(self) -> Any:
        tasks = self.session.experimental
        created = await tasks.call_tool_as_task("sum_up", {"to": 4}, ttl=60000)
        states = [created.task.status]
        async for state in tasks.poll_task(created.task.taskId):
            states.append(state.status)
        result = await tasks.get_task_result(created.task.taskId, types.CallToolResult)
        listed = await tasks.list_tasks()
        return {
            "states": list(dict.fromkeys(states)),
            "result": [each.text for each in result.content],
            "listed": created.task.taskId in [each.taskId for each in listed.tasks],
        }
