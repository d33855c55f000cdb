"""Every combination of a chain, a certificate, a capability, a role and a tool: what is decided natively, and in Envoy."""

import itertools
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from harness import bundles, paths
from harness.certificates import CertificateAuthority
from harness.envoy_config import token_header
from harness.gateway import Gateway, open_gateway, unharmed
from harness.messages import tool_call
from harness.tokens import ISSUER, AnyIssuer

SPIFFE = "spiffe://acme.example/agent/"
TRUSTED = ("bot", "planner")
TOOLS = ("read", "write", "send")
DEEPEST = 3
# The agents that a token names, current one first; none for a token without `act`.
CHAINS: tuple[tuple[str, ...], ...] = (
    (),
    ("bot",),
    ("bot", "planner"),
    ("planner", "bot"),
    ("bot", "stray"),
    ("stray",),
    ("bot", "planner", "bot", "planner"),
)
# The URIs of the client's certificate.
CERTIFICATES = ((f"{SPIFFE}bot",), (f"{SPIFFE}stray",), (f"{SPIFFE}bot", f"{SPIFFE}stray"), ())
CAPABILITIES: tuple[dict[str, Any] | None, ...] = (
    None,
    {"sub": "ann", "tools": ["desk/read", "desk/write"]},
    {"sub": "ann", "tools": ["desk/*"]},
    {"sub": "bob", "tools": ["desk/*"]},
    {"sub": "ann", "tools": "desk/read"},
    {"sub": "ann", "tools": ["desk/*"], "act": {"sub": "planner"}},
)
ROLES = (["staff"], [])
ALGORITHMS = ("ES256", "RS256", "EdDSA")

POLICIES = """
@id("staff-read") permit (principal in Role::"staff", action == Action::"desk/read", resource);
@id("trusted-write") permit (principal in Role::"staff", action == Action::"desk/write", resource)
when { context has delegation && context.delegation.all_in.contains(AgentClass::"trusted") };
@id("staff-send") permit (principal in Role::"staff", action == Action::"desk/send", resource);
@id("no-deeper") forbid (principal, action == Action::"desk/send", resource)
when { context has delegation && context.delegation.depth > 1 };
"""
ENTITIES = [{"uid": 'Server::"desk"'}, {"uid": 'AgentClass::"trusted"'}] + [
    {"uid": f'Agent::"{agent}"', "parents": ['AgentClass::"trusted"']} for agent in TRUSTED
]
IDENTITY = {
    "principal": {"tokens": ["session"], "type": "User", "parents": [{"claim": "roles", "type": "Role", "optional": True}]},
    "actor": {
        "type": "Agent",
        "class_type": "AgentClass",
        "must_match_spiffe": True,
        "required": False,
        "max_depth": DEEPEST,
        "spiffe": {f"{SPIFFE}{agent}": agent for agent in (*TRUSTED, "stray")},
    },
    "capabilities": [
        {"token": "task", "header": token_header("task"), "beside": ["session"], "optional": True, "tools": "tools"}
    ],
}


class Row(NamedTuple):
    """A combination."""

    chain: tuple[str, ...]
    uris: tuple[str, ...]
    capability: dict[str, Any] | None
    roles: list[str]
    tool: str

    def tokens(self) -> dict[str, dict[str, Any]]:
        """The claims of the tokens."""
        act: dict[str, Any] | None = None
        for agent in reversed(self.chain):
            act = {"sub": agent} | ({"act": act} if act else {})
        session = {"iss": ISSUER, "sub": "ann", "roles": self.roles} | ({"act": act} if act else {})
        task = {"iss": ISSUER, "exp": 4_000_000_000} | self.capability if self.capability else None
        return {"session": session} | ({"task": task} if task else {})

    def reason(self) -> str:
        """What the bundle says, written once more."""
        if len(self.chain) > DEEPEST or len(self.uris) != 1:
            return "invalid_identity"
        [peer] = (uri.removeprefix(SPIFFE) for uri in self.uris)
        # The certificate names the agent where the token names none.
        chain = self.chain or (peer,)
        if chain[0] != peer:
            return "identity_mismatch"
        if self.capability:
            if self.capability["sub"] != "ann":
                return "capability_subject"
            if self.capability.get("act", {"sub": peer})["sub"] != peer:
                return "capability_actor"
            if f"desk/{self.tool}" not in self.capability["tools"] and "desk/*" not in self.capability["tools"]:
                return "capability_exceeded"
        if self.tool == "send" and len(chain) > 1:
            return "forbidden"
        is_permitted = self.roles and (self.tool != "write" or all(agent in TRUSTED for agent in chain))
        return "permitted" if is_permitted else "not_permitted"

    def policies(self) -> list[str]:
        """The policies that determine it."""
        permits = {"read": "staff-read", "write": "trusted-write", "send": "staff-send"}
        return {"permitted": [permits[self.tool]], "forbidden": ["no-deeper"]}.get(self.reason(), [])


