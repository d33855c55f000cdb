"""Calls that a person must approve: asked for over HTTP or by hand, bound to the call, and used once."""

import base64
import concurrent.futures
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest

from harness import bundles, decision_header, envoy_config, paths, raw
from harness.approvals import (
    APPROVAL,
    CAROL,
    GATE_KEY,
    HEADER,
    REQUEST,
    SERVICE,
    SIGNER,
    ApprovalService,
    Json,
    Key,
    approval,
    approved,
    approves,
    cluster,
    pending,
    with_key,
)
from harness.gateway import Gateway, open_gateway, unharmed
from harness.messages import MCP_HEADERS, Request, Response
from harness.tokens import TokenIssuer

BUNDLE = paths.CASES / "bundles" / "approvals"
ANN = {"sub": "ann", "tenant": "acme", "roles": ["clerk"], "act": {"sub": "helper"}}
RACES = 100


class Escalating(NamedTuple):
    """An Envoy with a bundle that leaves some calls to a person."""

    gateway: Gateway
    service: ApprovalService
    issuer: TokenIssuer

    def transfer(
        self,
        amount: int = 5000,
        *approvals: str,
        claims: Json | None = None,
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> Response:
        """The response to a transfer, with these approvals."""
        with self.gateway.client("h1") as client:
            return client.send(self.call(amount, *approvals, claims=claims, headers=headers, **arguments))

    def call(
        self,
        amount: int,
        *approvals: str,
        claims: Json | None = None,
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> Request:
        """The request of a transfer."""
        params = {"name": "transfer", "arguments": {"to": "bob", "amount": amount} | arguments}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        token = self.issuer.sign(ANN | (claims or {}))
        fields = dict(MCP_HEADERS) | (headers or {})
        presented = tuple((HEADER, signed) for signed in approvals)
        return Request("POST", "/mcp", (*fields.items(), ("authorization", f"Bearer {token}"), *presented), body)

    def reason(self, amount: int = 5000, *approvals: str, **options: Any) -> str:
        """Why such a transfer is refused, or `permitted`."""
        return reason(self.transfer(amount, *approvals, **options))

    def request(self, amount: int = 5000) -> str:
        """The request for approval of a transfer, as the service gets it."""
        assert self.reason(amount) == "approval_required"
        return str(self.service.asked[-1][2]["binding_token"])


def reason(response: Response) -> str:
    decision = response.header("toolgate-decision")
    return decision_header.decisive(decision_header.parse_all(decision)).reason if decision else "permitted"


@pytest.fixture(scope="module", params=[paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def escalating(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer
) -> Iterator[Escalating]:
    directory = tmp_path_factory.mktemp("approvals")
    with opened(directory, issuer, request.param) as escalating, unharmed(escalating.gateway):
        yield escalating


@contextmanager
def opened(directory: Path, issuer: TokenIssuer, version: str, bundle: Path = BUNDLE) -> Iterator[Escalating]:
    """An Envoy with a bundle and an approval service."""
    with ApprovalService() as service:

        def shape(config: dict[str, Any], _: envoy_config.Files) -> None:
            config["static_resources"]["clusters"].append(cluster(service.port))

        directory.mkdir(exist_ok=True)
        route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
        options: dict[str, Any] = {"version": version, "routes": (route,), "shape": shape}
        with open_gateway(directory, issuer, bundles.emit(bundle), **options) as gateway:
            yield Escalating(gateway, service, issuer)


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> None:
    if "escalating" in request.fixturenames:
        escalating = request.getfixturevalue("escalating")
        escalating.service.answers = pending
        escalating.service.asked.clear()
        escalating.gateway.recorder.take()


def test_a_call_passes_once_it_is_approved(escalating: Escalating) -> None:
    refusal = escalating.transfer(headers={"mcp-protocol-version": "2025-06-18"})
    body = json.loads(refusal.body)["result"]
    [[path, headers, asked]] = escalating.service.asked
    assert (path, {name.lower(): value for name, value in headers.items()}["host"]) == ("/access-requests", "approvals.acme.example")
    request = GATE_KEY.read(asked["binding_token"])
    assert (request["subject"], request["action"]) == ({"type": "User", "id": "ann"}, {"name": "bank/transfer"})
    page = f"{SERVICE}/requests/{request['jti']}"
    assert page in body["content"][0]["text"]
    assert body["_meta"]["dev.toolgate/refusal"]["approval"] == {"id": request["jti"], "url": page}

    escalating.service.answers = approves
    assert escalating.reason() == "permitted"
    [passed] = escalating.gateway.recorder.requests
    assert json.loads(passed.body)["params"]["arguments"] == {"to": "bob", "amount": 5000}
    record = escalating.gateway.envoy.decision_log(2)[-1]
    assert (record["approval"]["approver"]["type"], record["approval"]["approver"]["id"]) == ("User", "carol")
    assert (record["approval"]["policies"], record["approval"]["reason"]) == (["finance"], "agreed on the phone")


def test_an_approval_that_comes_with_the_call_is_used_once(escalating: Escalating) -> None:
    signed = approved(escalating.request())
    assert escalating.reason(5000, signed) == "permitted"
    [passed] = escalating.gateway.recorder.requests
    assert passed.values(HEADER) == []
    for _ in range(8):
        assert escalating.reason(5000, signed) == "approval_used"
    assert len(escalating.gateway.recorder.requests) == 1


def test_of_those_who_race_one_wins(escalating: Escalating) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(RACES):
            signed = approved(escalating.request())
            reasons = sorted(pool.map(lambda _: escalating.reason(5000, signed), range(4)))
            assert reasons == ["approval_used"] * 3 + ["permitted"]
    assert len(escalating.gateway.recorder.requests) == RACES


def _unsigned(request: str) -> str:
    header = {"alg": "none", "typ": APPROVAL, "kid": SIGNER.id}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, approval(request))]
    return b".".join([*parts, b""]).decode()


def _confused(request: str) -> str:
    """Signed with HMAC, and the public key as the secret."""
    fields = {"typ": APPROVAL, "kid": SIGNER.id}
    return jwt.api_jws.encode(json.dumps(approval(request)).encode(), SIGNER.public, "HS256", headers=fields)


FORGED = {
    "unsigned": _unsigned,
    "by key confusion": _confused,
    "by an unknown key": lambda request: Key(8).sign(APPROVAL, approval(request)),
    "by the key of the gate": lambda request: GATE_KEY.sign(APPROVAL, approval(request)),
    "as a session token": lambda request: SIGNER.sign("JWT", approval(request)),
    "as a request": lambda request: SIGNER.sign(REQUEST, approval(request)),
    "the request itself": lambda request: request,
    "of a request that the gate has not signed": lambda request: approved(
        Key(2).sign(REQUEST, GATE_KEY.read(request))
    ),
    "with a changed byte": lambda request: approved(request)[:-5] + "AAAAA",
    "no token": lambda _: "approved",
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_approval_is_refused(escalating: Escalating, how: str) -> None:
    assert escalating.reason(5000, FORGED[how](escalating.request())) == "approval_unverified"
    assert escalating.gateway.recorder.requests == []


def test_two_approvals_are_refused(escalating: Escalating) -> None:
    signed = approved(escalating.request())
    assert escalating.reason(5000, signed, signed) == "approval_unverified"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": 1}, "approval_expired"),
        ({"iat": 4_000_000_000, "exp": 4_000_000_100}, "approval_expired"),
        ({"decision": "denied"}, "approval_denied"),
        ({"iss": "https://other.example"}, "approval_mismatch"),
        ({"aud": "https://other.example"}, "approval_mismatch"),
        ({"approver": CAROL | {"sub": "ann"}}, "self_approval"),
        ({"approver": CAROL | {"sub": "helper"}}, "self_approval"),
        ({"approver": CAROL | {"tenant": "globex"}}, "approver_not_permitted"),
        ({"approver": CAROL | {"roles": ["clerk"]}}, "approver_not_permitted"),
        ({"approver": CAROL | {"act": {"sub": "other"}}}, "approver_not_permitted"),
    ],
)
def test_an_approval_must_be_of_somebody_who_may(escalating: Escalating, changes: Json, expected: str) -> None:
    assert escalating.reason(5000, approved(escalating.request(), **changes)) == expected
    assert escalating.gateway.recorder.requests == []


def test_an_approval_is_for_no_other_call(escalating: Escalating) -> None:
    signed = approved(escalating.request())
    others: list[Json] = [
        {"claims": {"sub": "bob"}},
        {"claims": {"tenant": "globex"}},
        {"claims": {"act": {"sub": "other"}}},
        {"claims": {"act": {"sub": "helper", "act": {"sub": "other"}}}},
        {"note": "a redacted argument"},
        {"to": "mallory"},
    ]
    for other in others:
        assert escalating.reason(5000, signed, **other) == "approval_mismatch", other
    assert escalating.reason(5001, signed) == "approval_mismatch"
    # It is no token of a session, and a token of a session is no approval.
    session = escalating.issuer.sign(ANN)
    assert escalating.reason(5000, session) == "approval_unverified"
    assert escalating.transfer(headers={"authorization": f"Bearer {signed}"}).status in (400, 401)
    assert escalating.reason(5000, signed) == "permitted"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, b"{}"),
        (404, b'{"status":"approved"}'),
        (200, b""),
        (200, b"[]"),
        (200, b'{"status":"approved"}'),
        (200, b'{"status":"granted","approval":"x"}'),
        (200, b"x" * 1_000_000),
    ],
)
def test_what_the_service_should_not_say_approves_nothing(
    escalating: Escalating, status: int, answer: bytes
) -> None:
    escalating.service.answers = lambda _: (status, answer)
    assert escalating.reason() == "approval_unavailable"
    assert escalating.gateway.recorder.requests == []


