"""Sessions that belong to whoever opened them, with real clients and servers."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import acme, bundles, sessions
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Request, Response, mcp_request, tool_call
from harness.sessions import Session
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
CALL = ("/crm/mcp", "get_contact", {"account": "acme", "contact_id": "c-1"})


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The example bundle, which binds sessions."""
    directory = tmp_path_factory.mktemp("bound") / "bundle"
    return bundles.emit(bundles.variant(directory, mcp={"bind_sessions": True}))


@pytest.mark.parametrize("session", sessions.SESSIONS, ids="-".join)
def test_clients_do_not_notice(
    session: Session,
    tool_servers: Callable[[str], ToolServer],
    issuer: TokenIssuer,
    bound: bytes,
    alice: str,
    tmp_path: Path,
) -> None:
    server = tool_servers(session.server)
    with Envoy(tmp_path, Setup(server.port, issuer.jwks()), bound) as envoy:
        seen = sessions.hold(session, envoy.port, alice)
    assert seen.protocol == session.protocol
    assert (seen.works, seen.goes_on) == (True, True)
    assert seen.reasons == [reason for reason, _ in sessions.refused(session.client)]


def test_nobody_else_has_a_session(
    tool_servers: Callable[[str], ToolServer], issuer: TokenIssuer, bound: bytes, alice: str, tmp_path: Path
) -> None:
    server = tool_servers("mcp1")
    bob = issuer.sign(acme.ALICE | {"sub": "bob"})
    other_agent = issuer.sign(acme.ALICE | {"act": {"sub": "sales-copilot"}})
    with Envoy(tmp_path, Setup(server.port, issuer.jwks()), bound) as envoy:

        def send(request: Request, session: str | None = None) -> Response:
            if session is not None:
                request = request.with_header("mcp-session-id", session)
            with Http1Client(envoy.port) as client:
                return client.send(request)

        own = send(mcp_request("/crm/mcp", INITIALIZE, alice)).header("mcp-session-id")
        assert own is not None
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert send(mcp_request("/crm/mcp", initialized, alice), own).status == 202
        assert send(tool_call(*CALL, alice), own).status == 200
        executed = len(server.executed())
        servers_own = own.rpartition(".")[0]
        for token, session in [(bob, own), (other_agent, own), (alice, servers_own), (alice, own + "A"), (alice, "")]:
            refused = send(tool_call(*CALL, token), session)
            assert refused.status == 404 and "session_mismatch" in (refused.header("toolgate-decision") or "")
            ended = send(dataclasses.replace(tool_call(*CALL, token), method="DELETE", body=b""), session)
            assert ended.status == 404
        assert len(server.executed()) == executed
        assert send(tool_call(*CALL, alice), own).status == 200, "the session goes on"
        assert envoy.complaints() == []
