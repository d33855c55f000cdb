"""Sessions that belong to whoever opened them, with a server that has sessions."""

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from harness import bundles, toolgate
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Response, mcp_request
from harness.offers import NoteServer
from harness.tokens import TokenIssuer

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def test_nobody_else_has_a_session(issuer: TokenIssuer, tmp_path: Path) -> None:
    claims = {"sub": "alice", "roles": ["operator"], "act": {"sub": "agent"}}
    alice, bob = issuer.sign(claims), issuer.sign(claims | {"sub": "bob"})
    other_agent = issuer.sign(claims | {"act": {"sub": "other"}})
    bundle = tmp_path / "notes"
    with NoteServer("ts1", script="tour_server.mjs") as server:
        toolgate.run("init", str(bundle), "--url", f"http://127.0.0.1:{server.port}/mcp", "--server", "notes")
        file = bundle / "bundle.yaml"
        manifest = yaml.safe_load(file.read_text())
        manifest.setdefault("mcp", {})["bind_sessions"] = True
        file.write_text(yaml.safe_dump(manifest, sort_keys=False))
        route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
        setup = Setup(server.port, issuer.jwks(), routes=(route,))
        with Envoy(tmp_path / "envoy", setup, bundles.emit(bundle)) as envoy:

            def send(message: Any, token: str, session: str | None = None, method: str = "POST") -> Response:
                request = mcp_request("/mcp", message, token)
                if method != "POST":
                    request = dataclasses.replace(request, method=method, body=b"")
                if session is not None:
                    request = request.with_header("mcp-session-id", session)
                with Http1Client(envoy.port) as client:
                    return client.send(request)

            own = send(INITIALIZE, alice).header("mcp-session-id")
            assert own is not None and "." in own
            assert send(INITIALIZED, alice, own).status == 202
            assert send(LIST, alice, own).status == 200
            servers_own = own.rpartition(".")[0]
            strange = [(bob, own), (other_agent, own), (alice, servers_own), (alice, own + "A"), (alice, "")]
            for token, session in strange:
                for method in ("POST", "DELETE"):
                    refused = send(LIST, token, session, method)
                    assert refused.status == 404
                    assert "session_mismatch" in (refused.header("toolgate-decision") or "")
            assert send(LIST, alice, own).status == 200, "the session goes on"
            assert send(LIST, alice, own, "DELETE").status == 200
            assert envoy.complaints() == []
