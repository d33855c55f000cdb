"""A caller gets the labelled parts of results that policies reveal, and no others, wherever a server writes them."""

import hashlib
import json
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from harness import bundles, paths, sdk
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Request, mcp_request, tool_call
from harness.scripted import EVENTS, JSON, Scripted, scripted
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer
from harness.toolgate import attempt as toolgate
from harness.waiting import wait_until

CANARY = "ada.canary@example.org"
PATHS = ("/mcp/", "/json/")
CLIENTS = ["py1", "py2", "ts1", "ts2"]
LABELS = {
    "person": ["email", "phones[]"],
    "people": ["result[].email", "result[].phones"],
    "letter": ["result"],
    "talks": ["result"],
    "fails": ["result"],
    "link": ["*"],
}
REVEAL = """
@id("hr-sees-people")
permit (principal in Role::"hr", action in Action::"reveal:pii", resource);
@id("own-record")
permit (principal, action in Action::"reveal:pii", resource) when { context.input.id == "own" };
"""
PIECES = [None, 1, 100]
MEGABYTE = 1 << 20


class Served(NamedTuple):
    """An Envoy in front of the server of people."""

    envoy: Envoy
    agent: str
    hr: str

    def send(self, request: Request) -> bytes:
        """The body of the answer."""
        with Http1Client(self.envoy.port) as client:
            return client.send(request).body


def labelled(directory: Path, port: int) -> Path:
    """A bundle for the server, with labels on the results of all of its tools but one."""
    bundle = directory / "people"
    made = toolgate("init", str(bundle), "--url", f"http://127.0.0.1:{port}/mcp/", "--server", "people")
    assert made.returncode == 0, made.stderr
    file = bundle / "bundle.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["channels"] = [{"path": path, "server": "people"} for path in PATHS]
    for tool, parts in LABELS.items():
        manifest["servers"]["people"]["tools"].setdefault(tool, {})["labels"] = {"pii": parts}
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    (bundle / "org" / "reveal.cedar").write_text(REVEAL)
    return bundle


def tokens(issuer: TokenIssuer) -> tuple[str, str]:
    """A caller who may call everything, and one who may see everything besides."""
    claims = {"sub": "bob", "act": {"sub": "agent"}}
    return issuer.sign(claims | {"roles": ["operator"]}), issuer.sign(claims | {"roles": ["operator", "hr"]})


