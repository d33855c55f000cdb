"""The extension `io.modelcontextprotocol/tasks` (SEP-2663) of the conformance server."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from asks import form, missing
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding, ToolBinding
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    ElicitRequest,
    InputRequiredResult,
    RequestParams,
)

TTL_MILLISECONDS = 60_000
COMPLETE = {"resultType": "complete"}


class TaskParams(RequestParams):
    """The parameters of `tasks/get`, `tasks/update` and `tasks/cancel`."""

    task_id: str
    input_responses: dict[str, Any] | None = None


class Job:
    """A call that runs on after its response."""

    def __init__(self) -> None:
        self.id = str(uuid4())
        self._created = now()
        self._ending: dict[str, Any] = {}
        self._asked: dict[str, ElicitRequest] = {}
        self._answered = asyncio.Event()

    def start(self, call: CallNext, ctx: ServerRequestContext[Any, Any]) -> None:
        """Runs the call."""
        self._running = asyncio.create_task(self._run(call, ctx))

    async def ask(self, **requests: ElicitRequest) -> None:
        """Waits for all answers."""
        self._asked = requests
        await self._answered.wait()

    def update(self, answers: dict[str, Any]) -> None:
        """Takes answers, in any number."""
        self._asked = {name: request for name, request in self._asked.items() if name not in answers}
        if not self._asked:
            self._answered.set()

    def cancel(self) -> None:
        """Ends the call, unless it has ended."""
        if not self._ending:
            self._running.cancel()
            self._ending = {"status": "cancelled"}

    def shown(self) -> dict[str, Any]:
        """The task as clients see it."""
        task = {"taskId": self.id, "createdAt": self._created, "lastUpdatedAt": now(), "ttlMs": TTL_MILLISECONDS}
        if self._ending:
            return task | self._ending
        if self._asked:
            return task | {"status": "input_required", "inputRequests": dumped(self._asked)}
        return task | {"status": "working"}

    async def _run(self, call: CallNext, ctx: ServerRequestContext[Any, Any]) -> None:
        CURRENT.set(self)
        try:
            result = await call(ctx)
        except MCPError as error:
            self._ending = {"status": "failed", "error": error.error.model_dump(mode="json", exclude_none=True)}
        else:
            shown = result.model_dump(mode="json", by_alias=True, exclude_none=True)
            self._ending = {"status": "completed", "result": shown}


CURRENT: ContextVar[Job] = ContextVar("CURRENT")


def now() -> str:
    """The time as the protocol writes it."""
    return datetime.now(UTC).isoformat()


def dumped(requests: dict[str, ElicitRequest]) -> dict[str, Any]:
    """Requests as JSON."""
    return {name: each.model_dump(mode="json", by_alias=True, exclude_none=True) for name, each in requests.items()}


# The tools.


def greet(name: str) -> str:
    """Greets."""
    return f"Hello, {name}!"


async def slow_compute(seconds: int, label: str = "") -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return f"{label} is done"


async def failing_job() -> str:
    """Fails after a while."""
    await asyncio.sleep(0.5)
    raise RuntimeError("this job fails")


async def protocol_error_job() -> str:
    """Cannot be run."""
    raise MCPError(INTERNAL_ERROR, "this job breaks")


async def confirm_delete(filename: str = "") -> str:
    """Asks before it deletes nothing."""
    if job := CURRENT.get(None):
        await job.ask(confirm=form(f"Delete {filename}?", "confirm", "boolean"))
    return f"{filename} is as it was"


async def multi_input() -> str:
    """Asks two questions at once."""
    if job := CURRENT.get(None):
        await job.ask(first=form("First?", "answer"), second=form("Second?", "answer"))
    return "done"


async def test_tool_with_task(ctx: Context) -> str | InputRequiredResult:
    """Asks, and then runs as a task."""
    answer = (ctx.input_responses or {}).get("user_name")
    if answer is None:
        return missing("asked", user_name=form("What is your name?", "name"))
    return f"Hello, {(answer.content or {}).get('name')}!"


# Tools that run as tasks if the client knows tasks, and those that run in no other way.
POSSIBLE = {slow_compute.__name__, protocol_error_job.__name__, confirm_delete.__name__, multi_input.__name__}
REQUIRED = {failing_job.__name__, test_tool_with_task.__name__}


class Tasks(Extension):
    """Runs some calls as tasks."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def tools(self) -> Sequence[ToolBinding]:
        every = (greet, slow_compute, failing_job, protocol_error_job, confirm_delete, multi_input, test_tool_with_task)
        return [ToolBinding(tool) for tool in every]

    def methods(self) -> Sequence[MethodBinding]:
        handlers = {"tasks/get": self._get, "tasks/update": self._update, "tasks/cancel": self._cancel}
        return [MethodBinding(method, TaskParams, handler) for method, handler in handlers.items()]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if params.name in REQUIRED:
            require_client_extension(ctx, self.identifier)
        elif params.name not in POSSIBLE or not self._is_known(ctx):
            return await call_next(ctx)
        if params.name == test_tool_with_task.__name__ and not params.input_responses:
            return await call_next(ctx)
        job = Job()
        self._jobs[job.id] = job
        job.start(call_next, ctx)
        return {"resultType": "task", **job.shown()}

    def _is_known(self, ctx: ServerRequestContext[Any, Any]) -> bool:
        capabilities = ctx.session.client_capabilities
        return self.identifier in ((capabilities and capabilities.extensions) or {})

    def _job(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> Job:
        require_client_extension(ctx, self.identifier)
        if params.task_id not in self._jobs:
            raise MCPError(INVALID_PARAMS, "there is no such task")
        return self._jobs[params.task_id]

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        return COMPLETE | self._job(ctx, params).shown()

    async def _update(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        self._job(ctx, params).update(params.input_responses or {})
        return COMPLETE

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        self._job(ctx, params).cancel()
        return COMPLETE
