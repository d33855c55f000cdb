"""Real clients with real servers: permitted calls work, a refusal is a tool result, and the session continues."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import bundles, paths, sdk, sessions, toolgate
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.sdk import Call
from harness.sessions import Session
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer


@pytest.mark.parametrize("session", sessions.SESSIONS, ids="-".join)
def test_a_session_survives_its_refusals(
    session: Session,
    tool_servers: Callable[[str], ToolServer],
    issuer: TokenIssuer,
    bundle: bytes,
    alice: str,
    tmp_path: Path,
) -> None:
    server = tool_servers(session.server)
    executed_before = len(server.executed())
    with Envoy(tmp_path, Setup(server.port, issuer.jwks()), bundle) as envoy:
        seen = sessions.hold(session, envoy.port, alice)
    assert seen.protocol == session.protocol
    assert "get_contact" in seen.tools
    assert (seen.works, seen.goes_on) == (True, True)
    assert seen.reasons == [reason for reason, _ in sessions.refused(session.client)]
    assert sessions.FORBIDDEN_REASON in seen.text
    executed = server.executed()[executed_before:]
    assert [call["tool"] for call in executed] == ["get_contact", "get_contact"]
    assert all(call["decision"].startswith("permit;") and "alice" in call["identity"] for call in executed)


def test_a_client_sets_the_log_level_when_it_connects(tmp_path: Path, issuer: TokenIssuer) -> None:
    # The Inspector does so with each connection to a server that can log, and it makes one for each request.
    bundle = tmp_path / "mine"
    with ToolServer("mcp2", tmp_path / "server.log", script=paths.CLIENTS / "conformance" / "server.py") as server:
        toolgate.run("init", str(bundle), "--url", f"http://127.0.0.1:{server.port}/mcp")
        route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
        setup = Setup(server.port, issuer.jwks(), routes=(route,))
        with Envoy(tmp_path / "envoy", setup, bundles.emit(bundle)) as envoy:
            token = issuer.sign({"sub": "olivia", "roles": ["operator"]})
            url = f"http://127.0.0.1:{envoy.port}/mcp"
            report = sdk.run_session("inspector", url=url, token=token, calls=[Call("greet", {"name": "Olivia"})])
        assert server.executed() == ["logging/setLevel"] * 3
    [outcome] = report.outcomes
    assert sessions.text(outcome["result"]) == "Hello, Olivia!"
