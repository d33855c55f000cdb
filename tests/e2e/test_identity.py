"""Only verified identities count: invalid and missing tokens, spoofed headers, and mutual TLS."""

import base64
import json
import ssl
import time
from collections.abc import Callable

import pytest

from harness import acme, decision_header
from harness.gateway import Gateway, Gateways
from harness.tokens import TokenIssuer


@pytest.fixture
def gateway(gateways: Gateways) -> Gateway:
    """A gateway with an empty recording."""
    opened = gateways()
    opened.recorder.forget()
    return opened


def _unsigned(_: TokenIssuer) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, acme.ALICE | {"iss": "https://id.acme.example"})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


BROKEN_TOKENS: dict[str, Callable[[TokenIssuer], str]] = {
    "signed-by-another": lambda _: TokenIssuer().sign(acme.ALICE),
    "unsigned": _unsigned,
    "changed": lambda issuer: issuer.sign(acme.ALICE)[:-8] + "AAAAAAAA",
    "expired": lambda issuer: issuer.sign(acme.ALICE | {"exp": int(time.time()) - 3600}),
    "of-another-issuer": lambda issuer: issuer.sign(acme.ALICE | {"iss": "https://id.globex.example"}),
    "for-another-audience": lambda issuer: issuer.sign(acme.ALICE | {"aud": "https://wiki.acme.example"}),
    "no-token-at-all": lambda _: "x",
}


@pytest.mark.parametrize("make", BROKEN_TOKENS.values(), ids=BROKEN_TOKENS.keys())
def test_a_broken_token_is_refused(make: Callable[[TokenIssuer], str], gateway: Gateway, issuer: TokenIssuer) -> None:
    with gateway.client("h1") as client:
        response = client.send(acme.permitted(make(issuer)))
    assert response.status == 401
    assert gateway.recorder.connections == []


@pytest.mark.parametrize("path", ["/crm/mcp", "/crm/mcp?access_token={}", "/crm/mcp?token={}"])
def test_a_token_counts_only_in_the_authorization_header(path: str, gateway: Gateway, alice: str) -> None:
    with gateway.client("h1") as client:
        response = client.send(acme.permitted(None).to(path.format(alice)))
    assert response.status == 401
    assert (response.header("www-authenticate") or "").startswith("Bearer")
    assert decision_header.parse(response.header("toolgate-decision") or "").reason == "unauthenticated"
    assert gateway.recorder.connections == []


def test_the_upstream_gets_our_headers_and_not_the_callers(gateway: Gateway, alice: str) -> None:
    request = acme.permitted(alice)
    for name in ("toolgate-decision", "Toolgate-Identity", "toolgate-anything"):
        request = request.with_header(name, "spoofed")
    with gateway.client("h1") as client:
        assert client.send(request).status == 200
    [received] = gateway.recorder.requests
    ours = {name.lower(): value for name, value in received.headers if name.lower().startswith("toolgate-")}
    assert ours.keys() == {"toolgate-decision", "toolgate-identity"}
    assert "spoofed" not in ours.values()
    # The token was issued for the gateway; the tool server could use it elsewhere.
    assert received.values("authorization") == []


@pytest.mark.parametrize("name", ["toolgate_decision", "Toolgate_Identity"])
def test_a_header_with_underscores_is_refused(name: str, gateway: Gateway, alice: str) -> None:
    with gateway.client("h1") as client:
        assert client.send(acme.permitted(alice).with_header(name, "spoofed")).status == 400
    assert gateway.recorder.connections == []


@pytest.mark.parametrize("path", ["/crm%2Fmcp", "/crm%5Cmcp", "/crm//mcp", "/CRM/mcp", "/crm/mcp/", "/crm/mcp;x=1"])
def test_another_spelling_of_a_path_is_refused(path: str, gateway: Gateway, alice: str) -> None:
    with gateway.client("h1") as client:
        response = client.send(acme.permitted(alice).to(path))
    assert response.status in (400, 403)
    assert gateway.recorder.connections == []


def test_the_decision_is_made_on_the_path_that_is_forwarded(gateway: Gateway, alice: str) -> None:
    with gateway.client("h1") as client:
        client.send(acme.permitted(alice).to("/payments/../crm/./%6dcp"))
    [received] = gateway.recorder.requests
    assert received.values(":path") == ["/crm/mcp"]


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_mutual_tls_demands_a_certificate(protocol: str, gateways: Gateways, alice: str) -> None:
    gateway = gateways(tls=True)
    gateway.recorder.forget()
    # In TLS 1.3 the client gets the error only after its first write.
    with gateway.client(protocol) as stranger, pytest.raises((ssl.SSLError, ConnectionError)):
        stranger.send(acme.permitted(alice))
    assert gateway.recorder.connections == []
    with gateway.client(protocol, acme.SUPPORT_BOT) as agent:
        assert agent.send(acme.permitted(alice)).status == 200
    assert len(gateway.recorder.requests) == 1
