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
CALLS = [Call(*acme.READ), FORBIDDEN, Call(*acme.DELETE), Call("no_such_tool", {}), Call(*acme.READ)]


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
    first, forbidden, silent, unknown, last = (outcome["result"] for outcome in report.outcomes)
    for permitted in (first, last):
        assert not permitted.get("isError")
        assert "Ada Park" in permitted["content"][0]["text"]
    for refused, reason in ((forbidden, "forbidden"), (silent, "not_permitted"), (unknown, "unknown_tool")):
        assert refused["isError"] is True
        assert refused["_meta"]["dev.toolgate/refusal"]["reason"] == reason
    assert FORBIDDEN_REASON in forbidden["content"][0]["text"]
    executed = server.executed()[executed_before:]
    assert [call["tool"] for call in executed] == ["get_contact", "get_contact"]
    assert all(call["decision"].startswith("permit;") and "alice" in call["identity"] for call in executed)
