"""Attacks on HTTP processing: header fields, trailers, upgrades, aborted streams, and load."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import acme, bundles, decision_header, raw
from harness.gateway import Gateway, Gateways, open_gateway, unharmed
from harness.http1 import Http1Client
from harness.http2 import Http2Client
from harness.messages import Headers, Manner, Request, tool_call
from harness.tokens import TokenIssuer

OURS = {"toolgate-decision", "toolgate-identity"}
UPSTREAMS = pytest.mark.parametrize("upstream", ["h1", "h2"])
DOWNSTREAMS = pytest.mark.parametrize("downstream", ["h1", "h2"])


@pytest.fixture
def gateway(upstream: str, gateways: Gateways) -> Gateway:
    """A gateway with an empty recording, whose upstream sends plain responses."""
    opened = gateways(upstream_http2=upstream == "h2")
    opened.recorder.forget()
    opened.recorder.answer_headers = opened.recorder.answer_trailers = ()
    return opened


def reserved(headers: Headers) -> dict[str, str]:
    """The header fields that only the gate may set."""
    return {name.lower(): value for name, value in headers if name.lower().startswith("toolgate")}


# ---- fields and trailers -----------------------------------------------------------------------------------------

FORGED = 'permit;reason=permitted;bundle="acme@1 sha256:0";id="0"'
TRAILERS: Headers = (
    ("toolgate-decision", FORGED),
    ("toolgate-identity", 'principal="x"'),
    ("toolgate-x", "1"),
    ("mcp-name", "refund"),
    ("mcp-method", "ping"),
    ("mcp-protocol-version", "2024-11-05"),
    ("mcp-param-account", "other"),
    ("mcp-session-id", "other"),
    ("x-checksum", "1"),
    ("content-type", "text/plain"),
    ("authorization", "Bearer x"),
)


@UPSTREAMS
@DOWNSTREAMS
def test_trailers_of_requests_do_not_reach_the_upstream(gateway: Gateway, downstream: str, alice: str) -> None:
    request = acme.permitted(alice)
    manner = Manner(piece=7, trailers=TRAILERS)
    with gateway.client(downstream) as client:
        assert client.send(request.sent(manner)).status == 200
        assert client.send(acme.forbidden(alice).sent(manner)).json()["result"]["isError"] is True
    [arrived] = gateway.recorder.requests
    assert reserved(arrived.headers).keys() == OURS
    assert FORGED not in reserved(arrived.headers).values()
    assert arrived.trailers == ()
    assert arrived.body == request.body
    assert arrived.values("content-type") == ["application/json"]


@UPSTREAMS
@DOWNSTREAMS
def test_hop_by_hop_rules_remove_nothing_of_the_gate(gateway: Gateway, downstream: str, alice: str) -> None:
    nominated = "toolgate-decision, toolgate-identity, mcp-protocol-version"
    request = acme.permitted(alice).with_header("toolgate-decision", FORGED)
    if downstream == "h1":
        request = request.with_header("connection", nominated)
    with gateway.client(downstream) as client:
        assert client.send(request).status == 200
    [arrived] = gateway.recorder.requests
    assert reserved(arrived.headers).keys() == OURS
    assert FORGED not in reserved(arrived.headers).values()
    assert arrived.values("connection") == []


@UPSTREAMS
@DOWNSTREAMS
@pytest.mark.parametrize("call", [acme.permitted, acme.housekeeping])
def test_the_upstream_cannot_speak_for_the_gate(
    gateway: Gateway, downstream: str, call: Callable[[str], Request], alice: str
) -> None:
    forged = (("toolgate-decision", FORGED), ("toolgate-identity", "x"))
    gateway.recorder.answer_headers = gateway.recorder.answer_trailers = forged
    with gateway.client(downstream) as client:
        response = client.send(call(alice))
    assert response.status == 200
    assert reserved(response.headers) == {}
    assert reserved(response.trailers) == {}


# Raw header lines that follow those of a forbidden call.
LINES = {
    "forged-decision": [b"toolgate-decision: permit"],
    "forged-decision-twice": [b"toolgate-decision: permit", b"Toolgate-Decision: permit"],
    "two-names": [b"mcp-name: get_payment", b"mcp-name: refund"],
    "two-names-in-capitals": [b"Mcp-Name: refund", b"MCP-NAME: get_payment"],
    "two-types": [b"content-type: application/json"],
    "another-type": [b"content-type: text/plain"],
    "ff": [b"mcp-name: \xff"],
    "latin-1": [b"mcp-name: r\xe9fund"],
    "utf-8": ["mcp-name: ｒefund".encode()],
    "ff-in-the-method": [b"mcp-method: \xff\xfe"],
    "ff-in-the-version": [b"mcp-protocol-version: \xff"],
    "ff-in-a-param": [b"mcp-param-account: \xff"],
    "ff-in-a-name": [b"mcp-param-\xff: acme"],
    "nul": [b"mcp-name: refund\0"],
    "ff-elsewhere": [b"traceparent: \xff\xfe", b"x-request-id: \xff", b"user-agent: \xff"],
}


@pytest.mark.parametrize("upstream", ["h1"])
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES.keys())
def test_odd_lines_help_no_forbidden_call(gateway: Gateway, lines: list[bytes], alice: str) -> None:
    call = acme.forbidden(alice)
    received = raw.exchange(gateway, raw.head(call, b"content-length: %d" % len(call.body), *lines) + call.body)
    assert len(raw.statuses(received)) == 1
    assert gateway.recorder.connections == []


@pytest.mark.parametrize("upstream", ["h1"])
@pytest.mark.parametrize("lines", [LINES[name] for name in LINES if name.startswith("ff") or name == "latin-1"])
def test_odd_bytes_in_a_permitted_call_do_no_harm(gateway: Gateway, lines: list[bytes], alice: str) -> None:
    call = acme.permitted(alice)
    received = raw.exchange(gateway, raw.head(call, b"content-length: %d" % len(call.body), *lines) + call.body)
    [status] = raw.statuses(received)
    assert status == 400 or (status == 200 and len(gateway.recorder.requests) == 1)


@pytest.mark.parametrize("upstream", ["h1"])
def test_a_call_is_made_once(gateway: Gateway, alice: str) -> None:
    gateway.recorder.answer_headers = (("x-envoy-ratelimited", "true"), ("retry-after", "0"))
    request = acme.permitted(alice)
    for name, value in (("x-envoy-retry-on", "5xx,gateway-error,retriable-4xx"), ("x-envoy-max-retries", "5")):
        request = request.with_header(name, value)
    with gateway.client("h1") as client:
        client.send(request.with_header("x-envoy-retriable-status-codes", "200"))
    assert len(gateway.recorder.requests) == 1


# ---- upgrades ----------------------------------------------------------------------------------------------------

UPGRADES = {
    "h2c": [b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAMAAABkAAQAAP__"],
    "websocket": [b"connection: Upgrade", b"upgrade: websocket", b"sec-websocket-version: 13"],
    "several": [b"connection: Upgrade", b"upgrade: foo, websocket, h2c"],
    "tls": [b"connection: Upgrade", b"upgrade: TLS/1.2"],
}


@UPSTREAMS
@pytest.mark.parametrize("lines", UPGRADES.values(), ids=UPGRADES.keys())
def test_nothing_is_upgraded(gateway: Gateway, lines: list[bytes], alice: str) -> None:
    call = acme.permitted(alice)
    received = raw.exchange(
        gateway,
        raw.head(call, b"content-length: %d" % len(call.body), *lines) + call.body,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + raw.whole(acme.forbidden(alice)),
    )
    assert 101 not in raw.statuses(received)
    assert b"refund" not in b"".join(gateway.recorder.connections)
    for request in gateway.recorder.requests:
        assert request.body == call.body
        assert request.values("upgrade") == request.values("http2-settings") == []


@UPSTREAMS
@pytest.mark.parametrize("method", ["CONNECT", "GET", "POST"])
def test_extended_connect_opens_nothing(gateway: Gateway, method: str, alice: str) -> None:
    call = acme.permitted(alice)
    request = Request(method, call.path, call.headers).with_header(":protocol", "websocket")
    with gateway.client("h2") as client, pytest.raises(ConnectionError):
        client.send(request)
    assert gateway.recorder.connections == []


# ---- streams that end early --------------------------------------------------------------------------------------


@UPSTREAMS
@pytest.mark.parametrize("is_complete", [True, False], ids=["complete", "cut"])
def test_a_stream_that_is_reset_leaves_nothing_behind(gateway: Gateway, is_complete: bool, alice: str) -> None:
    with gateway.client("h2") as client:
        assert isinstance(client, Http2Client)
        for _ in range(50):
            client.reset(acme.forbidden(alice), is_complete=is_complete)
            client.reset(acme.permitted(alice), is_complete=is_complete)
        assert client.send(acme.permitted(alice)).status == 200
    assert b"refund" not in b"".join(gateway.recorder.connections)
    assert len(gateway.recorder.requests) >= 1
    assert is_complete or len(gateway.recorder.requests) == 1


@UPSTREAMS
def test_a_caller_who_hangs_up_leaves_nothing_behind(gateway: Gateway, alice: str) -> None:
    request = acme.permitted(alice)
    size = len(request.body)
    for length in range(0, size, 5):
        part = request.body[:length]
        raw.send_and_hang_up(gateway, raw.head(request, b"content-length: %d" % size) + part)
        raw.send_and_hang_up(gateway, raw.head(request, b"transfer-encoding: chunked") + b"%x\r\n%s" % (size, part))
    assert gateway.recorder.connections == []
    with gateway.client("h1") as client:
        assert client.send(acme.permitted(alice)).status == 200


# ---- swaps and load ----------------------------------------------------------------------------------------------

# The deepest JSON that a bundle can allow.
DEPTH = 128
CALLERS = 64
FIELDS = {"account": "acme", "contact_id": "c-1"}


@pytest.fixture
def own_gateway(tmp_path: Path, issuer: TokenIssuer) -> Iterator[Gateway]:
    """A separate gateway whose bundle has the maximum of all limits."""
    limits = {"body_bytes": 1048576, "calls": 20, "depth": DEPTH}
    bundle = bundles.emit(bundles.variant(tmp_path / "bundle", version=1, limits=limits))
    with open_gateway(tmp_path / "gateway", issuer, bundle) as opened:
        yield opened


@DOWNSTREAMS
def test_a_call_is_decided_by_the_bundle_it_began_with(
    own_gateway: Gateway, downstream: str, tmp_path: Path, alice: str
) -> None:
    newer = bundles.emit(bundles.variant(tmp_path / "newer", version=2))
    pushed = threading.Event()

    def push() -> None:
        own_gateway.envoy.push(newer)
        own_gateway.envoy.wait_for_success(2)
        pushed.set()

    with own_gateway.client(downstream) as client:
        refused = client.send(acme.forbidden(alice).sent(Manner(piece=40, at_half=push)))
        assert pushed.is_set()
        assert decision_header.parse(refused.header("toolgate-decision") or "").bundle.startswith("acme@1 ")
        refused = client.send(acme.forbidden(alice))
        assert decision_header.parse(refused.header("toolgate-decision") or "").bundle.startswith("acme@2 ")
    assert own_gateway.recorder.connections == []


def test_the_deepest_body_with_the_largest_head_traps_nothing(own_gateway: Gateway, alice: str) -> None:
    request = tool_call("/crm/mcp", "update_contact", FIELDS | {"custom_fields": {"a": "NESTED"}}, alice)
    for number in range(80):
        request = request.with_header(f"x-{number}", "v" * 650)
    # The first four levels are the message, its params, the arguments and the argument.
    deepest = DEPTH - 4
    with unharmed(own_gateway), own_gateway.client("h1") as client:
        for depth, refused in ((deepest, False), (deepest + 1, True), (100_000, True)):
            body = request.body.replace(b'"NESTED"', b"[" * depth + b"]" * depth)
            response = client.send(dataclasses.replace(request, body=body))
            assert response.status == 200
            assert (response.header("toolgate-decision") is not None) == refused
    assert len(own_gateway.recorder.requests) == 1


def test_many_large_bodies_are_held_at_once(own_gateway: Gateway, alice: str) -> None:
    large = FIELDS | {"custom_fields": {"blob": "x" * 1_000_000}}
    requests = [tool_call("/crm/mcp", tool, large, alice) for tool in ("update_contact", "delete_contact")]
    meeting = threading.Barrier(CALLERS)

    def call(number: int) -> bool:
        with Http1Client(own_gateway.envoy.port) as client:
            manner = Manner(piece=500_000, at_half=meeting.wait)
            return "error" in client.send(requests[number % 2].sent(manner)).body.decode().lower()

    with unharmed(own_gateway), ThreadPoolExecutor(CALLERS) as pool:
        assert list(pool.map(call, range(CALLERS))) == [False, True] * (CALLERS // 2)
    assert len(own_gateway.recorder.requests) == CALLERS // 2
