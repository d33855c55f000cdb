"""Sessions of published clients with the demo's server: calls that are permitted, refusals, and a call after them."""

import json
import re
from typing import Any, NamedTuple

from harness import acme, sdk
from harness.sdk import Call

MODERN = "2026-07-28"
LEGACY = "2025-11-25"


class Session(NamedTuple):
    """A client, its way to connect, the SDK of the server, and the protocol that they must negotiate."""

    client: str
    mode: str
    server: str
    protocol: str


SESSIONS = [
    Session("py1", "legacy", "mcp1", LEGACY),
    Session("py1", "legacy", "mcp2", LEGACY),
    Session("py2", "legacy", "mcp2", LEGACY),
    Session("py2", "auto", "mcp1", LEGACY),
    Session("py2", "auto", "mcp2", MODERN),
    Session("py2", MODERN, "mcp2", MODERN),
    Session("ts1", "legacy", "mcp1", LEGACY),
    Session("ts1", "legacy", "mcp2", LEGACY),
    Session("ts2", "legacy", "mcp2", LEGACY),
    Session("ts2", "auto", "mcp1", LEGACY),
    Session("ts2", "auto", "mcp2", MODERN),
    Session("ts2", MODERN, "mcp2", MODERN),
    Session("inspector", "modern", "mcp2", MODERN),
    Session("fastmcp", "auto", "mcp2", MODERN),
    Session("langchain", "legacy", "mcp1", LEGACY),
]
# Only `make field` holds these, too.
MORE = [
    Session("inspector", "legacy", "mcp1", LEGACY),
    Session("fastmcp", "legacy", "mcp1", LEGACY),
    Session("langchain", "legacy", "mcp2", LEGACY),
]

PERMITTED = Call(*acme.READ)
FORBIDDEN = Call("update_contact", {"account": "acme", "contact_id": "c-1", "stage": "won"})
FORBIDDEN_REASON = "Only a manager can set a contact to won. Ask your manager to do it."
REFUSED = [
    ("forbidden", FORBIDDEN),
    ("not_permitted", Call(*acme.DELETE)),
    ("unknown_tool", Call("no_such_tool", {})),
    ("body_too_large", Call("get_contact", {"account": "acme", "contact_id": "x" * 2_000_000})),
    ("malformed_body", Call("get_contact", {"account": "acme", "contact_id": "a\0b"})),
    ("malformed_body", Call("get_contact", {"account": "acme", "contact_id": json.loads("[" * 70 + "]" * 70)})),
]
# The Inspector's command line calls listed tools only, so none that is hidden, and an argument of a process is shorter.
IMPOSSIBLE = {"inspector": {"not_permitted", "unknown_tool", "body_too_large"}}


class Seen(NamedTuple):
    """What a client saw of the gate."""

    protocol: str
    tools: list[str]
    # Whether the calls before and after the refusals returned what the tool returns.
    works: bool
    goes_on: bool
    # The reasons of the refusals, and the text of the first one.
    reasons: list[str]
    text: str
    # Whether the client hands on the object that programs read, and not only the text.
    has_account: bool


def refused(client: str) -> list[tuple[str, Call]]:
    """The calls of a client that are refused, and why."""
    return [(reason, call) for reason, call in REFUSED if reason not in IMPOSSIBLE.get(client, set())]


def hold(session: Session, port: int, token: str) -> Seen:
    """Connects, lists the tools, and makes all calls."""
    calls = [PERMITTED, *(call for _, call in refused(session.client)), PERMITTED]
    url = f"http://127.0.0.1:{port}/crm/mcp"
    report = sdk.run_session(session.client, url=url, token=token, calls=calls, mode=session.mode)
    first, *refusals, last = (outcome["result"] for outcome in report.outcomes)
    found = [re.match(r"Refused \((\w+)\): ", text(result)) for result in refusals if result["isError"]]
    accounts = [result["_meta"]["dev.toolgate/refusal"]["reason"] for result in refusals if "_meta" in result]
    told = [match[1] for match in found if match]
    assert accounts in ([], told)
    worked, goes_on = is_contact(first), is_contact(last)
    return Seen(report.protocol, report.tools, worked, goes_on, told, text(refusals[0]), bool(accounts))


def text(result: dict[str, Any]) -> str:
    """The text of a result."""
    return str(result["content"][0]["text"])


def is_contact(result: dict[str, Any]) -> bool:
    """Whether this is what the tool returns."""
    return not result.get("isError") and "Ada Park" in text(result)