@pytest.fixture(scope="module", params=["mcp1", "mcp2"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer
) -> Iterator[Served]:
    """The server of this SDK, behind Envoy."""
    directory = tmp_path_factory.mktemp("people")
    script = paths.CLIENTS / "people.py"
    with ToolServer(request.param, directory / "server.log", script=script) as server:
        routes = [{"match": {"path": path}, "route": {"cluster": "tools", "timeout": "0s"}} for path in PATHS]
        setup = Setup(server.port, issuer.jwks(), routes=tuple(routes))
        with Envoy(directory / "envoy", setup, bundles.emit(labelled(directory, server.port))) as envoy:
            yield Served(envoy, *tokens(issuer))
            assert envoy.complaints() == []


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("path", PATHS)
def test_official_clients_get_what_is_revealed(served: Served, client: str, path: str) -> None:
    calls = [sdk.Call(tool, {"id": "1"}) for tool in (*LABELS, "plain")]
    url = f"http://127.0.0.1:{served.envoy.port}{path}"
    own = sdk.Call("person", {"id": "own"})
    masked = sdk.run_session(client, url=url, token=served.agent, calls=[*calls, own])
    assert set(masked.tools) == set(LABELS) | {"plain"}
    for call, outcome in zip([*calls, own], masked.outcomes, strict=True):
        assert "result" in outcome, (call.tool, outcome)
        is_shown = call.tool == "plain" or call == own
        assert (CANARY in json.dumps(outcome)) == is_shown, (call.tool, outcome)
    person = masked.outcomes[0]["result"]
    assert person["structuredContent"] == {"id": "1", "email": "[withheld: pii]", "phones": ["[withheld: pii]"] * 2}
    assert json.loads(person["content"][0]["text"]) == person["structuredContent"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_beside_a_result_tells_more(served: Served, path: str) -> None:
    """Also the bytes that a client does not read."""
    for tool in LABELS:
        call = {"name": tool, "arguments": {"id": "1"}, "_meta": {"progressToken": 1}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        assert CANARY.encode() in served.send(mcp_request(path, message, served.hr)), tool
        assert CANARY.encode() not in served.send(mcp_request(path, message, served.agent)), tool


def test_records_say_what_was_revealed(served: Served) -> None:
    for token, revealed, masked in ((served.agent, [], ["pii"]), (served.hr, ["pii"], [])):
        trace = secrets.token_hex(16)
        call = tool_call("/json/", "person", {"id": "1"}, token)
        served.send(call.with_header("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))

        def record(trace: str = trace) -> dict[str, Any] | None:
            return next((each for each in served.envoy.decision_log(1) if each["trace_id"] == trace), None)

        logged = wait_until(record, "the record")
        assert (logged["decision"], logged["revealed"], logged["masked"]) == ("PERMIT", revealed, masked)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer) -> Iterator[tuple[Served, Scripted]]:
    """The same bundle, in front of a scripted upstream."""
    directory = tmp_path_factory.mktemp("scripted")
    with ToolServer("mcp2", directory / "server.log", script=paths.CLIENTS / "people.py") as server:
        bundle = bundles.emit(labelled(directory, server.port))
    with scripted() as upstream:
        routes = [{"match": {"path": path}, "route": {"cluster": "tools", "timeout": "0s"}} for path in PATHS]
        setup = Setup(upstream.port, issuer.jwks(), routes=tuple(routes))
        with Envoy(directory / "envoy", setup, bundle) as envoy:
            yield Served(envoy, *tokens(issuer)), upstream
            assert envoy.complaints() == []


def results() -> list[dict[str, Any]]:
    """Messages with the canary in every place that a message can have."""
    data = {"id": "1", "email": CANARY, "phones": [CANARY], "more": 1}
    text = {"type": "text", "text": json.dumps(data)}
    prose = {"type": "text", "text": f"to {CANARY}"}
    made: list[dict[str, Any]] = [
        {"result": {"structuredContent": data, "content": [text, prose]}},
        {"result": {"structuredContent": data, "content": [prose | {"annotations": {"a": CANARY}}], "_meta": {"a": CANARY}}},
        {"result": {"content": [text], "isError": True}},
        {"result": {"content": [{"type": "image", "data": CANARY, "mimeType": "image/png"}]}},
        {"result": {"content": [{"type": "resource", "resource": {"uri": "a:b", "text": json.dumps(data)}}]}},
        {"result": {"content": [], CANARY: CANARY}},
        {"result": {"structuredContent": {"email": CANARY}, "content": [{"type": "text", "text": f'"{CANARY}"'}]}},
        {"result": {"structuredContent": {"email": {"a": CANARY}, "phones": CANARY}}},
        {"result": {"resultType": "input_required", "inputRequests": {"a": {"params": {"message": CANARY}}}}},
        {"result": {"task": {"taskId": "1", "statusMessage": CANARY}}},
        {"error": {"code": -1, "message": CANARY, "data": data}},
        {"error": CANARY},
        {"result": [data]},
    ]
    return [{"jsonrpc": "2.0", "id": 1} | each | {"x": CANARY} for each in made]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("kind", ["json", "stream", "resumed"])
def test_a_canary_never_reaches_a_caller(script: tuple[Served, Scripted], kind: str, piece: int | None) -> None:
    served, upstream = script
    call = tool_call("/json/", "person", {"id": "1"}, served.agent)
    if kind == "resumed":
        headers = (("accept", "text/event-stream"), ("authorization", f"Bearer {served.agent}"), ("last-event-id", "7"))
        call = Request("GET", "/json/", headers)
    for message in results():
        body = json.dumps(message).encode()
        if kind != "json":
            words = CANARY.encode()
            body = b": " + words + b"\nevent: message\nid: 8\ndata: " + body + b"\n\n" + b": " + words + b"\n\n"
        upstream.answer(body, headers=JSON if kind == "json" else EVENTS, piece=piece)
        answer = served.send(call)
        assert CANARY.encode() not in answer, (message, answer)
        if kind != "resumed":
            assert b'"id":1' in answer.replace(b" ", b""), (message, answer)


def test_a_result_without_labels_is_not_held(script: tuple[Served, Scripted]) -> None:
    """A hundred megabytes pass as they are, and take no memory."""
    served, upstream = script
    request = tool_call("/json/", "plain", {"id": "1"}, served.agent)
    upstream.answer(b"")
    block = json.dumps({"x": "y" * (MEGABYTE - 10)}).encode()
    upstream.pieces = [b'{"jsonrpc":"2.0","id":1,"result":[', *[block + b","] * 100, b"0]}"]
    expected = hashlib.sha256(b"".join(upstream.pieces))
    served.send(tool_call("/json/", "no_such_tool", {}, served.agent))
    before, received = resident(served.envoy), hashlib.sha256()
    with socket.create_connection(("127.0.0.1", served.envoy.port)) as connection:
        fields = (("host", "127.0.0.1"), ("content-length", str(len(request.body))), *request.headers)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        connection.sendall(f"POST {request.path} HTTP/1.1\r\n{head}\r\n".encode() + request.body)
        peak = before
        for chunk in chunks(connection):
            received.update(chunk)
            peak = max(peak, resident(served.envoy))
    assert received.digest() == expected.digest()
    assert peak - before < 16 * MEGABYTE, (before, peak)


def resident(envoy: Envoy) -> int:
    """The memory of Envoy, its VMs included, in bytes."""
    [line] = [line for line in Path(f"/proc/{envoy.pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def chunks(connection: socket.socket) -> Iterator[bytes]:
    """The chunks of a response."""
    with connection.makefile("rb") as stream:
        while stream.readline().strip():
            pass
        while size := int(stream.readline(), 16):
            yield stream.read(size)
            stream.readline()
