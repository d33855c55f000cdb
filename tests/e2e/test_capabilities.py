"""Tokens that limit calls: real ones, by all algorithms, in Envoys whose configuration `toolgate emit envoy` writes."""

import base64
import dataclasses
import hashlib
import hmac
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from harness import bundles, paths
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Request, Response, mcp_request, tool_call
from harness.recorder import Recorder
from harness.tokens import AUDIENCE, ISSUER, KEY_ID, AnyIssuer

BUNDLE = paths.E2E.parent / "cases" / "bundles" / "capabilities"
# The transaction token service, and the issuer of tokens for tasks.
SERVICE = "https://tts.acme.example"
ALGORITHMS = ("ES256", "RS256", "EdDSA")
GATES = [*((paths.NEWEST_ENVOY, algorithm) for algorithm in ALGORITHMS), (paths.ENVOY_VERSIONS[0], "ES256")]

ANN = {"sub": "ann", "tenant": "acme", "roles": ["staff"], "aud": AUDIENCE, "scope": "crm.read crm.write mail.send"}
TXN = {"sub": "ann", "aud": "acme.example", "txn": "t-1", "scope": "crm.read", "tctx": {"tenant": "acme"}}
TASK = {"for": "ann", "aud": "tasks", "task": {"tools": ["crm/get", "crm/update"], "customers": ["c-1"]}}
GET = ("/crm", "get", {"customer": "c-1"})
OTHER = ("/crm", "get", {"customer": "c-2"})
UPDATE = ("/crm", "update", {"customer": "c-1"})
NOW = int(time.time())

BOT = {"act": {"sub": "bot", "act": {"sub": "planner"}}}

# What is sent beside a session, what is called, and the reason.
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any] | None, tuple[str, str, Any], str]] = {
    "no capability": ({}, None, None, UPDATE, "permitted"),
    "within the transaction": ({}, TXN, None, GET, "permitted"),
    "another scope": ({}, TXN, None, UPDATE, "capability_exceeded"),
    "within the task": ({}, None, TASK, UPDATE, "permitted"),
    "another customer": ({}, None, TASK, OTHER, "capability_exceeded"),
    "within both": ({}, TXN, TASK, GET, "permitted"),
    "within the task only": ({}, TXN, TASK, UPDATE, "capability_exceeded"),
    "no right": ({"roles": []}, TXN, TASK, GET, "not_permitted"),
    "scopes of the session": ({"scope": "crm.read"}, None, TASK, UPDATE, "insufficient_scope"),
    "for another purpose": ({}, TXN | {"scope": "crm.read crm.write"}, None, UPDATE, "forbidden"),
    "expired": ({}, TXN | {"exp": NOW - 3600}, None, GET, "capability_expired"),
    "not yet valid": ({}, TXN | {"nbf": NOW + 86400}, None, GET, "capability_not_yet_valid"),
    "another audience": ({}, TXN | {"aud": "globex.example"}, None, GET, "capability_audience"),
    "another audience of the proxy": ({}, None, TASK | {"aud": "acme.example"}, GET, "capability_audience"),
    "another subject": ({}, TXN | {"sub": "bob"}, None, GET, "capability_subject"),
    "another tenant": ({}, TXN | {"tctx": {"tenant": "globex"}}, None, GET, "capability_tenant"),
    "another transaction": ({"txn": "t-2"}, TXN, None, GET, "capability_transaction"),
    "the same transaction": ({"txn": "t-1"}, TXN, None, GET, "permitted"),
    "a sibling task": ({}, TXN, TASK | {"txn": "t-2"}, GET, "capability_transaction"),
    "the agent": (BOT, TXN | BOT, None, GET, "permitted"),
    "another agent": (BOT, TXN | {"act": {"sub": "other"}}, None, GET, "capability_actor"),
    "an earlier agent": (BOT, TXN | {"act": {"sub": "planner"}}, None, GET, "capability_actor"),
    "an agent where none acts": ({}, TXN | BOT, None, GET, "capability_actor"),
    "no scopes in it": ({}, TXN | {"scope": None}, None, GET, "capability_malformed"),
    "no end": ({}, TXN | {"exp": None}, None, GET, "capability_unverified"),
    "another issuer": ({}, TXN | {"iss": ISSUER}, None, GET, "capability_unverified"),
}


