"""Request smuggling: no request that two HTTP parsers delimit differently passes the filter."""

import contextlib
import dataclasses
from collections.abc import Callable

import pytest

from harness import acme, decision_header, raw
from harness.gateway import Gateway, Gateways
from harness.messages import Request


@pytest.fixture(params=["h1", "h2"])
def gateway(request: pytest.FixtureRequest, gateways: Gateways) -> Gateway:
    """A gateway with an empty recording."""
    opened = gateways(upstream_http2=request.param == "h2")
    opened.recorder.forget()
    return opened


def hidden(token: str) -> bytes:
    """A forbidden call, and a permitted one."""
    return raw.whole(acme.forbidden(token)) + raw.whole(acme.permitted(token))


def assert_only_permitted_requests(gateway: Gateway) -> None:
    """Asserts that everything at the upstream is a complete request with its own permit, and none is forbidden."""
    assert b"refund" not in b"".join(gateway.recorder.connections)
    assert not gateway.recorder.unfinished
    headers = [request.values("toolgate-decision") for request in gateway.recorder.requests]
    decisions = [decision_header.parse(header) for [header] in headers]
    assert all(each.decision == "PERMIT" for each in decisions)
    assert len({each.id for each in decisions}) == len(decisions)


# Requests that are refused before their body has arrived.
REFUSED_AT_HEADERS: dict[str, Callable[[Request], Request]] = {
    "path": lambda request: request.to("/nowhere"),
    "type": lambda request: request.with_header("content-encoding", "gzip"),
    "version": lambda request: request.with_header("mcp-protocol-version", "2099-01-01"),
    "method": lambda request: Request("PUT", request.path, request.headers, request.body),
    "no-token": lambda _: acme.permitted(None),
}


@pytest.mark.parametrize("spoil", REFUSED_AT_HEADERS.values(), ids=REFUSED_AT_HEADERS.keys())
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_the_body_of_a_refused_request_is_no_request(
    spoil: Callable[[Request], Request], is_chunked: bool, gateway: Gateway, alice: str
) -> None:
    body = hidden(alice)
    refused = spoil(acme.permitted(alice))
    length = b"transfer-encoding: chunked" if is_chunked else b"content-length: %d" % len(body)
    sent = raw.chunked(body) if is_chunked else body
    received = raw.exchange(gateway, raw.head(refused, length), sent)
    assert len(raw.statuses(received)) == 1
    assert gateway.recorder.connections == []


def test_a_request_behind_a_refused_one_is_decided_on_its_own(gateway: Gateway, alice: str) -> None:
    received = raw.exchange(
        gateway, raw.whole(acme.forbidden(alice)) + raw.whole(acme.permitted(alice)) + raw.whole(acme.silent(alice))
    )
    assert raw.statuses(received) == [200, 200, 200]
    assert len(gateway.recorder.requests) == 1
    assert_only_permitted_requests(gateway)


# Header lines that delimit the body; `{n}` is the length of the whole body, `{m}` that of the permitted call alone.
FRAMINGS = {
    "length-and-chunks": ["content-length: {n}", "transfer-encoding: chunked"],
    "chunks-and-length": ["transfer-encoding: chunked", "content-length: {n}"],
    "short-length-and-chunks": ["content-length: {m}", "transfer-encoding: chunked"],
    "two-lengths": ["content-length: {m}", "content-length: {n}"],
    "two-lengths-the-other-way": ["content-length: {n}", "content-length: {m}"],
    "the-same-length-twice": ["content-length: {m}", "content-length: {m}"],
    "two-lengths-in-a-line": ["content-length: {m}, {n}"],
    "the-same-length-in-a-line": ["content-length: {m}, {m}"],
    "signed-length": ["content-length: +{m}"],
    "negative-length": ["content-length: -{m}"],
    "hexadecimal-length": ["content-length: 0x{m}"],
    "length-with-a-space": ["content-length: 1 {m}"],
    "length-with-a-fraction": ["content-length: {m}.0"],
    "huge-length": ["content-length: 18446744073709551617"],
    "empty-length": ["content-length:"],
    "gzip-chunked": ["transfer-encoding: gzip, chunked"],
    "chunked-gzip": ["transfer-encoding: chunked, gzip"],
    "chunked-identity": ["transfer-encoding: chunked, identity"],
    "chunked-twice": ["transfer-encoding: chunked", "transfer-encoding: chunked"],
    "chunked-and-another-line": ["transfer-encoding: chunked", "transfer-encoding: x"],
    "almost-chunked": ["content-length: {m}", "transfer-encoding: xchunked"],
    "chunked-in-quotes": ["content-length: {m}", 'transfer-encoding: "chunked"'],
    "chunked-in-capitals": ["content-length: {m}", "transfer-encoding: CHUNKED"],
    "vertical-tab": ["content-length: {m}", "transfer-encoding:\x0bchunked"],
    "space-before-colon": ["content-length: {m}", "transfer-encoding : chunked"],
    "tab-before-colon": ["content-length: {m}", "transfer-encoding\t: chunked"],
    "space-before-name": ["content-length: {m}", " transfer-encoding: chunked"],
    "underscore": ["content-length: {m}", "transfer_encoding: chunked"],
    "folded-value": ["content-length: {m}", "transfer-encoding:\r\n chunked"],
    "folded-into-another": ["content-length: {m}", "x-a: b\r\n\ttransfer-encoding: chunked"],
    "bare-line-feed": ["content-length: {m}\ntransfer-encoding: chunked"],
    "bare-line-feed-in-value": ["content-length: {m}", "x-a: b\ntransfer-encoding: chunked"],
    "bare-carriage-return": ["content-length: {m}", "x-a: b\rtransfer-encoding: chunked"],
    "nul": ["content-length: {m}", "x-a: b\0\r\ntransfer-encoding: chunked"],
    "early-end": ["content-length: {n}", "x-a: b\n\nPOST /payments/mcp HTTP/1.1"],
    "obsolete-line-without-colon": ["content-length: {m}", "transfer-encoding chunked"],
    "no-length": [],
    "length-nominated": ["connection: content-length", "content-length: {m}"],
    "chunks-nominated": ["connection: transfer-encoding", "content-length: {m}", "transfer-encoding: chunked"],
    "te": ["content-length: {m}", "te: chunked"],
}