ROWS = [Row(*row) for row in itertools.product(CHAINS, CERTIFICATES, CAPABILITIES, ROLES, TOOLS)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("table") / "bundle"
    bundles.small(directory, POLICIES, {tool: {} for tool in TOOLS}, identity=IDENTITY)
    schema = "entity Role; entity User in [Role]; entity AgentClass; entity Agent in [AgentClass]; entity Server;"
    (directory / "schema.cedarschema").write_text(schema)
    (directory / "entities.yaml").write_text(yaml.safe_dump(ENTITIES))
    return directory


def test_the_table_has_every_outcome() -> None:
    outcomes = Counter(row.reason() for row in ROWS)
    assert set(outcomes) == {
        *("permitted", "forbidden", "not_permitted", "invalid_identity", "identity_mismatch"),
        *("capability_subject", "capability_actor", "capability_exceeded"),
    }
    assert outcomes["permitted"] > 40


def test_each_row_natively(bundle: Path, tmp_path: Path) -> None:
    decisions = {"permitted": "PERMIT", "not_permitted": "SILENCE"}
    identities, cases = {}, []
    for number, row in enumerate(ROWS):
        identities[f"row-{number}"] = {"tokens": row.tokens(), "spiffe": list(row.uris)}
        reason = row.reason()
        expect = {"decision": decisions.get(reason, "DENY"), "reason": reason, "policies": row.policies()}
        call = {"path": "/mcp", "tool": row.tool, "arguments": {}}
        cases.append({"name": f"row {number}", "as": f"row-{number}", "call": call, "expect": expect})
    tested = bundles.plain(bundle, tmp_path / "tested")
    (tested / "tests").mkdir()
    (tested / "tests/table.yaml").write_text(json.dumps({"identities": identities, "cases": cases}))
    command = [str(paths.TOOLGATE), "test", str(tested)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(ROWS)} cases" in ran.stdout + ran.stderr


@pytest.fixture(scope="module", params=ALGORITHMS)
def signed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: CertificateAuthority,
    bundle: Path,
) -> Iterator[tuple[Gateway, AnyIssuer]]:
    issuer: Any = AnyIssuer(ISSUER, request.param)
    options: dict[str, Any] = {"tls": authority, "tokens": ("session", "task")}
    directory = tmp_path_factory.mktemp("signed")
    with open_gateway(directory, issuer, bundles.emit(bundle), **options) as gateway, unharmed(gateway):
        yield gateway, issuer


def test_each_row_through_envoy(signed: tuple[Gateway, AnyIssuer]) -> None:
    gateway, issuer = signed
    for uris in CERTIFICATES:
        rows = [row for row in ROWS if row.uris == uris]
        before, forwarded = len(gateway.envoy.decision_log(0)), len(gateway.recorder.requests)
        with gateway.client("h1", uris) as client:
            for row in rows:
                request = tool_call("/mcp", row.tool, {}, None)
                for name, claims in row.tokens().items():
                    request = request.with_header(token_header(name), f"Bearer {issuer.sign(claims)}")
                client.send(request)
        records = gateway.envoy.decision_log(before + len(rows))[before:]
        expected = [(row.reason(), row.policies()) for row in rows]
        assert [(record["reason"], record["policies"]) for record in records] == expected
        permitted = [row for row in rows if row.reason() == "permitted"]
        assert len(gateway.recorder.requests) - forwarded == len(permitted)
