"""Tasks that belong to whoever made them, with servers of which everybody who knows an id has the task."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from harness import bundles, paths, toolgate
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Request, Response, mcp_request
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

PATHS = ("/mcp/", "/json/")
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
}
CLAIMS = {"sub": "alice", "roles": ["operator"], "act": {"sub": "agent"}}
NOT_YOURS = "task_mismatch"
REFUSAL = "dev.toolgate/refusal"
RELATED = "io.modelcontextprotocol/related-task"


class Served(NamedTuple):
    """An Envoy in front of a server, and the tokens of an owner and of others."""

    envoy: Envoy
    bundle: Path
    owner: str
    others: list[str]

    def send(self, request: Request) -> Response:
        """The answer to a request."""
        with Http1Client(self.envoy.port) as client:
            return client.send(request)

    def open(self, path: str, token: str) -> str:
        """A new session."""
        opened = self.send(mcp_request(path, message("initialize", INITIALIZE), token)).header("mcp-session-id")
        assert opened is not None
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert self.send(mcp_request(path, initialized, token).with_header("mcp-session-id", opened)).status == 202
        return opened

    def ask(self, path: str, token: str, session: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The message that answers a request in a session."""
        request = mcp_request(path, message(method, params), token).with_header("mcp-session-id", session)
        return answer(self.send(request))

    def ask_modern(self, token: str, method: str, name: str, params: dict[str, Any]) -> dict[str, Any]:
        """The message that answers a request of a revision without sessions."""
        request = mcp_request("/mcp", message(method, params | {"_meta": META}), token)
        others = tuple(header for header in request.headers if header[0] != "mcp-protocol-version")
        standard = (("mcp-protocol-version", MODERN), ("mcp-method", method), ("mcp-name", name))
        return answer(self.send(Request(request.method, request.path, (*others, *standard), request.body)))


def message(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """A request."""
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def answer(response: Response) -> dict[str, Any]:
    """The message with the id of the request, in JSON or on an event stream."""
    text = response.body.decode()
    if "text/event-stream" in (response.header("content-type") or ""):
        lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    else:
        lines = [text]
    [found] = [each for each in map(json.loads, filter(None, lines)) if each.get("id") == 7]
    return dict(found)


def reason(answered: dict[str, Any]) -> str | None:
    """Why the gate has refused a request; `None` if it has not."""
    refusal = answered.get("error", {}).get("data") or answered.get("result", {}).get("_meta", {}).get(REFUSAL)
    told: str | None = (refusal or {}).get("reason")
    return told


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer) -> Iterator[Served]:
    """A server with sessions of 2025-11-25."""
    directory = tmp_path_factory.mktemp("tasks")
    with ToolServer("mcp1", directory / "server.log", script=paths.CLIENTS / "shared_tasks.py") as server:
        yield from gate(directory, issuer, server.port, PATHS)


@pytest.fixture(scope="module")
def modern(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer) -> Iterator[Served]:
    """A server of 2026-07-28, which decides by itself which call is a task."""
    directory = tmp_path_factory.mktemp("modern")
    script = paths.CLIENTS / "conformance" / "server.py"
    with ToolServer("mcp2", directory / "server.log", script=script) as server:
        yield from gate(directory, issuer, server.port, ("/mcp",))


def gate(directory: Path, issuer: TokenIssuer, port: int, places: tuple[str, ...]) -> Iterator[Served]:
    bundle = directory / "bundle"
    toolgate.run("init", str(bundle), "--url", f"http://127.0.0.1:{port}{places[0]}", "--server", "tasks")
    file = bundle / "bundle.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["channels"] = [{"path": place, "server": "tasks"} for place in places]
    decided = manifest["servers"]["tasks"].get("methods", {})
    methods = [f"tasks/{name}" for name in ("get", "result", "list", "cancel", "update")]
    methods = [method for method in methods if method not in decided]
    manifest["mcp"] = {"bind_tasks": True, "methods": methods}
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    routes = [{"match": {"path": place}, "route": {"cluster": "tools", "timeout": "0s"}} for place in places]
    setup = Setup(port, issuer.jwks(), routes=tuple(routes))
    others = [issuer.sign(CLAIMS | each) for each in ({"sub": "bob"}, {"act": {"sub": "other"}})]
    with Envoy(directory / "envoy", setup, bundles.emit(bundle)) as envoy:
        yield Served(envoy, bundle, issuer.sign(CLAIMS), others)
        assert envoy.complaints() == []


