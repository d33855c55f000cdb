"""Over HTTP with SSE, a refused call is answered at once on the event stream, and its server gets nothing of it."""

import dataclasses
import http.client
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
import yaml

from harness import acme, bundles, decision_header, paths, sdk
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.gateway import Gateway, open_gateway, unharmed
from harness.messages import MANNERS, Manner, Request, mcp_request
from harness.offers import NoteServer
from harness.sdk import Call
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer
from harness.tool_server import ToolServer
from harness.waiting import wait_until

STREAM, MESSAGES = "/crm/sse", "/crm/messages/"
CHANNELS = [{"path": path, "server": "crm", "protocol": "sse"} for path in (STREAM, MESSAGES)]
LIMIT = yaml.safe_load((paths.BUNDLE / "bundle.yaml").read_text())["limits"]["body_bytes"]
# More than is read to find the id of a call.
ENDLESS = 17 * 2**20

# How each server answers a method that it does not have.
SERVERS = {
    "mcp1": {"code": -32602, "message": "Invalid request parameters"},
    "mcp2": {"code": -32601, "message": "Method not found"},
    "ts1": {"code": -32601, "message": "Method not found"},
}
REFUSED = [
    Call(*acme.DELETE),
    Call("no_such_tool", {}),
    Call("get_contact", {"account": "acme", "contact_id": "a\0b"}),
    Call("get_contact", {"account": "acme", "contact_id": "x" * 2_000_000}),
]
CALLS = [Call(*acme.READ), *REFUSED, Call(*acme.READ)]
# A refusal takes some hundredths of a second; without an answer, clients wait a minute or for ever.
AT_ONCE = 5.0

ID, MARK = "call-1", "not-for-the-upstream"
REPLACEMENT = b'{"jsonrpc":"2.0","id":"call-1","method":"toolgate/refused"}'

SENT = pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS.keys())
DOWNSTREAMS = pytest.mark.parametrize("downstream", ["h1", "h2"])
CHUNKS = Manner(piece=10000)
PIECES = [Manner(), CHUNKS, dataclasses.replace(CHUNKS, trailers=(("x-end", "1"),))]
LARGE = pytest.mark.parametrize("manner", PIECES, ids=["whole", "chunks", "chunks-trailers"])


class Served(NamedTuple):
    """A tool server behind an Envoy, both configured as `toolgate emit` writes it."""

    envoy: Envoy
    port: int
    error: dict[str, Any]

    def executed(self) -> list[dict[str, Any]]:
        """The calls that reached a tool, oldest first."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/executed", timeout=5) as answer:
            calls: list[dict[str, Any]] = json.load(answer)
        return calls


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example bundle with channels of this transport."""
    servers = yaml.safe_load((paths.BUNDLE / "bundle.yaml").read_text())["servers"]
    # The server of the TypeScript SDK has other types for the same arguments.
    servers["crm"]["changed_tools"] = "warn"
    return bundles.variant(tmp_path_factory.mktemp("bundle") / "acme", channels=CHANNELS, servers=servers)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer, streamed: Path
) -> Iterator[Callable[[str], Served]]:
    """Servers by the environment whose SDK serves them, started on first use."""
    with ExitStack() as stack:

        @cache
        def start(environment: str) -> Served:
            directory = tmp_path_factory.mktemp(environment)
            if environment.startswith("ts"):
                server: Any = NoteServer(environment, script="sse_server.mjs")
            else:
                script = paths.CLIENTS / "sse_server.py"
                server = ToolServer(environment, directory / "server.log", script=script)
            port = stack.enter_context(server).port
            keys = directory / "keys.json"
            keys.write_text(issuer.jwks())
            shape = bundles.emitted(
                *("--upstream", f"127.0.0.1:{port}", "--jwks", str(keys)),
                *("--issuer", ISSUER, "--audience", AUDIENCE),
                bundle=streamed,
            )
            setup = Setup(port, issuer.jwks(), shape=shape)
            envoy = stack.enter_context(Envoy(directory / "envoy", setup, bundles.emit(streamed)))
            return Served(envoy, port, SERVERS[environment])

        yield start


