"""The mappings of `src/identity.md`, with the tokens that it shows, through Envoy."""

import copy
import dataclasses
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, paths
from harness.certificates import CertificateAuthority
from harness.envoy_config import Files
from harness.gateway import Gateway, open_gateway
from harness.messages import Response, tool_call
from harness.tokens import TokenIssuer

PAGE = paths.REPOSITORY / "src" / "identity.md"
AUDIENCE = "https://tools.acme.example"
COURIER = "spiffe://acme.example/agent/courier"
SEVERAL = "Several providers"
PATH = "/crm/mcp"

Claims = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Provider:
    """What the page's token of one provider becomes, and changes of the token that are refused."""

    principal: str
    actor: str
    parents: tuple[str, ...] = ()
    attributes: Claims = dataclasses.field(default_factory=dict)
    # Other tokens with the same identity.
    alike: tuple[Claims, ...] = ()
    # Changes of claims, and the record's account of the refusal. A claim changed to null is left out.
    refused: tuple[tuple[Claims, str], ...] = ()


READER = 'Role::"reader"'
PROVIDERS = {
    "Entra ID": Provider(
        'User::"00aa11bb-22cc-33dd-44ee-55ff66778899"',
        "5d4c3b2a-1908-4f7e-8d6c-5b4a39281706",
        ('Group::"11112222-3333-4444-5555-666677778888"', READER),
        alike=({"azp": None, "appid": "5d4c3b2a-1908-4f7e-8d6c-5b4a39281706", "ver": "1.0"},),
        refused=(
            ({"groups": None, "_claim_names": {"groups": "src1"}}, "claim `_claim_names.groups`"),
            ({"groups": None, "hasgroups": True}, "claim `hasgroups`"),
            ({"oid": None}, "claim `oid` is missing"),
            ({"appid": "another"}, "claim `azp` and claim `appid` name different actors"),
        ),
    ),
    "Okta": Provider(
        'User::"00u1a2b3c4"',
        "0oa9z8y7x6",
        (READER,),
        refused=(({"uid": None}, "claim `uid` is missing"), ({"cid": None}, "names an actor")),
    ),
    "Keycloak": Provider(
        'User::"f1e2d3c4-0000-4000-8000-000000000001"',
        "copilot",
        (READER, 'Role::"writer"'),
        refused=(({"typ": "ID"}, "claim `typ`"), ({"realm_access": {"roles": {}}}, "claim `realm_access.roles`")),
    ),
    "Auth0": Provider(
        'User::"auth0|64f0"',
        "AbCdEf123",
        (READER,),
        {"permissions": ["tools:call"]},
        refused=(({"https://acme.example/roles": None}, "claim `https://acme.example/roles` is missing"),),
    ),
    "Cognito": Provider(
        'User::"aaaabbbb-cccc-4ddd-8eee-ffff00001111"',
        "1h57kf5cpq17m0eml12EXAMPLE",
        (READER,),
        refused=(({"client_id": "another"}, "claim `client_id`"), ({"token_use": "id"}, "claim `token_use`")),
    ),
    "Zitadel": Provider(
        'User::"250000000000000001"',
        "260000000000000001",
        (READER,),
        {"organization": "240000000000000001"},
        refused=(({"urn:zitadel:iam:org:project:roles": ["reader"]}, "claim `urn:zitadel:iam:org:project:roles`"),),
    ),
    "Google": Provider(
        'User::"110000000000000000001"',
        "110000000000000000002",
        ('Role::"acme.example"',),
        {"email": "[redacted]"},
        refused=(
            ({"email_verified": False}, "claim `email_verified`"),
            ({"hd": "evil.example"}, "claim `hd`"),
            ({"hd": None}, "claim `hd` is missing"),
        ),
    ),
    "SPIFFE": Provider(f'Workload::"{COURIER}"', COURIER, refused=(({"sub": ""}, "claim `sub`"),)),
}