def test_a_service_that_is_slow_approves_nothing(escalating: Escalating) -> None:
    def late(asked: Json) -> tuple[int, bytes]:
        time.sleep(3)
        return approves(asked)

    escalating.service.answers = late
    assert escalating.reason() == "approval_unavailable"


def test_nobody_is_asked_about_other_calls(escalating: Escalating) -> None:
    assert escalating.reason(1000) == "permitted"
    assert escalating.reason(50001) == "forbidden"
    assert escalating.service.asked == []


def test_a_client_that_leaves_while_it_waits_harms_nothing(escalating: Escalating) -> None:
    def late(asked: Json) -> tuple[int, bytes]:
        time.sleep(1)
        return approves(asked)

    escalating.service.answers = late
    request = escalating.call(7000)
    for _ in range(5):
        raw.send_and_hang_up(escalating.gateway, raw.whole(request))
    time.sleep(2)
    assert escalating.gateway.recorder.requests == []
    escalating.service.answers = pending
    assert escalating.reason() == "approval_required"


def test_a_push_ends_an_approval(tmp_path: Path, issuer: TokenIssuer) -> None:
    with opened(tmp_path / "envoy", issuer, paths.NEWEST_ENVOY) as escalating:
        signed = approved(escalating.request())
        newer = bundles.plain(BUNDLE, tmp_path / "newer")
        manifest = newer / "bundle.yaml"
        manifest.write_text(manifest.read_text().replace("version: 1", "version: 2"))
        escalating.gateway.envoy.push(bundles.emit(newer))
        escalating.gateway.envoy.wait_for_success(2)
        assert escalating.reason(5000, signed) == "approval_mismatch"


