"""A tool server that runs only what the gate has decided, with the checks that users copy."""

import base64
import dataclasses
import hashlib
import hmac
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jwt
import pytest

from harness import acme, bundles, gate_key, paths
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.gate_key import HEADER, GateKey
from harness.http1 import Http1Client
from harness.messages import Request, Response, mcp_request, tool_call
from harness.recorder import Recorder
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

KEY = "TOOLGATE_SIGNING_KEY"
GATE = "https://gate.acme.example"

# Free-form arguments as somebody might write them, which the gate accepts.
ODD = [
    '{"n":1.0,"m":1e2,"k":100,"z":0.1,"y":1E-7,"x":1e21,"w":123456789012345680000.0,"v":5e-324}',
    '{"exact":9007199254740991,"negative":-9007199254740991,"zero":0,"none":null,"yes":true,"list":[1.50,[],{}]}',
    r'{"\u0062":"\u20ac","a":"\u0041\/\"\\\b\f\n\r\t\u001f","\ud83d\ude00":"\ud83d\ude00","\uffff":"😀","é":"e\u0301"}',
    '{ "z" : 1 ,\n "a" : { "y" : [ ] , "b" : "\x7f" } , "A" : 2 , "" : "" , "10" : 1 , "9" : 2 }',
]


class Behind:
    """A checked server behind a gate, and another gate with the same key whose requests are caught before a server."""

    def __init__(self, server: ToolServer, gate: Envoy, catching: Envoy, recorder: Recorder, key: GateKey) -> None:
        self.server, self.gate, self.key = server, gate, key
        self._catching, self._recorder = catching, recorder

    def caught(self, request: Request) -> Request:
        """The request as it leaves a gate."""
        self._recorder.take()
        assert _send(self._catching.port, request).status == 200
        [caught] = self._recorder.take()
        headers = tuple((name, value) for name, value in caught.headers if name.startswith(("toolgate-", "mcp-")))
        plain = (("content-type", "application/json"), ("accept", "application/json, text/event-stream"))
        return Request("POST", request.path, plain + headers, caught.body)

    def is_run(self, request: Request) -> bool:
        """Whether the server runs a request that it gets directly."""
        before = len(self.server.executed())
        answer = _send(self.server.port, request)
        ran = len(self.server.executed()) > before
        assert ran or answer.status == 403, answer
        return ran


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> GateKey:
    return GateKey(tmp_path_factory.mktemp("key") / "gate.pem")


@pytest.fixture(scope="module", params=["checked1", "checked2"])
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer, key: GateKey
) -> Iterator[Behind]:
    directory = tmp_path_factory.mktemp("behind")
    (directory / "jwks.json").write_text(gate_key.jwks(key))
    resource = bundles.emit(asserting(directory / "bundle"))
    variables = {KEY: key.pem}
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("GATE_JWKS", str(directory / "jwks.json"))
        script = paths.CLIENTS / "checked.py"
        server = stack.enter_context(ToolServer(request.param, directory / "server.log", script=script))
        recorder = stack.enter_context(Recorder())

        def envoy(name: str, port: int) -> Envoy:
            setup = Setup(port, issuer.jwks())
            return stack.enter_context(Envoy(directory / name, setup, resource, variables=variables))

        gate, catching = envoy("gate", server.port), envoy("catching", recorder.port)
        yield Behind(server, gate, catching, recorder, key)
        assert gate.complaints() == []


def asserting(directory: Path, **changes: Any) -> Path:
    return bundles.variant(directory, issuer=GATE, assertion={"valid_for": "30s"}, **changes)


def _send(port: int, request: Request) -> Response:
    with Http1Client(port) as client:
        return client.send(request)


def test_what_the_gate_forwards_runs(behind: Behind, alice: str) -> None:
    for method in ("initialize", "tools/list"):
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        message = {"jsonrpc": "2.0", "id": 1, "method": method} | ({"params": params} if method == "initialize" else {})
        assert _send(behind.gate.port, mcp_request("/crm/mcp", message, alice)).status == 200
    before = len(behind.server.executed())
    answer = _send(behind.gate.port, acme.permitted(alice))
    assert answer.status == 200 and not answer.json()["result"].get("isError"), answer
    assert len(behind.server.executed()) == before + 1
    assert _send(behind.gate.port, acme.silent(alice)).status == 200
    assert len(behind.server.executed()) == before + 1, "a refused call does not run"


def test_a_request_around_the_gate_does_not_run(behind: Behind, alice: str) -> None:
    assert not behind.is_run(acme.permitted(alice))
    caught = behind.caught(acme.permitted(alice))
    assert not behind.is_run(without_assertion(caught))
    assert behind.is_run(caught)
    assert not behind.is_run(caught), "it was used"


