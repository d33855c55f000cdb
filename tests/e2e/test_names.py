"""Identities and hosts: no value that two parsers read differently yields another principal, agent or channel."""

import json
from typing import Any

import pytest

from harness import acme, cases, decision_header, paths, raw
from harness.gateway import Gateway, Gateways
from harness.messages import Request, Response, tool_call
from harness.tokens import TokenIssuer

MESH = paths.CASES / "bundles" / "mesh"
VAULT, PUBLIC = "vault.mesh.example", "public.mesh.example"
ANN: dict[str, Any] = {"iss": "https://id.mesh.example", "sub": "ann", "act": {"sub": "courier"}}
COURIER, SCOUT = "spiffe://mesh.example/agent/courier", "spiffe://mesh.example/agent/scout"


@pytest.fixture
def mesh(gateways: Gateways) -> Gateway:
    """The bundle with a channel for only one host."""
    opened = gateways(MESH, tokens=cases.tokens(MESH))
    opened.recorder.forget()
    return opened


def ann(issuer: TokenIssuer, **claims: Any) -> Request:
    """A call that everyone is permitted to make to the public server, and no one to the vault."""
    token = issuer.sign_bytes(json.dumps(ANN | claims).encode())
    return tool_call("/mcp", "read", {"key": "k"}).with_header("x-session-token", f"Bearer {token}")


def assert_the_vault_is_closed(gateway: Gateway) -> None:
    """Asserts that no request arrived that a server could read as one to the vault."""
    for request in gateway.recorder.requests:
        [host] = [value for name, value in request.headers if name.lower() in ("host", ":authority")]
        assert VAULT not in host.lower()


# Request targets and header lines that a parser could read as a request to the vault.
HOSTS = {
    "plain": ("/mcp", [f"host: {VAULT}"]),
    "capitals": ("/mcp", ["host: VAULT.mesh.EXAMPLE"]),
    "port": ("/mcp", [f"host: {VAULT}:80"]),
    "another-port": ("/mcp", [f"host: {VAULT}:8443"]),
    "empty-port": ("/mcp", [f"host: {VAULT}:"]),
    "port-with-zeros": ("/mcp", [f"host: {VAULT}:0080"]),
    "port-of-letters": ("/mcp", [f"host: {VAULT}:http"]),
    "two-ports": ("/mcp", [f"host: {VAULT}:80:80"]),
    "dot": ("/mcp", [f"host: {VAULT}."]),
    "two-dots": ("/mcp", [f"host: {VAULT}.."]),
    "dot-and-port": ("/mcp", [f"host: {VAULT}.:80"]),
    "user": ("/mcp", [f"host: user@{VAULT}"]),
    "public-user": ("/mcp", [f"host: {PUBLIC}@{VAULT}"]),
    "user-behind": ("/mcp", [f"host: {VAULT}@{PUBLIC}"]),
    "slash": ("/mcp", [f"host: {VAULT}/"]),
    "fragment": ("/mcp", [f"host: {VAULT}#{PUBLIC}"]),
    "query": ("/mcp", [f"host: {VAULT}?"]),
    "list": ("/mcp", [f"host: {PUBLIC}, {VAULT}"]),
    "spaces": ("/mcp", [f"host:   {VAULT}  "]),
    "tab": ("/mcp", [f"host:\t{VAULT}\t"]),
    "space-inside": ("/mcp", [f"host: {PUBLIC} {VAULT}"]),
    "brackets": ("/mcp", [f"host: [{VAULT}]"]),
    "escape": ("/mcp", [f"host: {VAULT.replace('v', '%76', 1)}"]),
    "two-lines": ("/mcp", [f"host: {PUBLIC}", f"host: {VAULT}"]),
    "two-lines-the-other-way": ("/mcp", [f"host: {VAULT}", f"host: {PUBLIC}"]),
    "whole-target": (f"http://{VAULT}/mcp", [f"host: {PUBLIC}"]),
    "whole-target-in-capitals": (f"HTTP://{VAULT.upper()}/mcp", [f"host: {PUBLIC}"]),
    "whole-target-of-a-user": (f"http://{PUBLIC}@{VAULT}/mcp", [f"host: {PUBLIC}"]),
    "whole-target-alone": (f"http://{VAULT}/mcp", []),
    "host-beside-a-whole-target": (f"http://{PUBLIC}/mcp", [f"host: {VAULT}"]),
    "two-slashes": (f"//{VAULT}/mcp", [f"host: {PUBLIC}"]),
    "authority-line": ("/mcp", [f"host: {PUBLIC}", f":authority: {VAULT}"]),
}


@pytest.mark.parametrize(("target", "lines"), HOSTS.values(), ids=HOSTS.keys())
def test_no_spelling_of_a_host_opens_its_channel(
    target: str, lines: list[str], mesh: Gateway, issuer: TokenIssuer
) -> None:
    call = ann(issuer).to(target)
    length = f"content-length: {len(call.body)}"
    raw.exchange(mesh, raw.head(call, *(line.encode() for line in [*lines, length]), with_host=False) + call.body)
    assert_the_vault_is_closed(mesh)


@pytest.mark.parametrize(
    ("named", "host"), [(VAULT, PUBLIC), (PUBLIC, VAULT), (VAULT.upper(), PUBLIC), (f"{VAULT}.", PUBLIC), ("", VAULT)]
)
def test_no_second_host_opens_a_channel(named: str, host: str, mesh: Gateway, issuer: TokenIssuer) -> None:
    with mesh.client("h2") as client:
        try:
            client.send(ann(issuer).with_header(":authority", named).with_header("host", host))
        except ConnectionError:
            assert mesh.recorder.connections == []
    assert_the_vault_is_closed(mesh)


