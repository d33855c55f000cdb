"""A call is held whole, up to the bundle's limit; a larger one is refused, by toolgate itself where possible."""

import dataclasses
import json

import pytest
import yaml

from harness import acme, decision_header, paths
from harness.gateway import Gateway, Gateways
from harness.messages import Manner, Request, Response, tool_call

LIMIT = yaml.safe_load((paths.BUNDLE / "bundle.yaml").read_text())["limits"]["body_bytes"]
# Also larger than Envoy's own buffer.
HUGE = 8 * LIMIT + 2 * 2**20
# More than is read to find the id of a call.
ENDLESS = 17 * 2**20

MANNERS = {
    "whole": Manner(),
    "chunks": Manner(piece=10000),
    "chunks-trailers": Manner(piece=10000, trailers=(("x-end", "1"),)),
}
SENT = pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS.keys())
DOWNSTREAMS = pytest.mark.parametrize("downstream", ["h1", "h2"])


@pytest.fixture(params=["h1", "h2"])
def gateway(request: pytest.FixtureRequest, gateways: Gateways) -> Gateway:
    """A gateway with an empty recording."""
    opened = gateways(upstream_http2=request.param == "h2")
    opened.recorder.forget()
    return opened


def call_of(size: int, token: str) -> Request:
    """A permitted call whose body has exactly this size."""

    def call(filling: int) -> Request:
        fields = {"account": "acme", "contact_id": "c-1", "custom_fields": {"blob": "x" * filling}}
        return tool_call("/crm/mcp", "update_contact", fields, token)

    return call(size - len(call(0).body))


@SENT
@DOWNSTREAMS
def test_a_call_of_just_the_limit_arrives(gateway: Gateway, downstream: str, manner: Manner, alice: str) -> None:
    request = call_of(LIMIT, alice).sent(manner)
    with gateway.client(downstream) as client:
        assert client.send(request).status == 200
    [received] = gateway.recorder.requests
    assert received.body == request.body


@SENT
@DOWNSTREAMS
def test_a_larger_call_is_refused_by_toolgate(gateway: Gateway, downstream: str, manner: Manner, alice: str) -> None:
    with gateway.client(downstream) as client:
        response = client.send(call_of(LIMIT + 1, alice).sent(manner))
    assert_refused_by_toolgate(response, 200)
    assert response.json()["id"] == 1
    assert response.json()["result"]["isError"] is True
    assert gateway.recorder.connections == []


@SENT
@DOWNSTREAMS
def test_a_larger_call_is_answered_with_an_id_at_its_end(
    gateway: Gateway, downstream: str, manner: Manner, alice: str
) -> None:
    call = call_of(6 * LIMIT, alice)
    message = json.loads(call.body)
    message["id"] = message.pop("id")
    request = dataclasses.replace(call, body=json.dumps(message).encode())
    with gateway.client(downstream) as client:
        response = client.send(request.sent(manner))
        assert_refused_by_toolgate(response, 200)
        assert response.json()["id"] == 1
        assert client.send(acme.permitted(alice)).status == 200
    assert len(gateway.recorder.requests) == 1


def test_a_length_that_is_announced_is_believed(gateway: Gateway, alice: str) -> None:
    with gateway.client("h1") as client:
        response = client.send(call_of(ENDLESS, alice))
    assert_refused_by_toolgate(response)
    assert gateway.recorder.connections == []


@SENT
@DOWNSTREAMS
def test_a_huge_call_is_refused(gateway: Gateway, downstream: str, manner: Manner, alice: str) -> None:
    with gateway.client(downstream) as client:
        response = client.send(call_of(HUGE, alice).sent(manner))
    # Data that arrives at once can overflow Envoy's buffer before the filter runs; then Envoy responds.
    assert response.status == 413 or response.json()["result"]["isError"] is True
    assert gateway.recorder.connections == []


def assert_refused_by_toolgate(response: Response, status: int = 413) -> None:
    """Asserts that the response is the filter's own."""
    assert response.status == status
    assert decision_header.parse(response.header("toolgate-decision") or "").reason == "body_too_large"