@pytest.mark.parametrize("environment", SERVERS)
@pytest.mark.parametrize("client", ["py1", "py2", "ts1", "ts2"])
def test_a_session_is_told_of_its_refusals_at_once(
    client: str, environment: str, served: Callable[[str], Served], alice: str
) -> None:
    server = served(environment)
    before = len(server.executed())
    url = f"http://127.0.0.1:{server.envoy.port}{STREAM}"
    report = sdk.run_session(client, url=url, token=alice, calls=CALLS, transport="sse")
    first, *refusals, last = report.outcomes
    for permitted in (first, last):
        assert "Ada Park" in permitted["result"]["content"][0]["text"]
    for refused in refusals:
        assert refused["exception"]["code"] == server.error["code"]
        assert server.error["message"] in refused["exception"]["message"]
        assert refused["seconds"] < AT_ONCE
    executed = server.executed()[before:]
    assert [call["tool"] for call in executed] == ["get_contact", "get_contact"]
    assert all(call["decision"].startswith("permit;") for call in executed)


@pytest.mark.parametrize("environment", SERVERS)
def test_a_refusal_needs_no_initialized_session(
    environment: str, served: Callable[[str], Served], alice: str
) -> None:
    server = served(environment)
    stream = http.client.HTTPConnection("127.0.0.1", server.envoy.port, timeout=10)
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {alice}"}
    stream.request("GET", STREAM, headers=headers)
    events = stream.getresponse()
    posts = http.client.HTTPConnection("127.0.0.1", server.envoy.port, timeout=10)
    call = refused(alice)
    posts.request("POST", _data(events), body=call.body, headers=dict(call.headers))
    response = posts.getresponse()
    assert response.status == 202
    assert decision_header.parse(response.headers["toolgate-decision"]).decision == "SILENCE"
    answer = json.loads(_data(events))
    assert (answer["id"], answer["error"]["code"]) == (ID, server.error["code"])
    assert answer["error"]["message"] == server.error["message"]
    stream.close()
    posts.close()


def _data(events: http.client.HTTPResponse) -> str:
    """The data of the next event."""
    while not (line := events.readline().decode()).startswith("data:"):
        assert line, "the stream has ended"
    return line.removeprefix("data:").strip()


@pytest.fixture(scope="module")
def gateways(
    tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer, streamed: Path
) -> Iterator[Callable[[str, str], Gateway]]:
    """Recording upstreams of either protocol behind an Envoy of this version, started on first use."""
    route = {"match": {"path": MESSAGES}, "route": {"cluster": "tools", "timeout": "0s"}}
    with ExitStack() as stack:

        @cache
        def start(upstream: str, version: str) -> Gateway:
            opened = open_gateway(
                tmp_path_factory.mktemp(upstream),
                issuer,
                bundles.emit(streamed),
                version=version,
                upstream_http2=upstream == "h2",
                routes=(route,),
            )
            gateway = stack.enter_context(opened)
            stack.enter_context(unharmed(gateway))
            return gateway

        yield start


ENVOYS = [("h1", paths.ENVOY_VERSIONS[0]), ("h1", paths.NEWEST_ENVOY), ("h2", paths.NEWEST_ENVOY)]


@pytest.fixture(params=ENVOYS, ids="-".join)
def gateway(request: pytest.FixtureRequest, gateways: Callable[[str, str], Gateway]) -> Gateway:
    """A gateway with an empty recording."""
    opened = gateways(*request.param)
    opened.recorder.forget()
    return opened


def refused(token: str | None, *, padding: int = 0) -> Request:
    """A call that no policy permits, with marks wherever a caller can write, and its id at the end."""
    tool, arguments = acme.DELETE
    params = {"name": tool, "arguments": arguments, "_meta": {MARK: MARK + "x" * padding}}
    call = mcp_request(f"{MESSAGES}?session_id=s1", {"jsonrpc": "2.0", "method": "tools/call", "params": params}, token)
    call = dataclasses.replace(call, body=call.body[:-1] + f', "id": "{ID}"}}'.encode())
    call = call.with_header("mcp-method", "tools/call").with_header("mcp-name", tool)
    return call.with_header("content-digest", f"sha-256=:{MARK}:").with_header("toolgate-decision", MARK)


def assert_replaced(gateway: Gateway, body: bytes = REPLACEMENT) -> None:
    """Asserts that the upstream got this message and nothing else."""
    [received] = gateway.recorder.requests
    assert received.body == body
    assert (received.values("content-length"), received.values("transfer-encoding")) == ([str(len(body))], [])
    assert (received.values(":method"), received.values(":path")) == (["POST"], [f"{MESSAGES}?session_id=s1"])
    assert received.values("content-type") == ["application/json"]
    assert received.trailers == ()
    assert not any(name.startswith("mcp-") or MARK in value for name, value in received.headers)
    for connection in gateway.recorder.connections:
        assert connection.count(body) == 1
        assert not any(word.encode() in connection for word in (MARK, acme.DELETE[0], "tools/call"))