def _sections() -> dict[str, str]:
    parts = PAGE.read_text().split("\n## ")[1:]
    return {title: text for title, _, text in (part.partition("\n") for part in parts)}


def _block(name: str, language: str) -> Any:
    [block] = re.findall(rf"^```{language}\n(.*?)^```", _sections()[name], re.DOTALL | re.MULTILINE)
    return yaml.safe_load(block)


def _bundle(directory: Path, identity: Claims, permit: str) -> Path:
    """A bundle with this mapping, of which a policy permits some calls."""
    principals = identity["principal"] if isinstance(identity["principal"], list) else [identity["principal"]]
    parents: dict[str, set[str]] = {}
    attributes: dict[str, str] = {}
    for each in principals:
        parents.setdefault(each["type"], set()).update(parent["type"] for parent in each.get("parents", ()))
        attributes |= {name: of["type"] for name, of in each.get("attributes", {}).items()}
    record = ", ".join(f"{name}?: {kind}" for name, kind in attributes.items())
    schema = [f"entity {kind};" for kind in sorted({"Agent", "Server"}.union(*parents.values()))]
    schema += [f"entity {kind} in [{', '.join(sorted(of))}] {{ {record} }};" for kind, of in parents.items()]
    manifest = {
        "name": "provider",
        "version": 1,
        "identity": identity,
        "channels": [{"path": PATH, "server": "wiki"}],
        "servers": {"wiki": {"tools_from": "tools/wiki.json"}},
    }
    tool = {"name": "read", "inputSchema": {"type": "object", "properties": {}}}
    files = {
        "bundle.yaml": yaml.safe_dump(manifest, sort_keys=False),
        "schema.cedarschema": "\n".join(schema),
        "entities.yaml": "- uid: 'Server::\"wiki\"'\n",
        "org/wiki.cedar": f'@id("read") permit ({permit}, action, resource);\n',
        "tools/wiki.json": json.dumps({"tools": [tool]}),
    }
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return directory


