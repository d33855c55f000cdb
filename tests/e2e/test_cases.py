"""Every policy test case through a real Envoy, over both protocols and cut up in every way that must not matter."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from harness import cases, decision_header
from harness.cases import Case
from harness.gateway import Client, Gateway, Gateways
from harness.messages import Manner, Request, Response
from harness.recorder import Recorded
from harness.tokens import TokenIssuer

TRAILERS = (("x-end", "1"),)
# Bytes per piece. A large body in single bytes would take seconds and tell nothing new.
PIECES = (1, 7)
LARGE = 16384
LARGE_PIECE = 4096

Clients = Callable[[Gateway, str, str | None], Client]


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Connections that stay open from case to case."""
    with ExitStack() as stack:

        @cache
        def client(gateway: Gateway, protocol: str, spiffe: str | None) -> Client:
            opened = gateway.client(protocol, spiffe)
            stack.callback(opened.close)
            return opened

        yield client


@pytest.mark.parametrize("case", cases.load(), ids=lambda case: case.name)
def test_case(case: Case, gateways: Gateways, clients: Clients, issuer: TokenIssuer) -> None:
    if case.time:
        pytest.skip("the case sets a clock that Envoy does not have")
    gateway = gateways(case.bundle, tls=case.spiffe is not None, tokens=case.tokens)
    request = case.signed(issuer)
    for protocol in ("h1", "h2"):
        client = clients(gateway, protocol, case.spiffe)
        for manner in manners(request):
            sent = gateway.recorder.bytes_received
            response = client.send(request.sent(manner))
            reached = gateway.recorder.take()
            try:
                check(case, response, reached)
                assert reached or gateway.recorder.bytes_received == sent
            except AssertionError as error:
                error.add_note(f"sent over {protocol} {manner}")
                raise


def manners(request: Request) -> Iterator[Manner]:
    """The ways to send a request; one without a body can only be sent whole."""
    yield Manner()
    if not request.body:
        return
    for piece in (LARGE_PIECE,) if len(request.body) > LARGE else PIECES:
        yield Manner(piece=piece)
        yield Manner(piece=piece, trailers=TRAILERS)
    yield Manner(trailers=TRAILERS)


def check(case: Case, response: Response, reached: list[Recorded]) -> None:
    """Compare what came of the request with what the case expects."""
    expect = case.expect
    if expect["decision"] == "PERMIT":
        assert response.status == 200, response
        [arrived] = reached
        assert arrived.body == case.request.body
        headers = arrived.values("toolgate-decision")
        assert len(headers) == (0 if expect["reason"] == "lifecycle" else 1)
    else:
        assert reached == []
        assert response.status == expect.get("status", response.status), response
        headers = [response.header("toolgate-decision") or ""]
    for header in headers:
        decision = decision_header.parse(header)
        assert (decision.decision, decision.reason) == (expect["decision"], expect["reason"])
        assert decision.policies == frozenset(expect.get("policies", decision.policies))