@pytest.mark.parametrize("path", PATHS)
def test_a_task_is_for_the_person_and_the_agent_that_made_it(served: Served, path: str) -> None:
    owner = served.owner
    session = served.open(path, owner)
    call = {"name": "report", "arguments": {"of": "alice"}, "task": {"ttl": 60000}}
    made = served.ask(path, owner, session, "tools/call", call)["result"]["task"]["taskId"]
    about = {"taskId": made}
    for own in (session, served.open(path, owner)):
        assert served.ask(path, owner, own, "tasks/get", about)["result"]["taskId"] == made
        result = served.ask(path, owner, own, "tasks/result", about)["result"]
        assert result["content"][0]["text"] == "The report of alice"
    for other in served.others:
        # The server has nothing against it, in no session.
        for strange in (session, served.open(path, other)):
            for method in ("tasks/get", "tasks/result", "tasks/cancel"):
                assert reason(served.ask(path, other, strange, method, about)) == NOT_YOURS
        # Nor is anything of theirs to become a part of it.
        into = {"name": "report", "arguments": {"of": "bob"}, "_meta": {RELATED: about}}
        for method, params in [("tools/call", into), ("ping", {"_meta": {RELATED: about}})]:
            assert reason(served.ask(path, other, session, method, params)) == NOT_YOURS
    assert "result" in served.ask(path, owner, session, "ping", {"_meta": {RELATED: about}})
    for method, params in [("tasks/get", {"taskId": "another"}), ("tasks/list", {})]:
        assert reason(served.ask(path, owner, session, method, params)) == NOT_YOURS


def test_tasks_survive_a_push(served: Served, tmp_path: Path) -> None:
    path, owner = PATHS[0], served.owner
    session = served.open(path, owner)
    call = {"name": "report", "arguments": {"of": "alice"}, "task": {"ttl": 60000}}
    made = served.ask(path, owner, session, "tools/call", call)["result"]["task"]["taskId"]
    following = Path(shutil.copytree(served.bundle, tmp_path / "following"))
    file = following / "bundle.yaml"
    manifest = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(manifest | {"version": manifest["version"] + 1}, sort_keys=False))
    before = served.envoy.discovery("update_success")
    served.envoy.push(bundles.emit(following))
    served.envoy.wait_for_success(before + 1)
    assert served.ask(path, owner, session, "tasks/get", {"taskId": made})["result"]["taskId"] == made
    assert reason(served.ask(path, served.others[0], session, "tasks/get", {"taskId": made})) == NOT_YOURS


def test_a_task_that_the_server_chose_to_make_is_bound_too(modern: Served) -> None:
    owner = modern.owner
    call = {"name": "confirm_delete", "arguments": {"filename": "a"}}
    result = modern.ask_modern(owner, "tools/call", "confirm_delete", call)["result"]
    assert result["resultType"] == "task"
    made = result["taskId"]
    update = {"inputResponses": {"confirm": {"action": "accept", "content": {"confirm": True}}}}
    for other in modern.others:
        for method, more in [("tasks/get", {}), ("tasks/update", update), ("tasks/cancel", {})]:
            assert reason(modern.ask_modern(other, method, made, {"taskId": made} | more)) == NOT_YOURS
    for method, more in [("tasks/get", {}), ("tasks/update", update), ("tasks/get", {}), ("tasks/cancel", {})]:
        told = modern.ask_modern(owner, method, made, {"taskId": made} | more)
        assert "result" in told, told