@DOWNSTREAMS
@SENT
def test_the_upstream_gets_the_gates_message_and_nothing_else(
    gateway: Gateway, downstream: str, manner: Manner, alice: str
) -> None:
    with gateway.client(downstream) as client:
        marked = tuple((name, MARK) for name, _ in manner.trailers)
        response = client.send(refused(alice).sent(dataclasses.replace(manner, trailers=marked)))
        assert_replaced(gateway)
        [replaced] = gateway.recorder.take()
        told = decision_header.parse(response.header("toolgate-decision") or "")
        assert (response.status, told.decision, told.reason) == (200, "SILENCE", "not_permitted")
        [decision] = replaced.values("toolgate-decision")
        assert decision_header.parse(decision) == told
        [identity] = replaced.values("toolgate-identity")
        assert "alice" in identity
        # The next call on the same connections is a fence, and arrives as it is.
        permitted = acme.permitted(alice).to(MESSAGES).sent(manner)
        assert client.send(permitted).status == 200
    [received] = gateway.recorder.requests
    assert received.body == permitted.body
    assert received.values("mcp-protocol-version") == ["2025-11-25"]


def test_a_replaced_call_is_recorded_as_refused(gateway: Gateway, alice: str) -> None:
    with gateway.client("h1") as client:
        refusal = decision_header.parse(client.send(refused(alice)).header("toolgate-decision") or "")
        client.send(acme.permitted(alice).to(MESSAGES))
    [_, last] = gateway.recorder.requests
    permit = decision_header.parse(last.values("toolgate-decision")[0])
    files = gateway.envoy.files
    wait_until(lambda: permit.id in files.start_log.read_text(), "the start of the permitted call")
    assert refusal.id not in files.start_log.read_text()
    wait_until(lambda: permit.id in files.decision_log.read_text(), "the record of the permitted call")
    [record] = [each for each in gateway.envoy.decision_log(1) if each["id"] == refusal.id]
    assert (record["decision"], record["tool"]) == ("SILENCE", "crm/delete_contact")


@DOWNSTREAMS
@LARGE
def test_a_call_that_is_too_large_is_replaced(
    gateway: Gateway, downstream: str, manner: Manner, alice: str
) -> None:
    with gateway.client(downstream) as client:
        for padding in (LIMIT, 6 * LIMIT):
            gateway.recorder.forget()
            response = client.send(refused(alice, padding=padding).sent(manner))
            assert_replaced(gateway)
            assert decision_header.parse(response.header("toolgate-decision") or "").reason == "body_too_large"


@DOWNSTREAMS
def test_a_body_without_an_end_is_not_replaced(gateway: Gateway, downstream: str, alice: str) -> None:
    call = refused(alice, padding=ENDLESS)
    message = json.loads(call.body)
    call = dataclasses.replace(call, body=json.dumps({"id": message.pop("id"), **message}).encode())
    with gateway.client(downstream) as client:
        response = client.send(call.sent(CHUNKS))
    assert response.status == 413
    assert gateway.recorder.connections == []


@DOWNSTREAMS
def test_what_nobody_waits_for_is_an_http_error(gateway: Gateway, downstream: str, alice: str) -> None:
    notification = mcp_request(MESSAGES, {"jsonrpc": "2.0", "method": "notifications/unknown"}, alice)
    with gateway.client(downstream) as client:
        assert client.send(notification).status == 403
        assert client.send(dataclasses.replace(refused(alice), body=b"{")).status == 400
    with gateway.client(downstream) as client:
        response = client.send(refused(None))
        assert (response.status, "Bearer" in (response.header("www-authenticate") or "")) == (401, True)
    assert gateway.recorder.connections == []


@DOWNSTREAMS
def test_a_batch_is_replaced_by_a_batch(gateway: Gateway, downstream: str, alice: str) -> None:
    call = refused(alice)
    headers = (("content-type", "application/json"), ("authorization", f"Bearer {alice}"))
    note = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
    batch = dataclasses.replace(call, headers=headers, body=b"[" + note + b"," + call.body + b"]")
    with gateway.client(downstream) as client:
        assert client.send(batch).status == 200
    assert_replaced(gateway, b"[" + REPLACEMENT + b"]")