@dataclasses.dataclass
class Gate:
    """An Envoy, what stands behind it, and the issuers that it trusts."""

    envoy: Envoy
    recorder: Recorder
    session: AnyIssuer
    txn: AnyIssuer
    task: AnyIssuer
    lines: int = 0

    def send(self, request: Request) -> Response:
        """Sends a request; whatever is not permitted leaves nothing at the server."""
        before = len(self.recorder.requests)
        with Http1Client(self.envoy.port) as client:
            response = client.send(request)
        self.lines += 1
        forwarded = len(self.recorder.requests) - before
        assert forwarded == (1 if self.record()["decision"] == "PERMIT" else 0)
        return response

    def record(self) -> dict[str, Any]:
        """The record of the last request."""
        return self.envoy.decision_log(self.lines)[-1]

    def call(self, call: tuple[str, str, Any], session: dict[str, Any] | None = None) -> Request:
        """A call with a session of Ann."""
        path, tool, arguments = call
        return tool_call(path, tool, arguments, self.session.sign(ANN | (session or {})))


@pytest.fixture(scope="module", params=GATES, ids=lambda it: f"{it[0]}-{it[1]}")
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    version, algorithm = request.param
    directory = tmp_path_factory.mktemp("capabilities")
    bundle = directory / "bundle"
    shutil.copytree(BUNDLE, bundle)
    issuers = {
        "session": AnyIssuer(ISSUER, algorithm),
        "txn": AnyIssuer(SERVICE, algorithm),
        "task": AnyIssuer(SERVICE, algorithm),
        "id": AnyIssuer("https://login.acme.example", algorithm),
    }
    options = ["--audience", f"session={AUDIENCE}", "--audience", "id=web", "--audience", "task=tasks"]
    for name, issuer in issuers.items():
        keys = directory / f"{name}.json"
        keys.write_text(issuer.jwks())
        options += ["--issuer", f"{name}={issuer.issuer}", "--jwks", f"{name}={keys}"]
    with Recorder() as recorder:
        upstream = ("--upstream", f"127.0.0.1:{recorder.port}")
        shape = bundles.emitted(*upstream, *options, bundle=bundle)
        setup = Setup(recorder.port, issuers["session"].jwks(), shape=shape)
        with Envoy(directory / "envoy", setup, bundles.emit(bundle), version=version) as envoy:
            yield Gate(envoy, recorder, issuers["session"], issuers["txn"], issuers["task"])
            assert envoy.complaints() == []


@pytest.mark.parametrize("name", ROWS)
def test_a_call_and_the_tokens_that_limit_it(gate: Gate, name: str) -> None:
    session, txn, task, call, reason = ROWS[name]
    request = gate.call(call, session)
    if txn is not None:
        request = request.with_header("txn-token", gate.txn.sign(txn))
    if task is not None:
        request = request.with_header("task-token", gate.task.sign(task))
    gate.send(request)
    record = gate.record()
    assert record["reason"] == reason, record["detail"]
    if reason == "permitted":
        carried = [name for name, claims in (("txn", txn), ("task", task)) if claims]
        assert [each["token"] for each in record["capabilities"] or []] == carried


def unsigned(claims: dict[str, Any]) -> str:
    """A token that nobody signed."""
    return jwt.encode({"iss": SERVICE, "exp": int(time.time()) + 600} | claims, None, algorithm="none", headers={"kid": KEY_ID})


