"""Tools of the conformance server that ask the client for something."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field

Asked = str | InputRequiredResult


def form(message: str, member: str, kind: str = "string") -> ElicitRequest:
    """A question with one answer."""
    schema = {"type": "object", "properties": {member: {"type": kind}}, "required": [member]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def missing(state: str | None = None, **requests: Any) -> InputRequiredResult:
    """The result of a call that must be repeated with answers."""
    return InputRequiredResult(input_requests=requests, request_state=state)


def answers(ctx: Context, *names: str) -> bool:
    """Whether the client has answered these questions."""
    return set(names) <= set(ctx.input_responses or {})


# What tools ask of the client, before 2026-07-28.


class Answer(BaseModel):
    response: str


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Annotated[str, Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})] = "active"
    verified: bool = True


TITLED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]
PLAIN = {"type": "string", "enum": ["option1", "option2", "option3"]}


class Choices(BaseModel):
    untitledSingle: str = Field(json_schema_extra=PLAIN)
    titledSingle: str = Field(json_schema_extra={"oneOf": TITLED})
    legacyEnum: str = Field(json_schema_extra={"enum": ["opt1", "opt2"], "enumNames": ["One", "Two"]})
    untitledMulti: list[str] = Field(json_schema_extra={"items": PLAIN})
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": TITLED}})


async def elicited(ctx: Context, message: str, schema: type[BaseModel]) -> str:
    result = await ctx.elicit(message, schema)
    content = result.data.model_dump_json() if result.action == "accept" else "{}"
    return f"Elicitation completed: action={result.action}, content={content}"


async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user."""
    return await elicited(ctx, message, Answer)


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks the user, with defaults."""
    return await elicited(ctx, "Who are you?", Defaults)


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks the user to choose."""
    return await elicited(ctx, "Which ones?", Choices)


async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model."""
    messages = [SamplingMessage(role="user", content=TextContent(type="text", text=prompt))]
    # Without the id the question goes to the stream of `GET`, which may not be open.
    result = await ctx.session.create_message(messages, max_tokens=100, related_request_id=ctx.request_id)
    return f"LLM response: {getattr(result.content, 'text', '')}"


# What tools ask of the client, since 2026-07-28: the result says what is missing, and the call is repeated with it.

def sampling(prompt: str) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=TextContent(type="text", text=prompt))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=50))


async def test_input_required_result_elicitation(ctx: Context) -> Asked:
    """Needs the user's name."""
    answer = (ctx.input_responses or {}).get("user_name")
    if isinstance(answer, ElicitResult) and answer.content:
        return f"Hello, {answer.content['name']}!"
    return missing(user_name=form("What is your name?", "name"))


async def test_streaming_elicitation(ctx: Context) -> Asked:
    """Needs the user's name, and reports its progress meanwhile."""
    await ctx.report_progress(1, 2)
    return missing(user_name=form("What is your name?", "name"))


async def test_input_required_result_sampling(ctx: Context) -> Asked:
    """Needs an answer of the client's model."""
    if answers(ctx, "capital_question"):
        return "The capital of France is known."
    return missing(capital_question=sampling("What is the capital of France?"))


async def test_input_required_result_list_roots(ctx: Context) -> Asked:
    """Needs the client's roots."""
    return "The roots are known." if answers(ctx, "client_roots") else missing(client_roots=ListRootsRequest())


async def test_input_required_result_request_state(ctx: Context) -> Asked:
    """Needs a confirmation, and its own state."""
    if answers(ctx, "confirm") and ctx.request_state == "asked":
        return "state-ok"
    return missing("asked", confirm=form("Go on?", "ok", "boolean"))


async def test_input_required_result_tampered_state(ctx: Context) -> Asked:
    """Needs its own state, which the SDK seals."""
    return "state-ok" if ctx.request_state else missing("asked", confirm=form("Go on?", "ok", "boolean"))


async def test_input_required_result_multiple_inputs(ctx: Context) -> Asked:
    """Needs the user, the model and the roots."""
    if answers(ctx, "user_name", "greeting", "client_roots"):
        return "Everything is known."
    return missing(
        "asked",
        user_name=form("What is your name?", "name"),
        greeting=sampling("Write a greeting."),
        client_roots=ListRootsRequest(),
    )


async def test_input_required_result_multi_round(ctx: Context) -> Asked:
    """Needs two answers, one after the other."""
    if ctx.request_state == "second" and answers(ctx, "step2"):
        return "Both steps are done."
    if ctx.request_state == "first" and answers(ctx, "step1"):
        return missing("second", step2=form("Step 2: What is your favorite color?", "color"))
    return missing("first", step1=form("Step 1: What is your name?", "name"))


async def test_input_required_result_capabilities(ctx: Context) -> Asked:
    """Needs whatever the client can do."""
    able: dict[str, Any] = {"sampling": sampling("Say hello."), "elicitation": form("What is your name?", "name")}
    return missing("asked", **{name: able[name] for name in able if getattr(ctx.client_capabilities, name, None)})


async def test_missing_capability(ctx: Context) -> str:
    """Needs a client that has a model."""
    if getattr(ctx.client_capabilities, "sampling", None) is None:
        data = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs the capability `sampling`", data)
    return "done"


TOOLS = (
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_sampling,
    test_input_required_result_elicitation,
    test_streaming_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_missing_capability,
)


def register(server: MCPServer) -> None:
    """Adds the tools to a server."""
    for tool in TOOLS:
        server.add_tool(tool)