def test_an_assertion_is_for_one_request(behind: Behind, alice: str) -> None:
    def fresh() -> Request:
        return behind.caught(acme.permitted(alice))

    def change(body: Callable[[bytes], bytes]) -> bool:
        caught = fresh()
        changed = dataclasses.replace(caught, body=body(caught.body))
        assert changed.body != caught.body
        return behind.is_run(changed)

    assert not change(lambda body: body.replace(b"c-1", b"c-2")), "other arguments"
    assert not change(lambda body: body.replace(b"get_contact", b"delete_contact")), "another tool"
    assert not change(lambda body: b"[" + body + b"," + body.replace(b'"id": 1', b'"id": 2') + b"]"), "twice"
    assert not change(lambda body: body.replace(b'"c-1"', b'"c-1", "contact_id": "c-2"')), "a member twice"
    assert change(lambda body: body.replace(b'"c-1"', b'"c-1"  ')), "the same arguments"
    other = behind.caught(tool_call("/crm/mcp", "get_contact", {"account": "acme", "contact_id": "c-2"}, alice))
    assert not behind.is_run(dataclasses.replace(fresh(), headers=other.headers)), "of another call"
    lists = behind.caught(acme.housekeeping(alice))
    assert not behind.is_run(dataclasses.replace(fresh(), headers=lists.headers)), "of no call"


def test_no_forged_assertion_is_accepted(behind: Behind, alice: str, tmp_path: Path) -> None:
    key = behind.key
    caught = behind.caught(acme.permitted(alice))
    said = gate_key.claims(assertion_of(caught))

    def accepts(forged: str, *more: str) -> bool:
        request = without_assertion(caught)
        for each in (forged, *more):
            request = request.with_header(HEADER, each)
        return behind.is_run(request)

    fresh = iter(range(1000))

    def claims(**changes: Any) -> dict[str, Any]:
        return said | {"jti": f"forged-{next(fresh)}"} | changes

    assert accepts(key.sign(claims())), "what differs below is what is refused"
    forged = {
        "expired": key.sign(gate_key.expired(claims())),
        "another audience": key.sign(claims(aud="payments")),
        "several audiences": key.sign(claims(aud=["crm", "payments"])),
        "another issuer": key.sign(claims(iss="https://evil.example")),
        "no permit": key.sign(claims(decision="deny")),
        "no calls": key.sign({name: value for name, value in claims().items() if name != "calls"}),
        "no end": key.sign({name: value for name, value in claims().items() if name != "exp"}),
        "another type": key.sign(claims(), typ="JWT"),
        "unknown key": key.sign(claims(), kid="sha256:00"),
        "no key": key.sign(claims(), kid=""),
        "another key": GateKey(tmp_path / "other.pem").sign(claims(), kid=key.kid),
        "alg none": jwt.encode(claims(), None, algorithm="none", headers={"typ": gate_key.TYPE, "kid": key.kid}),
        "key confusion": confused(key, claims()),
        "text": "permit",
        "long": "x" * 40_000,
    }
    assert [name for name, each in forged.items() if accepts(each)] == []
    one = key.sign(claims())
    assert not accepts(one, key.sign(claims())), "two headers"
    assert not accepts(f"{one}, {one}"), "two in one"


def test_no_assertion_of_a_client_reaches_a_server(behind: Behind, alice: str) -> None:
    own = acme.permitted(alice).with_header(HEADER, "mine").with_header("Toolgate-Assertion", "mine, too")
    caught = behind.caught(own)
    assert "mine" not in str(caught.headers)
    assert behind.is_run(caught)


@pytest.mark.parametrize("fields", ODD, ids=["numbers", "integers", "strings", "order"])
def test_both_compute_the_same_digest(behind: Behind, alice: str, fields: str) -> None:
    before = len(behind.server.executed())
    answer = _send(behind.gate.port, update(alice, fields))
    assert answer.status == 200, answer
    assert len(behind.server.executed()) == before + 1, answer


def test_what_parsers_read_differently_is_refused_by_the_server(behind: Behind, alice: str) -> None:
    assert _send(behind.gate.port, update(alice, '{"n":9007199254740993}')).status == 403