def by_public_key(issuer: AnyIssuer, claims: dict[str, Any]) -> str:
    """A token that is signed with the public key, as if that were a secret."""
    header = {"alg": "HS256", "kid": KEY_ID}
    payload = {"iss": SERVICE, "exp": int(time.time()) + 600} | claims
    signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, payload))
    signature = hmac.digest(issuer.jwks().encode(), signed, hashlib.sha256)
    return (signed + b"." + _base64(signature)).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def test_what_no_issuer_signed(gate: Gate) -> None:
    stranger = AnyIssuer(SERVICE, gate.txn.algorithm)
    valid = gate.txn.sign(TXN)
    head, payload, signature = valid.split(".")
    other = _base64(json.dumps(TXN | {"iss": SERVICE, "scope": "crm.write"}).encode()).decode()
    forged = {
        "another key": stranger.sign(TXN),
        "the key of the session": gate.session.sign(TXN | {"iss": SERVICE}),
        "the key of tasks": gate.task.sign(TXN),
        "unsigned": unsigned(TXN),
        "no algorithm": f"{unsigned(TXN).split('.')[0]}.{payload}.",
        "the public key as a secret": by_public_key(gate.txn, TXN),
        "another payload": f"{head}.{other}.{signature}",
        "no signature": f"{head}.{payload}.",
        "no token": "x",
        "nothing": "",
        "a scheme": f"Bearer {valid}",
        "two in one header": f"{valid},{valid}",
        "the token of the session": gate.session.sign(ANN),
        "the token of a task": gate.task.sign(TASK),
    }
    for name, token in forged.items():
        response = gate.send(gate.call(GET).with_header("txn-token", token))
        assert (response.status, gate.record()["reason"]) == (403, "capability_unverified"), name
        assert len(token) < 9 or token not in json.dumps(gate.record()), "no record has a token"


def test_a_header_that_is_repeated(gate: Gate) -> None:
    narrow, wide = (gate.txn.sign(TXN | {"scope": scope}) for scope in ("crm.read", "crm.read crm.write"))
    for first, second in ((narrow, wide), (wide, narrow), (narrow, narrow), (narrow, "")):
        request = gate.call(GET).with_header("txn-token", first).with_header("Txn-Token", second)
        assert gate.send(request).status == 403
        assert gate.record()["reason"] in ("capability_repeated", "capability_unverified")


def test_tokens_in_each_others_place(gate: Gate) -> None:
    capability = gate.txn.sign(TXN | {"aud": AUDIENCE, "roles": ["staff"], "tenant": "acme"})
    for authorization in (capability, gate.task.sign(TASK | ANN)):
        response = gate.send(tool_call(*GET, authorization))
        assert (response.status, gate.record()["reason"]) == (401, "unauthenticated")
    # A capability alone names nobody.
    path, tool, arguments = GET
    response = gate.send(tool_call(path, tool, arguments).with_header("txn-token", gate.txn.sign(TXN)))
    assert (response.status, gate.record()["reason"]) == (401, "unauthenticated")


def test_the_server_gets_the_capability_and_not_the_session(gate: Gate) -> None:
    token = gate.txn.sign(TXN)
    gate.send(gate.call(GET).with_header("txn-token", token))
    [request] = gate.recorder.requests[-1:]
    assert request.values("txn-token") == [token]
    assert request.values("authorization") == []
    assert 'txn="t-1"' in request.values("toolgate-identity")[0]


def test_what_runs_nothing(gate: Gate) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    token = gate.session.sign(ANN)
    request = mcp_request("/crm", ping, token).with_header("txn-token", gate.txn.sign(TXN | {"sub": "bob"}))
    assert gate.send(request).status == 403
    assert gate.record()["reason"] == "capability_subject"


def test_a_client_learns_which_scopes_to_ask_for(gate: Gate) -> None:
    mail = ("/mail", "send", {"to": "a@else.example"})
    for call, held, expected in (
        (UPDATE, "crm.read", "crm.read crm.write"),
        (mail, "mail.send", "mail.send mail.outside"),
        (mail, "", "mail.send mail.outside"),
        (("/mail", "send", {"to": "a@acme.example"}), "crm.read", "mail.send"),
    ):
        response = gate.send(gate.call(call, {"scope": held}))
        assert (response.status, gate.record()["reason"]) == (403, "insufficient_scope")
        assert response.header("www-authenticate") == (
            f'Bearer error="insufficient_scope", scope="{expected}", '
            'resource_metadata="https://tools.acme.example/.well-known/oauth-protected-resource"'
        )
        answer = response.json()
        assert (answer["id"], answer["error"]["data"]["scopes"]) == (1, expected.split())
        # With these scopes alone, and with them besides those of before, the call is permitted.
        for scope in (expected, f"{held} {expected}"):
            gate.send(gate.call(call, {"scope": scope}))
            assert gate.record()["reason"] == "permitted"
    # Nobody is sent away for scopes that would not do.
    response = gate.send(gate.call(mail, {"scope": "mail.send", "roles": []}))
    assert (response.status, gate.record()["reason"]) == (200, "forbidden")
    assert response.header("www-authenticate") is None
