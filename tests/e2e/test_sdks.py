"""Real clients with real servers: permitted calls work, a refusal is a tool result, and the session continues."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import acme, sdk
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.sdk import Call
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

MODERN = "2026-07-28"
LEGACY = "2025-11-25"

# Client, connection mode, SDK of the server, and the protocol they must negotiate.
SESSIONS = [
    ("py1", "legacy", "mcp1", LEGACY),
    ("py1", "legacy", "mcp2", LEGACY),
    ("py2", "legacy", "mcp2", LEGACY),
    ("py2", "auto", "mcp1", LEGACY),
    ("py2", "auto", "mcp2", MODERN),
    ("py2", MODERN, "mcp2", MODERN),
    ("ts1", "legacy", "mcp1", LEGACY),
    ("ts1", "legacy", "mcp2", LEGACY),
    ("ts2", "legacy", "mcp2", LEGACY),
    ("ts2", "auto", "mcp1", LEGACY),
    ("ts2", "auto", "mcp2", MODERN),
    ("ts2", MODERN, "mcp2", MODERN),
]

FORBIDDEN = Call("update_contact", {"account": "acme", "contact_id": "c-1", "stage": "won"})
FORBIDDEN_REASON = "Only a manager can set a contact to won. Ask your manager to do it."
TOO_LARGE = Call("get_contact", {"account": "acme", "contact_id": "x" * 2_000_000})
UNREADABLE = Call("get_contact", {"account": "acme", "contact_id": "a\0b"})
REFUSED = [
    (FORBIDDEN, "forbidden"),
    (Call(*acme.DELETE), "not_permitted"),
    (Call("no_such_tool", {}), "unknown_tool"),
    (TOO_LARGE, "body_too_large"),
    (UNREADABLE, "malformed_body"),
]
CALLS = [Call(*acme.READ), *(call for call, _ in REFUSED), Call(*acme.READ)]


@pytest.mark.parametrize(("client", "mode", "environment", "protocol"), SESSIONS)
def test_a_session_survives_its_refusals(
    client: str,
    mode: str,
    environment: str,
    protocol: str,
    tool_servers: Callable[[str], ToolServer],
    issuer: TokenIssuer,
    bundle: bytes,
    alice: str,
    tmp_path: Path,
) -> None:
    server = tool_servers(environment)
    executed_before = len(server.executed())
    with Envoy(tmp_path, Setup(server.port, issuer.jwks()), bundle) as envoy:
        url = f"http://127.0.0.1:{envoy.port}/crm/mcp"
        report = sdk.run_session(client, url=url, token=alice, calls=CALLS, mode=mode)
    assert report.protocol == protocol
    assert "get_contact" in report.tools
    first, *refusals, last = (outcome["result"] for outcome in report.outcomes)
    for permitted in (first, last):
        assert not permitted.get("isError")
        assert "Ada Park" in permitted["content"][0]["text"]
    for refused, (_, reason) in zip(refusals, REFUSED, strict=True):
        assert refused["isError"] is True
        assert refused["_meta"]["dev.toolgate/refusal"]["reason"] == reason
    assert FORBIDDEN_REASON in refusals[0]["content"][0]["text"]
    executed = server.executed()[executed_before:]
    assert [call["tool"] for call in executed] == ["get_contact", "get_contact"]
    assert all(call["decision"].startswith("permit;") and "alice" in call["identity"] for call in executed)
