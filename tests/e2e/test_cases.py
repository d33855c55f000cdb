"""Sends every policy test case through a real Envoy, over both protocols and in all manners that must not matter."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from harness import cases, decision_header, through_envoy
from harness.cases import Case
from harness.gateway import Client, Gateway, Gateways
from harness.messages import Manner, Request, Response
from harness.recorder import Recorded
from harness.through_envoy import RESET
from harness.tokens import TokenIssuer

TRAILERS = (("x-end", "1"),)
# Bytes per piece. Sending a large body in single bytes would take seconds without testing anything new.
PIECES = (1, 7)
LARGE = 16384
LARGE_PIECE = 4096

Clients = Callable[[Gateway, str, str | tuple[str, ...] | None], Client]
# A permitted call for each gateway, with the connection that it used.
Permitted = dict[Gateway, tuple[Client, Request]]


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Connections that are reused by all cases."""
    with ExitStack() as stack:

        @cache
        def client(gateway: Gateway, protocol: str, spiffe: str | tuple[str, ...] | None) -> Client:
            opened = gateway.client(protocol, spiffe)
            stack.callback(opened.close)
            return opened

        yield client


@pytest.fixture(scope="module")
def permitted(clients: Clients) -> Iterator[Permitted]:
    """Collects permitted calls, and repeats them after all cases."""
    calls: Permitted = {}
    yield calls
    for client, request in calls.values():
        assert client.send(request).status == 200


@pytest.mark.parametrize("case", cases.load(), ids=lambda case: f"{case.file}: {case.name}")
def test_case(case: Case, gateways: Gateways, clients: Clients, permitted: Permitted, issuer: TokenIssuer) -> None:
    gateway = gateways(case.bundle, tls=case.spiffe is not None, tokens=cases.tokens(case.bundle))
    request = case.signed(issuer)
    for protocol, alternatives in through_envoy.outcomes(case).items():
        client = clients(gateway, protocol, case.spiffe)
        for manner in manners(request, protocol):
            try:
                passed = send(request.sent(manner), client, gateway, alternatives)
            except AssertionError as error:
                error.add_note(f"sent over {protocol} {manner}")
                raise
            if passed:
                permitted[gateway] = (client, request)


def manners(request: Request, protocol: str) -> Iterator[Manner]:
    """The manners of sending a request; one without a body can only be sent whole."""
    yield Manner()
    # HTTP/1.1 does not allow both a length and chunks.
    if not request.body or (protocol == "h1" and request.names("content-length")):
        return
    for piece in (LARGE_PIECE,) if len(request.body) > LARGE else PIECES:
        yield Manner(piece=piece)
        yield Manner(piece=piece, trailers=TRAILERS)
    yield Manner(trailers=TRAILERS)


def send(request: Request, client: Client, gateway: Gateway, alternatives: list[Any]) -> bool:
    """Sends the request and checks its outcome; returns whether it reached the upstream."""
    bytes_before = gateway.recorder.bytes_received
    try:
        response = client.send(request)
    except ConnectionError:
        response = None
    reached = gateway.recorder.take()
    # Late effects of a refused call are detected at the end, as an unfinished request.
    assert reached or gateway.recorder.bytes_received == bytes_before
    actual = outcome(response, reached, request)
    assert any(matches(actual, expected) for expected in alternatives), (actual, alternatives, response)
    return bool(reached)


def outcome(response: Response | None, reached: list[Recorded], request: Request) -> Any:
    """The outcome of a request in the form of a case's `expect`, or the status of Envoy's own response."""
    if reached:
        [arrived] = reached
        assert arrived.body == request.body
        [header] = arrived.values("toolgate-decision")
    elif response is None:
        return RESET
    elif "bundle=" not in (header := response.header("toolgate-decision") or ""):
        return response.status
    assert response is not None
    decisions = decision_header.parse_all(header)
    decisive = decision_header.decisive(decisions)
    return {
        "decision": decisive.decision,
        "reason": decisive.reason,
        "policies": sorted(decisive.policies),
        "status": response.status,
        "reply": None if reached or not response.body else response.json(),
    }


def matches(actual: Any, expected: Any) -> bool:
    """Whether everything that is expected is at the same place."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(key in actual and matches(actual[key], value) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        return len(actual) == len(expected) and all(map(matches, actual, expected))
    return bool(actual == expected)
