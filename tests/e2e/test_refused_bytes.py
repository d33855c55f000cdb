"""The upstream gets no byte of a refused call in any manner of sending; a permitted call arrives unchanged."""

from collections.abc import Callable

import pytest

from harness import acme, decision_header
from harness.gateway import Gateway, Gateways
from harness.messages import MANNERS, Manner, Request

UPSTREAMS = pytest.mark.parametrize("upstream", ["h1", "h2"])
DOWNSTREAMS = pytest.mark.parametrize("downstream", ["h1", "h2"])
SENT = pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS.keys())


@pytest.fixture
def gateway(upstream: str, gateways: Gateways) -> Gateway:
    """A gateway with an empty recording."""
    opened = gateways(upstream_http2=upstream == "h2")
    opened.recorder.forget()
    return opened


@UPSTREAMS
@DOWNSTREAMS
@SENT
@pytest.mark.parametrize("call", [acme.forbidden, acme.silent])
def test_a_refused_call_sends_no_byte(
    gateway: Gateway, downstream: str, manner: Manner, call: Callable[[str], Request], alice: str
) -> None:
    with gateway.client(downstream) as client:
        response = client.send(call(alice).sent(manner))
    assert response.status == 200
    assert response.json()["result"]["isError"] is True
    assert decision_header.parse(response.header("toolgate-decision") or "").decision in ("DENY", "SILENCE")
    assert gateway.recorder.connections == []


@UPSTREAMS
@DOWNSTREAMS
def test_a_refused_call_sends_no_byte_on_an_open_connection(gateway: Gateway, downstream: str, alice: str) -> None:
    with gateway.client(downstream) as client:
        client.send(acme.permitted(alice))
        before = gateway.recorder.connections
        client.send(acme.forbidden(alice).sent(MANNERS["chunks-trailers"]))
        # The next permitted call is a fence: bytes of the refused one would precede it.
        client.send(acme.permitted(alice))
    assert len(gateway.recorder.requests) == 2
    assert all(now.startswith(then) for now, then in zip(gateway.recorder.connections, before, strict=False))
    assert not any(b"refund" in connection for connection in gateway.recorder.connections)


@UPSTREAMS
@DOWNSTREAMS
def test_a_call_that_is_cut_short_sends_no_byte(gateway: Gateway, downstream: str, alice: str) -> None:
    with gateway.client(downstream) as client:
        client.abandon(acme.permitted(alice))
    assert gateway.recorder.connections == []


@UPSTREAMS
@DOWNSTREAMS
@SENT
def test_a_permitted_call_arrives_byte_identical(gateway: Gateway, downstream: str, manner: Manner, alice: str) -> None:
    request = acme.permitted(alice).sent(manner)
    with gateway.client(downstream) as client:
        assert client.send(request).status == 200
    [received] = gateway.recorder.requests
    assert received.body == request.body
    assert received.values(":path") == [request.path]
    [decision] = received.values("toolgate-decision")
    assert decision_header.parse(decision).decision == "PERMIT"