def test_the_public_channel_is_open(mesh: Gateway, issuer: TokenIssuer) -> None:
    with mesh.client("h2") as client:
        assert client.send(ann(issuer).with_header("host", PUBLIC)).status == 200
    assert len(mesh.recorder.requests) == 1


# ---- certificates -----------------------------------------------------------------------------------------------

CERTIFICATES: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "the-agent": ((COURIER,), {}, "permitted"),
    "another": ((SCOUT,), {}, "identity_mismatch"),
    # A workload has exactly one URI, its SPIFFE id.
    "the-agent-first-of-two": ((COURIER, SCOUT), {}, "invalid_identity"),
    "the-agent-second-of-two": ((SCOUT, COURIER), {}, "invalid_identity"),
    "another-uri-first": (("https://mesh.example/", SCOUT), {}, "invalid_identity"),
    "no-uri": ((), {}, "invalid_identity"),
    "no-uri-and-no-act": ((), {"act": None}, "invalid_identity"),
    "another-uri-and-no-act": (("https://mesh.example/agent/courier",), {"act": None}, "invalid_identity"),
}


@pytest.mark.parametrize(("uris", "claims", "reason"), CERTIFICATES.values(), ids=CERTIFICATES.keys())
def test_a_certificate_must_name_the_agent_and_nobody_else(
    uris: tuple[str, ...], claims: dict[str, Any], reason: str, gateways: Gateways, issuer: TokenIssuer
) -> None:
    gateway = gateways(MESH, tls=True, tokens=cases.tokens(MESH))
    gateway.recorder.forget()
    with gateway.client("h2", uris) as client:
        response = client.send(ann(issuer, **claims).with_header("host", PUBLIC))
    assert reason_of(response, gateway) == reason


def reason_of(response: Response, gateway: Gateway) -> str:
    """The reason of the decision; `none` if Envoy responded itself."""
    if gateway.recorder.requests:
        [header] = gateway.recorder.requests[0].values("toolgate-decision")
    else:
        header = response.header("toolgate-decision") or ""
    return decision_header.parse(header).reason if header else "none"


# ---- tokens -----------------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(gateways: Gateways) -> Gateway:
    """A gateway with the example bundle."""
    opened = gateways()
    opened.recorder.forget()
    return opened


MALLORY = acme.ALICE | {"sub": "mallory", "roles": []}


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("first", [acme.ALICE, MALLORY, None], ids=["alice", "mallory", "nonsense"])
@pytest.mark.parametrize("second", [acme.ALICE, MALLORY, None], ids=["alice", "mallory", "nonsense"])
def test_two_tokens_are_not_one(
    first: dict[str, Any] | None, second: dict[str, Any] | None, protocol: str, gateway: Gateway, issuer: TokenIssuer
) -> None:
    request = acme.permitted(None)
    for claims in (first, second):
        token = "x.y.z" if claims is None else issuer.sign(claims)
        request = request.with_header("authorization", f"Bearer {token}")
    with gateway.client(protocol) as client:
        response = client.send(request)
    assert response.status == 401
    assert gateway.recorder.connections == []


# Each pair names a principal who is not permitted to make the call; a parser could use either value.
DUPLICATES = {
    "roles-last": ('"sub":"alice","roles":[],"tenant":"acme","act":{"sub":"support-bot"},"roles":["rep"]'),
    "roles-first": ('"sub":"alice","roles":["rep"],"tenant":"acme","act":{"sub":"support-bot"},"roles":[]'),
    "roles-escaped": ('"sub":"alice","roles":[],"tenant":"acme","act":{"sub":"support-bot"},"r\\u006fles":["rep"]'),
    "tenant": ('"sub":"alice","roles":["rep"],"tenant":"globex","tenant":"acme","act":{"sub":"support-bot"}'),
    "act": ('"sub":"alice","roles":["rep"],"tenant":"acme","act":{"sub":"mail-bot"},"act":{"sub":"support-bot"}'),
}


@pytest.mark.parametrize("claims", DUPLICATES.values(), ids=DUPLICATES.keys())
def test_a_claim_that_stands_twice_decides_nothing(claims: str, gateway: Gateway, issuer: TokenIssuer) -> None:
    demanded = '"iss":"https://id.acme.example","aud":"https://tools.acme.example","exp":4102444800'
    token = issuer.sign_bytes(f"{{{demanded},{claims}}}".encode())
    with gateway.client("h1") as client:
        assert client.send(acme.permitted(token)).status == 401
    assert gateway.recorder.connections == []


@pytest.mark.parametrize("depth", [5, 30, 40, 90, 100, 3000])
def test_deep_delegation_is_refused(depth: int, gateway: Gateway, issuer: TokenIssuer) -> None:
    act = '{"sub":"support-bot","act":' * depth + "null" + "}" * depth
    claims = f'"sub":"alice","roles":["rep"],"tenant":"acme","act":{act}'
    demanded = '"iss":"https://id.acme.example","aud":"https://tools.acme.example","exp":4102444800'
    token = issuer.sign_bytes(f"{{{demanded},{claims}}}".encode())
    with gateway.client("h1") as client:
        response = client.send(acme.permitted(token))
        assert response.status >= 400
        assert client.send(acme.permitted(issuer.sign(acme.ALICE))).status == 200
    assert len(gateway.recorder.requests) == 1
