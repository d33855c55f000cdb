"""Which workload a certificate names, with real mutual TLS, and what a header may say about it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles
from harness.certificates import CertificateAuthority
from harness.gateway import Gateway, open_gateway
from harness.messages import tool_call
from harness.tokens import TokenIssuer

BOT = "spiffe://acme.example/agent/bot"
OTHER = "spiffe://acme.example/agent/other"
PROXY = "spiffe://acme.example/ingress"
XFCC = "x-forwarded-client-cert"
SCHEMA = "entity User; entity Workload; entity Agent; entity Server;"
TOOL = {"name": "read", "inputSchema": {"type": "object", "properties": {}}}
IDENTITY: dict[str, Any] = {
    "principal": {"tokens": ["session"], "type": "User"},
    "workload": {"type": "Workload"},
    "actor": {"type": "Agent", "must_match_spiffe": True},
}


def _bundle(directory: Path, identity: dict[str, Any]) -> Path:
    for below in ("org", "tools"):
        (directory / below).mkdir(parents=True)
    manifest = {
        "name": "certificates",
        "version": 1,
        "identity": identity,
        "channels": [{"path": "/crm/mcp", "server": "crm"}],
        "servers": {"crm": {"tools_from": "tools/crm.json"}},
    }
    (directory / "bundle.yaml").write_text(yaml.safe_dump(manifest))
    (directory / "schema.cedarschema").write_text(SCHEMA)
    (directory / "entities.yaml").write_text(yaml.safe_dump([{"uid": 'Server::"crm"'}]))
    (directory / "tools/crm.json").write_text(json.dumps({"tools": [TOOL]}))
    (directory / "org/all.cedar").write_text('@id("all") permit (principal, action, resource);')
    return directory


def _open(
    directory: Path,
    issuer: TokenIssuer,
    authority: CertificateAuthority,
    identity: dict[str, Any],
    forwarding: str | None = None,
) -> Iterator[Gateway]:
    def shape(config: dict[str, Any], _: object) -> None:
        [listener] = config["static_resources"]["listeners"]
        chain = listener["filter_chains"][0]
        context = chain["transport_socket"]["typed_config"]["common_tls_context"]
        # What the certificate says is for the filter to judge.
        context["validation_context"].pop("match_typed_subject_alt_names", None)
        if forwarding:
            chain["filters"][0]["typed_config"]["forward_client_cert_details"] = forwarding

    bundle = bundles.emit(_bundle(directory / "bundle", identity))
    envoy = directory / "envoy"
    envoy.mkdir()
    with open_gateway(envoy, issuer, bundle, shape=shape, tls=authority) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer, authority: CertificateAuthority) -> Iterator[Gateway]:
    """A gateway in which every header of a client arrives that Envoy can be made to pass on."""
    yield from _open(tmp_path_factory.mktemp("direct"), issuer, authority, IDENTITY, "ALWAYS_FORWARD_ONLY")


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer, authority: CertificateAuthority) -> Iterator[Gateway]:
    """A gateway behind a proxy."""
    identity = IDENTITY | {"forwarded_by": [PROXY]}
    yield from _open(tmp_path_factory.mktemp("behind"), issuer, authority, identity, "FORWARD_ONLY")


def _decided(gateway: Gateway, uris: tuple[str, ...], token: str | None, header: str | None = None) -> tuple[str, str | None]:
    """The reason, and the actor."""
    before = len(gateway.envoy.decision_log(0))
    request = tool_call("/crm/mcp", "read", {}, token)
    if header is not None:
        request = request.with_header(XFCC, header)
    with gateway.client("h1", uris) as client:
        client.send(request)
    record = gateway.envoy.decision_log(before + 1)[-1]
    return record["reason"], (record["actor"] or {}).get("id")


# The URIs of the certificate, the agent in the token, and the outcome.
OUTCOMES = [
    ((BOT,), None, ("permitted", BOT)),
    ((BOT,), BOT, ("permitted", BOT)),
    ((BOT,), OTHER, ("identity_mismatch", None)),
    ((BOT, OTHER), None, ("invalid_identity", None)),
    ((BOT, OTHER), BOT, ("invalid_identity", None)),
    ((BOT, BOT), BOT, ("invalid_identity", None)),
    (("https://acme.example/", BOT), BOT, ("invalid_identity", None)),
    ((BOT, "https://acme.example/"), BOT, ("invalid_identity", None)),
    (("https://acme.example/",), None, ("invalid_identity", None)),
    (("https://acme.example/",), BOT, ("invalid_identity", None)),
    ((f"{BOT},{OTHER}",), BOT, ("invalid_identity", None)),
    ((), None, ("invalid_identity", None)),
    ((), BOT, ("invalid_identity", None)),
]


@pytest.mark.parametrize(("uris", "agent", "outcome"), OUTCOMES)
@pytest.mark.parametrize("forged", [None, f"URI={BOT}", f'By={PROXY};Hash=0a;Subject="";URI={BOT}'])
def test_one_spiffe_id_names_a_workload(
    uris: tuple[str, ...],
    agent: str | None,
    outcome: tuple[str, str | None],
    forged: str | None,
    direct: Gateway,
    issuer: TokenIssuer,
) -> None:
    token = issuer.sign({"sub": "alice", "act": {"sub": agent}}) if agent else None
    assert _decided(direct, uris, token, forged) == outcome


@pytest.mark.parametrize(
    ("uris", "header", "outcome"),
    [
        ((PROXY,), f"Hash=0a;URI={BOT}", ("permitted", BOT)),
        ((PROXY,), f"URI={OTHER}", ("identity_mismatch", None)),
        ((PROXY,), f"URI={BOT};URI={OTHER}", ("invalid_identity", None)),
        ((PROXY,), "URI=", ("invalid_identity", None)),
        ((PROXY,), f"URI={BOT},URI={BOT}", ("invalid_identity", None)),
        ((PROXY,), f"URI={PROXY}", ("invalid_identity", None)),
        ((PROXY,), "nonsense", ("invalid_identity", None)),
        # Not a proxy that the bundle names: its own certificate counts.
        ((OTHER,), f"URI={BOT}", ("identity_mismatch", None)),
        ((BOT,), f"URI={OTHER}", ("permitted", BOT)),
        ((PROXY, OTHER), f"URI={BOT}", ("invalid_identity", None)),
    ],
)
def test_only_a_proxy_that_the_bundle_names_forwards(
    uris: tuple[str, ...], header: str, outcome: tuple[str, str | None], behind: Gateway, issuer: TokenIssuer
) -> None:
    token = issuer.sign({"sub": "alice", "act": {"sub": BOT}})
    assert _decided(behind, uris, token, header) == outcome


def test_a_proxy_is_not_its_client(behind: Gateway) -> None:
    assert _decided(behind, (PROXY,), None) == ("unauthenticated", None)
    assert _decided(behind, (PROXY,), None, f"URI={BOT}") == ("permitted", BOT)
