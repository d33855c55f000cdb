"""A filter that trusts keys, in Envoy: what nobody trusts does not get in, and what is in force stays."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import acme, bundles, decision_header, signing
from harness.gateway import Gateway, open_gateway
from harness.signing import SigningKey
from harness.tokens import TokenIssuer

Json = dict[str, Any]


class Signer:
    """Keys, the bundle in three versions, and resources made of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.ours, self.next, self.stranger = (SigningKey(directory / f"{name}.pem") for name in ("a", "b", "c"))
        for version in (1, 2, 3):
            bundles.variant(directory / str(version), version=version)
        self.demand = signing.trust(self.ours, minimum_version=2)

    def document(self, version: int, *keys: SigningKey, environment: str | None = None) -> Json:
        """A version of the bundle, for an environment, signed with these keys."""
        return signing.document(self._directory / str(version), *keys, environment=environment)

    def emitted(self) -> bytes:
        """The second version with the demand, as the command writes it."""
        built, trust = self._directory / "built.json", self._directory / "trust.yaml"
        built.write_text(json.dumps(self.document(2, self.ours)))
        trust.write_text(json.dumps(self.demand))
        return bundles.emit(built, "--trust", str(trust))

    def resource(self, bundle: Json, trust: Json) -> bytes:
        """What the command refuses to write, and somebody else might."""
        return bundles.damaged(self.emitted(), lambda configuration: configuration.update(bundle=bundle, trust=trust))


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """Keys of this module."""
    return Signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture
def gateway(tmp_path: Path, issuer: TokenIssuer, signer: Signer) -> Iterator[Gateway]:
    """A gateway with the second version in force."""
    with open_gateway(tmp_path, issuer, signer.emitted()) as opened:
        yield opened


def in_force(gateway: Gateway, token: str) -> str:
    """The bundle that decides: name, version and digest."""
    with gateway.client("h1") as client:
        assert client.send(acme.permitted(token)).status == 200
        return decision_header.parse(client.send(acme.forbidden(token)).header("toolgate-decision") or "").bundle


def unsigned(signer: Signer) -> tuple[Json, Json]:
    """A bundle that nobody signed."""
    return signer.document(3), signer.demand


def unknown(signer: Signer) -> tuple[Json, Json]:
    """A bundle that somebody signed."""
    return signer.document(3, signer.stranger), signer.demand


def expired(signer: Signer) -> tuple[Json, Json]:
    """A bundle whose key is trusted no longer."""
    demand = copy.deepcopy(signer.demand)
    demand["keys"][0]["expires"] = "2026-01-31T00:00:00Z"
    return signer.document(3, signer.ours), demand


def tampered(signer: Signer) -> tuple[Json, Json]:
    """A signed bundle with one byte of a policy changed."""
    bundle = signer.document(3, signer.ours)
    policy = next(policy for policy in bundle["layers"]["org"] if policy["id"] == acme.REFUND_POLICY)
    policy["source"] = policy["source"].replace("500.0", "900.0")
    return bundle, signer.demand


def respelled(signer: Signer) -> tuple[Json, Json]:
    """A signed bundle with numbers that mean another type to a reader, and nothing to the digest."""
    bundle = signer.document(3, signer.ours)
    bundle["tools"] = json.loads(json.dumps(bundle["tools"]), parse_int=float)
    assert bundle == signer.document(3, signer.ours)
    return bundle, signer.demand


def forged(signer: Signer) -> tuple[Json, Json]:
    """A bundle with the signature of another version in place of its own."""
    bundle = signer.document(3, signer.ours)
    bundle["signatures"][0]["signature"] = signer.document(2, signer.ours)["signatures"][0]["signature"]
    return bundle, signer.demand


def downgraded(signer: Signer) -> tuple[Json, Json]:
    """A version that was signed well, long ago."""
    return signer.document(1, signer.ours), signer.demand


def elsewhere(signer: Signer) -> tuple[Json, Json]:
    """A bundle for another environment."""
    return signer.document(3, signer.ours, environment="dev"), signer.demand


def nobody(signer: Signer) -> tuple[Json, Json]:
    """A demand that no bundle could fulfil."""
    return signer.document(3, signer.ours), {"keys": []}


WORDS: dict[Callable[[Signer], tuple[Json, Json]], str] = {
    unsigned: "the bundle is not trusted: it is unsigned",
    unknown: "which is not one of trust.keys",
    expired: "which expired at 2026-01-31T00:00:00Z",
    tampered: "the bundle is not trusted: its content has changed since the key sha256:",
    respelled: "in place of this number at line 1 column ",
    forged: "the bundle is not trusted: the signature that it has from the key sha256:",
    downgraded: "the bundle is not trusted: its version is 1, and trust.minimum_version is 2",
    elsewhere: "the bundle is for the environment `dev`, and this filter is for no environment",
    nobody: "trust.keys: it is empty",
}


@pytest.mark.parametrize("push", WORDS, ids=lambda push: push.__name__)
def test_what_is_not_trusted_is_rejected_in_its_own_words(
    push: Callable[[Signer], tuple[Json, Json]], gateway: Gateway, alice: str, signer: Signer
) -> None:
    before = in_force(gateway, alice)
    assert before.startswith("acme@2 sha256:")
    gateway.envoy.push(signer.resource(*push(signer)))
    gateway.envoy.wait_for_rejection(1)
    gateway.envoy.says(WORDS[push])
    assert in_force(gateway, alice) == before


def test_keys_are_changed_by_trusting_both_or_by_signing_with_both(
    gateway: Gateway, alice: str, signer: Signer
) -> None:
    both = signing.trust(signer.ours, signer.next)
    gateway.envoy.push(signer.resource(signer.document(3, signer.next), both))
    gateway.envoy.wait_for_success(2)
    assert in_force(gateway, alice).startswith("acme@3 ")
    gateway.envoy.push(signer.resource(signer.document(2, signer.ours, signer.next), signing.trust(signer.next)))
    gateway.envoy.wait_for_success(3)
    assert in_force(gateway, alice).startswith("acme@2 ")


def test_what_was_loaded_before_vouches_for_nothing_else(gateway: Gateway, alice: str, signer: Signer) -> None:
    second = in_force(gateway, alice)
    good = signer.resource(signer.document(3, signer.ours), signer.demand)
    gateway.envoy.push(good)
    gateway.envoy.wait_for_success(2)
    third = in_force(gateway, alice)
    for rejections, push in enumerate((tampered, expired), start=1):
        # Its name, version and digest are those of the bundle in force.
        gateway.envoy.push(signer.resource(*push(signer)))
        gateway.envoy.wait_for_rejection(rejections)
        assert in_force(gateway, alice) == third
    # Both were loaded before.
    gateway.envoy.push(signer.emitted())
    gateway.envoy.wait_for_success(3)
    assert in_force(gateway, alice) == second
    gateway.envoy.push(good)
    gateway.envoy.wait_for_success(4)
    assert in_force(gateway, alice) == third