def test_a_bundle_that_signs_needs_a_key(tmp_path: Path, issuer: TokenIssuer) -> None:
    with opened(tmp_path / "envoy", issuer, paths.NEWEST_ENVOY) as escalating:
        escalating.gateway.envoy.push(with_key(bundles.emit(BUNDLE), "none"))
        escalating.gateway.envoy.wait_for_rejection(1)
        escalating.gateway.envoy.says("`TOOLGATE_SIGNING_KEY` is no private key in PEM (PKCS#8)")


def test_a_call_is_held_while_a_person_thinks(tmp_path: Path, issuer: TokenIssuer) -> None:
    holding = bundles.plain(BUNDLE, tmp_path / "holding")
    manifest = holding / "bundle.yaml"
    manifest.write_text(manifest.read_text().replace("timeout_ms: 2000", "timeout_ms: 2000\n  hold: 5s"))

    def thinks(asked: Json) -> tuple[int, bytes]:
        time.sleep(3)
        return approves(asked)

    with opened(tmp_path / "envoy", issuer, paths.NEWEST_ENVOY, holding) as escalating:
        escalating.service.answers = thinks
        assert escalating.reason() == "permitted"
        assert escalating.service.asked[0][1]["prefer"] == "wait=5"


def test_a_worker_holds_so_many_calls_and_no_more(tmp_path: Path, issuer: TokenIssuer) -> None:
    holding = bundles.plain(BUNDLE, tmp_path / "holding")
    manifest = holding / "bundle.yaml"
    held = "timeout_ms: 2000\n  hold: 5s\n  hold_at_most: 1"
    manifest.write_text(manifest.read_text().replace("timeout_ms: 2000", held))

    def thinks(_: Json) -> tuple[int, bytes]:
        time.sleep(1)
        return pending({})

    with opened(tmp_path / "envoy", issuer, paths.NEWEST_ENVOY, holding) as escalating:
        escalating.service.answers = thinks

        def are_held(calls: int) -> int:
            known = len(escalating.service.asked)
            with concurrent.futures.ThreadPoolExecutor(calls) as pool:
                reasons = list(pool.map(lambda amount: escalating.reason(7000 + amount), range(calls)))
            assert reasons == ["approval_required"] * calls
            return sum("prefer" in headers for _, headers, _ in escalating.service.asked[known:])

        # Also after the first ones are not held any more.
        for _ in range(2):
            assert 1 <= are_held(8) <= 2, "one for each worker"
            assert are_held(1) == 1