@pytest.mark.parametrize("lines", FRAMINGS.values(), ids=FRAMINGS.keys())
@pytest.mark.parametrize("is_chunked", [False, True], ids=["plain", "chunks"])
def test_ambiguous_ends_hide_nothing(lines: list[str], is_chunked: bool, gateway: Gateway, alice: str) -> None:
    call = acme.permitted(alice)
    body = raw.chunked(call.body) if is_chunked else call.body
    body += hidden(alice)
    filled = [line.format(n=len(body), m=len(call.body)).encode() for line in lines]
    raw.exchange(gateway, raw.head(call, *filled) + body)
    # If the body's end is unambiguous, the hidden calls are decided like any other.
    assert_only_permitted_requests(gateway)


# Chunks that only a lenient parser accepts: `{size}` is the length of the permitted call.
CHUNKS = {
    "size-with-0x": b"0x{size}\r\n{body}\r\n0\r\n\r\n",
    "size-with-space": b"{size} \r\n{body}\r\n0\r\n\r\n",
    "space-before-size": b" {size}\r\n{body}\r\n0\r\n\r\n",
    "signed-size": b"+{size}\r\n{body}\r\n0\r\n\r\n",
    "negative-size": b"-{size}\r\n{body}\r\n0\r\n\r\n",
    "huge-size": b"10000000000000000{size}\r\n{body}\r\n0\r\n\r\n",
    "line-feed-behind-size": b"{size}\n{body}\r\n0\r\n\r\n",
    "carriage-return-behind-size": b"{size}\r{body}\r\n0\r\n\r\n",
    "line-feed-behind-chunk": b"{size}\r\n{body}\n0\r\n\r\n",
    "nothing-behind-chunk": b"{size}\r\n{body}0\r\n\r\n",
    "two-bytes-behind-chunk": b"{size}\r\n{body}XX0\r\n\r\n",
    "line-feed-in-extension": b"{size};a\nb\r\n{body}\r\n0\r\n\r\n",
    "call-in-extension": b"{size};{hidden}\r\n{body}\r\n0\r\n\r\n",
    "quoted-end-in-extension": b'{size};a="\r\n{hidden}"\r\n{body}\r\n0\r\n\r\n',
    "line-feeds-at-end": b"{size}\r\n{body}\r\n0\n\n",
    "call-in-trailers": b"{size}\r\n{body}\r\n0\r\nx: y\r\n{hidden}\r\n\r\n",
    "length-in-trailers": b"{size}\r\n{body}\r\n0\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    "no-end": b"{size}\r\n{body}\r\n",
    "several-zeros": b"{size}\r\n{body}\r\n00000\r\n\r\n",
}


@pytest.mark.parametrize("form", CHUNKS.values(), ids=CHUNKS.keys())
def test_odd_chunks_hide_nothing(form: bytes, gateway: Gateway, alice: str) -> None:
    call = acme.permitted(alice)
    parts = {b"{size}": b"%x" % len(call.body), b"{body}": call.body, b"{hidden}": hidden(alice)}
    for mark, part in parts.items():
        form = form.replace(mark, part)
    raw.exchange(gateway, raw.head(call, b"transfer-encoding: chunked") + form + hidden(alice))
    assert_only_permitted_requests(gateway)



# Fields that HTTP/2 forbids, and that would become separate lines in HTTP/1.1.
FIELDS = {
    "line-in-a-value": ("x-a", "b\r\ntransfer-encoding: chunked"),
    "line-feed-in-a-value": ("x-a", "b\nhost: x"),
    "request-in-a-value": ("x-a", "b\r\n\r\nPOST /payments/mcp HTTP/1.1\r\nhost: x\r\n\r\n"),
    "nul-in-a-value": ("x-a", "b\0c"),
    "line-in-a-name": ("x-a: b\r\nx-c", "d"),
    "colon-in-a-name": ("x-a: b", "c"),
    "space-in-a-name": ("x-a b", "c"),
    "chunks": ("transfer-encoding", "chunked"),
    "connection": ("connection", "transfer-encoding"),
    "short-length": ("content-length", "5"),
    "no-length": ("content-length", "0"),
    "long-length": ("content-length", "5000"),
    "second-path": (":path", "/payments/mcp"),
    "second-method": (":method", "GET"),
    "unknown-pseudo-header": (":x", "y"),
    "line-in-the-authority": (":authority", "a\r\nx: y"),
    "space-in-the-authority": (":authority", "a b"),
}


@pytest.mark.parametrize(("name", "value"), FIELDS.values(), ids=FIELDS.keys())
def test_fields_of_http2_hide_nothing(name: str, value: str, gateway: Gateway, alice: str) -> None:
    call = acme.permitted(alice)
    body = call.body + b"\r\n" + hidden(alice)
    with gateway.client("h2") as client:
        for each in (call, dataclasses.replace(call, body=body)):
            with contextlib.suppress(ConnectionError):
                client.send(each.with_header(name, value))
    assert_only_permitted_requests(gateway)
