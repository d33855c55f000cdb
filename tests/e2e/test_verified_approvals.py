"""Approvals that Envoy verifies, by all algorithms that it knows, with the configuration that `toolgate emit envoy` writes."""

import base64
import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, paths
from harness.approvals import CAROL, GATE, GATE_KEY, HEADER, SERVICE, SIGNER, SIGNING_KEY, Json, approval, approved
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Response, tool_call
from harness.recorder import Recorder
from harness.tokens import AUDIENCE, ISSUER, KEY_ID, AnyIssuer
from test_approvals import ANN, BUNDLE

ALGORITHMS = ("ES256", "RS256", "EdDSA")
GATES = [*((paths.NEWEST_ENVOY, algorithm) for algorithm in ALGORITHMS), (paths.ENVOY_VERSIONS[0], "ES256")]


def by_provider(directory: Path) -> Path:
    """The bundle, whose approvals come from a provider of Envoy."""
    bundle = bundles.plain(BUNDLE, directory)
    file = bundle / "bundle.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["approvals"] = {"service": SERVICE, "provider": "approval"}
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    return bundle


@dataclasses.dataclass
class Escalating:
    """An Envoy that verifies approvals, and who signs them."""

    envoy: Envoy
    recorder: Recorder
    session: AnyIssuer
    approver: AnyIssuer
    lines: int = 0

    def transfer(self, *approvals: str, amount: int = 5000, token: str | None = None) -> Response:
        """The response to a transfer, with these approvals."""
        session = token or self.session.sign(ANN | {"aud": AUDIENCE})
        request = tool_call("/mcp", "transfer", {"to": "bob", "amount": amount}, session)
        for signed in approvals:
            request = request.with_header(HEADER, signed)
        with Http1Client(self.envoy.port) as client:
            response = client.send(request)
        self.lines += 1
        return response

    def reason(self, *approvals: str, amount: int = 5000) -> str:
        """Why such a transfer is refused, or `permitted`."""
        self.transfer(*approvals, amount=amount)
        return str(self.record()["reason"])

    def record(self) -> Json:
        """The record of the last request."""
        return self.envoy.decision_log(self.lines)[-1]

    def request(self) -> str:
        """The request for approval of a transfer, as the caller gets it."""
        body = json.loads(self.transfer().body)
        return str(body["result"]["_meta"]["dev.toolgate/refusal"]["approval"]["request"])

    def approval(self, **changes: Any) -> Json:
        return approval(self.request()) | changes


@pytest.fixture(scope="module", params=GATES, ids=lambda it: f"{it[0]}-{it[1]}")
def escalating(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Escalating]:
    version, algorithm = request.param
    directory = tmp_path_factory.mktemp("verified")
    bundle = by_provider(directory / "bundle")
    issuers = {"session": AnyIssuer(ISSUER, algorithm), "approval": AnyIssuer(SERVICE, algorithm)}
    options = ["--audience", f"session={AUDIENCE}"]
    for name, issuer in issuers.items():
        keys = directory / f"{name}.json"
        keys.write_text(issuer.jwks())
        options += ["--issuer", f"{name}={issuer.issuer}", "--jwks", f"{name}={keys}"]
    with Recorder() as recorder:
        shape = bundles.emitted("--upstream", f"127.0.0.1:{recorder.port}", *options, bundle=bundle)
        setup = Setup(recorder.port, issuers["session"].jwks(), shape=shape)
        keys = {SIGNING_KEY: GATE_KEY.private}
        with Envoy(directory / "envoy", setup, bundles.emit(bundle), version=version, variables=keys) as envoy:
            yield Escalating(envoy, recorder, issuers["session"], issuers["approval"])
            assert envoy.complaints() == []


def test_an_approval_that_the_proxy_verifies_is_used_once(escalating: Escalating) -> None:
    known = len(escalating.recorder.requests)
    signed = escalating.approver.sign(escalating.approval())
    assert escalating.reason(signed, amount=5001) == "approval_mismatch"
    assert escalating.reason(signed) == "permitted"
    approver = escalating.record()["approval"]["approver"]
    assert (approver["id"], escalating.record()["approval"]["policies"]) == ("carol", ["finance"])
    [passed] = escalating.recorder.requests[known:]
    assert passed.values(HEADER) == []
    for _ in range(4):
        assert escalating.reason(signed) == "approval_used"
    assert len(escalating.recorder.requests) == known + 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": int(time.time()) - 3600}, "approval_expired"),
        ({"nbf": int(time.time()) + 86400}, "approval_expired"),
        ({"aud": "https://other.example"}, "approval_mismatch"),
        ({"iss": ISSUER}, "approval_unverified"),
        ({"decision": "denied"}, "approval_denied"),
        ({"approver": CAROL | {"sub": "ann"}}, "self_approval"),
        ({"approver": CAROL | {"roles": []}}, "approver_not_permitted"),
        ({"approver": "carol"}, "approval_unverified"),
        ({"request": "e30.e30.e30"}, "approval_unverified"),
        ({"iat": 1.5}, "approval_unverified"),
    ],
)
def test_an_approval_must_be_right(escalating: Escalating, changes: Json, expected: str) -> None:
    signed = escalating.approver.sign(escalating.approval(**changes))
    assert escalating.reason(signed) == expected, escalating.record()["detail"]


def _confused(issuer: AnyIssuer, claims: Json) -> str:
    """Signed with HMAC, and the public keys as the secret."""
    header = {"alg": "HS256", "kid": KEY_ID}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = hmac.digest(issuer.jwks().encode(), b".".join(parts), hashlib.sha256)
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_what_is_no_approval_approves_nothing(escalating: Escalating) -> None:
    claims = escalating.approval()
    header = {"alg": "none", "kid": KEY_ID}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    forged = {
        "unsigned": ".".join([*parts, ""]),
        "key confusion": _confused(escalating.approver, claims),
        "by the issuer of sessions": escalating.session.sign(claims | {"iss": SERVICE}),
        "by a key of a service": approved(claims["request"]),
        "by another request": escalating.approver.sign(
            claims | {"request": SIGNER.sign("toolgate-approval-request+jwt", GATE_KEY.read(claims["request"]))}
        ),
        "a session": escalating.session.sign(ANN | {"aud": AUDIENCE}),
        "a session of the service": escalating.approver.sign(ANN | {"aud": GATE}),
        "no token": "approved",
    }
    known = len(escalating.recorder.requests)
    for how, signed in forged.items():
        assert escalating.reason(signed) == "approval_unverified", how
    genuine = escalating.approver.sign(claims)
    assert escalating.reason(genuine, genuine) == "approval_unverified", "two of them"
    # An approval is no session.
    assert escalating.transfer(token=genuine).status in (401, 403)
    assert len(escalating.recorder.requests) == known