@pytest.fixture(scope="module")
def rust() -> Path:
    """The check for Rust as a command, once its own tests have passed."""
    for command in (("test",), ("build", "--example", "verify")):
        run = subprocess.run(
            ["cargo", *command, "--locked", "--quiet", "--target-dir", str(paths.TARGET / "checks")],
            cwd=paths.REPOSITORY / "envoy" / "checks" / "rust",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout
    return paths.TARGET / "checks" / "debug" / "examples" / "verify"


def test_the_check_for_rust_accepts_and_refuses_the_same(
    behind: Behind, alice: str, rust: Path, tmp_path: Path
) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(gate_key.jwks(behind.key))

    def accepts(request: Request, audience: str = "crm") -> bool:
        command = [str(rust), str(jwks), GATE, audience, assertion_of(request)]
        return subprocess.run(command, input=request.body, check=False, capture_output=True).returncode == 0

    caught = behind.caught(acme.permitted(alice))
    assert accepts(caught)
    assert not accepts(caught, audience="mail")
    assert not accepts(dataclasses.replace(caught, body=caught.body.replace(b"c-1", b"c-2")))
    assert accepts(behind.caught(acme.housekeeping(alice)))
    for fields in ODD:
        assert accepts(behind.caught(update(alice, fields))), fields
    two = behind.caught(batch(alice, "c-1", "c-2"))
    assert accepts(two)
    assert not accepts(dataclasses.replace(two, body=batch(alice, "c-2", "c-1").body)), "in their order"
    assert not accepts(dataclasses.replace(two, body=batch(alice, "c-1").body)), "both"


def test_keys_are_replaced_without_a_gap(tmp_path: Path, issuer: TokenIssuer, alice: str) -> None:
    old, new = GateKey(tmp_path / "old.pem"), GateKey(tmp_path / "new.pem")
    assert len(json.loads(gate_key.jwks(new, old))["keys"]) == 2
    resource = bundles.emit(asserting(tmp_path / "bundle"))
    variables = {KEY: new.pem + old.pem}
    with Recorder() as recorder:
        setup = Setup(recorder.port, issuer.jwks())
        with Envoy(tmp_path / "envoy", setup, resource, variables=variables) as envoy:
            assert _send(envoy.port, acme.permitted(alice)).status == 200
            [request] = recorder.take()
            [assertion] = request.values(HEADER)
            assert jwt.get_unverified_header(assertion)["kid"] == new.kid
            assert jwt.decode(assertion, new.private.public_key(), algorithms=["EdDSA"], audience="crm")


@pytest.mark.parametrize("variables", [{}, {KEY: "no key"}], ids=["missing", "unreadable"])
def test_a_bundle_that_signs_needs_a_key(
    tmp_path: Path, issuer: TokenIssuer, alice: str, variables: dict[str, str]
) -> None:
    resource = bundles.emit(asserting(tmp_path / "bundle"))
    with Recorder() as recorder:
        setup = Setup(recorder.port, issuer.jwks())
        with Envoy(tmp_path / "envoy", setup, resource, variables=variables) as envoy:
            envoy.wait_for_rejection(1)
            envoy.says("is no private key" if variables else f"`{KEY}` is missing, and the bundle signs")
            assert _send(envoy.port, acme.permitted(alice)).status == 403
            assert recorder.take() == []


@pytest.mark.parametrize("version", [paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def test_a_running_envoy_takes_a_bundle_that_signs(
    tmp_path: Path, issuer: TokenIssuer, alice: str, version: str
) -> None:
    key = GateKey(tmp_path / "gate.pem")
    with Recorder() as recorder:
        setup = Setup(recorder.port, issuer.jwks())
        plain = bundles.emit(bundles.variant(tmp_path / "plain"))
        with Envoy(tmp_path / "envoy", setup, plain, version=version, variables={KEY: key.pem}) as envoy:
            assert _send(envoy.port, acme.permitted(alice)).status == 200
            [request] = recorder.take()
            assert request.values(HEADER) == []
            envoy.push(bundles.emit(asserting(tmp_path / "signing", version=2)))
            envoy.wait_for_success(2)
            assert _send(envoy.port, acme.permitted(alice)).status == 200
            [request] = recorder.take()
            assert len(request.values(HEADER)) == 1


def update(token: str, fields: str) -> Request:
    """A call with free-form arguments, spelled like this."""
    arguments = {"account": "acme", "contact_id": "c-1", "custom_fields": "@"}
    request = tool_call("/crm/mcp", "update_contact", arguments, token)
    return dataclasses.replace(request, body=request.body.decode().replace('"@"', fields).encode())


def batch(token: str, *contacts: str) -> Request:
    """Calls in one body, as only revision 2025-03-26 has them."""

    def call(number: int, contact: str) -> dict[str, Any]:
        params = {"name": "get_contact", "arguments": {"account": "acme", "contact_id": contact}}
        return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}

    request = mcp_request("/crm/mcp", [call(*each) for each in enumerate(contacts)], token)
    revision = ("mcp-protocol-version", "2025-03-26")
    headers = tuple(revision if name == revision[0] else (name, value) for name, value in request.headers)
    return dataclasses.replace(request, headers=headers)


def assertion_of(request: Request) -> str:
    """The one assertion of a request."""
    [assertion] = [value for name, value in request.headers if name == HEADER]
    return assertion


def without_assertion(request: Request) -> Request:
    """The request as somebody sends it who has none."""
    return dataclasses.replace(request, headers=tuple(each for each in request.headers if each[0] != HEADER))


def confused(key: GateKey, claims: dict[str, Any]) -> str:
    """An assertion whose HMAC has the public key as its secret."""

    def encode(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = encode({"alg": "HS256", "typ": gate_key.TYPE, "kid": key.kid}) + b"." + encode(claims)
    mac = hmac.digest(key.public_pem, signed, hashlib.sha256)
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