def _trusting(providers: dict[str, Claims]) -> Callable[[Claims, Files], None]:
    """Configures `jwt_authn` for the issuer and the audience of each token, as far as it has them."""

    def shape(config: Claims, _: Files) -> None:
        [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
        filters = chain["filters"][0]["typed_config"]["http_filters"]
        [verifier] = [each for each in filters if each["name"] == "envoy.filters.http.jwt_authn"]
        authentication = verifier["typed_config"]
        original = authentication["providers"].pop("session")
        for name, claims in providers.items():
            provider = copy.deepcopy(original) | {"payload_in_metadata": name}
            del provider["issuer"], provider["audiences"]
            if "iss" in claims:
                provider["issuer"] = claims["iss"]
            if "aud" in claims:
                provider["audiences"] = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
            authentication["providers"][name] = provider
        [rule] = authentication["rules"]
        requirements = rule["requires"]["requires_any"]["requirements"]
        requirements[:1] = [{"provider_name": name} for name in providers]

    return shape


@contextmanager
def _gateway(
    directory: Path,
    issuer: TokenIssuer,
    identity: Claims,
    permit: str,
    providers: dict[str, Claims],
    tls: CertificateAuthority | None = None,
) -> Iterator[Gateway]:
    bundle = bundles.emit(_bundle(directory / "bundle", identity, permit))
    envoy = directory / "envoy"
    envoy.mkdir()
    with open_gateway(envoy, issuer, bundle, shape=_trusting(providers), tls=tls) as gateway:
        yield gateway


def _signed(issuer: TokenIssuer, claims: Claims) -> str:
    given = {name: value for name, value in claims.items() if value is not None}
    return issuer.sign_bytes(json.dumps({"exp": int(time.time()) + 3600} | given).encode())


def _call(gateway: Gateway, token: str | None, spiffe: str | None = None) -> Response:
    with gateway.client("h1", spiffe) as client:
        return client.send(tool_call(PATH, "read", {}, token))


def test_every_section_of_the_page_is_tested() -> None:
    # Certificates and capabilities have files of tests of their own.
    others = {"Certificates", "Capabilities", "Scopes", "Step-up"}
    assert _sections().keys() == PROVIDERS.keys() | {SEVERAL} | others


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider(name: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    expected = PROVIDERS[name]
    claims, identity = _block(name, "json"), _block(name, "yaml")["identity"]
    permit = f"principal in {expected.parents[0]}" if expected.parents else f"principal == {expected.principal}"
    accepted = [claims, *(claims | change for change in expected.alike)]
    with _gateway(tmp_path, issuer, identity, permit, {"session": claims}) as gateway:
        for token in accepted:
            assert _call(gateway, _signed(issuer, token)).status == 200
        for change, _ in expected.refused:
            assert _call(gateway, _signed(issuer, claims | change)).status == 401
        records = gateway.envoy.decision_log(len(accepted) + len(expected.refused))
    for record in records[: len(accepted)]:
        principal = record["principal"]
        assert (record["decision"], record["policies"]) == ("PERMIT", ["read"])
        assert f'{principal["type"]}::"{principal["id"]}"' == expected.principal
        assert (principal["parents"], principal["attributes"]) == (list(expected.parents), expected.attributes)
        assert (record["actor"]["id"], record["actor"]["chain"]) == (expected.actor, [expected.actor])
    for record, (_, detail) in zip(records[len(accepted) :], expected.refused, strict=True):
        assert record["reason"] in ("invalid_identity", "identity_mismatch", "unauthenticated")
        assert detail in record["detail"]
        assert (record["principal"], record["actor"]) == (None, None)


def test_two_providers_on_one_channel(tmp_path: Path, issuer: TokenIssuer) -> None:
    identity = _block(SEVERAL, "yaml")["identity"]
    employee = {"iss": "https://entra.example/v2.0", "aud": AUDIENCE, "oid": "u1", "roles": ["reader"], "azp": "copilot"}
    guest = {"iss": "https://sso.example", "aud": AUDIENCE, "sub": "u1", "realm_access": {"roles": ["reader"]}}
    guest |= {"azp": "assistant", "oid": "u2", "roles": ["reader"]}
    permit = 'principal in Role::"reader"'
    with _gateway(tmp_path, issuer, identity, permit, {"employees": employee, "guests": guest}) as gateway:
        for claims in (employee, guest):
            assert _call(gateway, _signed(issuer, claims)).status == 200
        records = gateway.envoy.decision_log(2)
    seen = [(each["decision"], each["principal"]["type"], each["principal"]["id"]) for each in records]
    assert seen == [("PERMIT", "User", "u1"), ("SILENCE", "Guest", "u1")]
    assert [each["principal"]["parents"] for each in records] == [[READER], ['GuestRole::"reader"']]
    assert [each["actor"]["id"] for each in records] == ["copilot", "assistant"]


def test_a_workload_with_a_certificate(tmp_path: Path, issuer: TokenIssuer, authority: CertificateAuthority) -> None:
    claims, identity = _block("SPIFFE", "json"), _block("SPIFFE", "yaml")["identity"]
    token, other = _signed(issuer, claims), "spiffe://acme.example/agent/support-bot"
    permit = f'principal == Workload::"{COURIER}"'
    with _gateway(tmp_path, issuer, identity, permit, {"session": claims}, authority) as gateway:
        answers = [_call(gateway, *sent).status for sent in ((None, COURIER), (token, COURIER), (token, other))]
        records = gateway.envoy.decision_log(3)
    assert answers == [200, 200, 401]
    assert [each["reason"] for each in records] == ["permitted", "permitted", "identity_mismatch"]
    assert [each["actor"]["id"] for each in records[:2]] == [COURIER, COURIER]
