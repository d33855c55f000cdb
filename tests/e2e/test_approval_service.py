"""Does the approval service take only what gates sign, and decisions only from people and its own pages?"""

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from harness import paths
from harness.approval_service import APPROVAL, NAME, REQUEST, Call, Key, Service, serving, signed_in
from harness.recorder import Recorder
from harness.waiting import wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that only need their own call."""
    with serving(tmp_path_factory.mktemp("approvals")) as service:
        yield service


def call(test: str, **changes: Any) -> Call:
    """A call that no other test asks for."""
    return Call(person=f"alice-{test}", **changes)


def path_of(service: Service, asked: Call) -> str:
    """The page of a call that waits."""
    for path in service.waiting():
        if f"<bdi>{asked.person}</bdi>" in service.page(path).text:
            return path
    raise AssertionError(f"{asked.person} does not wait")


def test_a_decision_reaches_the_gate_once(service: Service) -> None:
    asked = call("once")
    answer = service.ask(asked)
    assert (answer.status_code, answer.json()) == (202, {"status": "pending"})
    newest = asked.asked(service.gate)
    assert service.post(newest).status_code == 202
    # What a gate tells its caller leads to the same page for every request.
    jti = jwt.decode(newest["binding_token"], options={"verify_signature": False})["jti"]
    assert service.page(f"/requests/{jti}").headers["location"] == path_of(service, asked)
    assert service.decide(path_of(service, asked), "approved", "as agreed").status_code == 303
    answer = service.ask(asked)
    assert (answer.status_code, answer.json()["status"]) == (200, "approved")
    approval = service.approval(answer)
    assert approval["request"] == newest["binding_token"]
    assert (approval["iss"], approval["aud"], approval["decision"]) == (NAME, "acme-gate", "approved")
    assert (approval["approver"], approval["reason"]) == ({"sub": "carol"}, "as agreed")
    assert approval["exp"] == approval["iat"] + 300
    # The same request gets nothing more; a new one is put to people again.
    assert service.post(newest).status_code == 422
    assert service.ask(asked).status_code == 202


def test_a_denial_has_a_reason(service: Service) -> None:
    asked = call("denied")
    service.ask(asked)
    path = path_of(service, asked)
    again = service.decide(path, "denied", " \r\n ")
    assert again.status_code == 400
    assert "say why you deny it" in again.text
    assert service.decide(path, "denied", "not\r\nwithout an invoice").status_code == 303
    answer = service.ask(asked)
    approval = service.approval(answer)
    assert (answer.json()["status"], approval["decision"]) == ("denied", "denied")
    assert approval["reason"] == "not\nwithout an invoice"


def test_an_answer_waits_for_a_decision(service: Service) -> None:
    asked = call("waits")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(service.ask, asked, wait=30)
        path = wait_until(lambda: next(iter(service.waiting()), None) and path_of(service, asked), "the request")
        started = time.monotonic()
        assert service.decide(path, "approved").status_code == 303
        assert service.approval(waiting.result())["decision"] == "approved"
        assert time.monotonic() - started < 5
    started = time.monotonic()
    assert service.ask(call("waits-in-vain"), wait=1).status_code == 202
    assert 0.9 < time.monotonic() - started < 5


def test_only_what_a_known_gate_signs_is_put_to_people(service: Service, tmp_path: Path) -> None:
    asked = call("forged")
    now = int(time.time())
    stranger = Key(tmp_path, "stranger")
    stranger_as_gate = Key(tmp_path, "other")
    stranger_as_gate.id = service.gate.id
    token = asked.asked(service.gate)["binding_token"]
    binding = asked.binding()
    other = call("forged-other").binding()
    odd: list[tuple[str, int, Any]] = [
        ("an unknown key", 401, asked.asked(stranger)),
        ("an unknown key under the name of a known one", 401, asked.asked(stranger_as_gate)),
        ("another purpose", 401, binding | {"binding_token": service.gate.sign("JWT", asked.claims())}),
        ("an approval", 401, binding | {"binding_token": service.gate.sign(APPROVAL, asked.claims())}),
        ("a changed token", 401, binding | {"binding_token": token[:-8] + "AAAAAAAA"}),
        ("no token", 400, binding),
        ("nothing beside the token", 400, {"binding_token": token}),
        ("another body", 400, other | {"binding_token": token}),
        ("other arguments", 400, _with(binding, token, arguments={"amount": 1})),
        ("another service", 422, asked.asked(service.gate, aud="https://other.example")),
        ("an expired one", 422, asked.asked(service.gate, exp=now - 1)),
        ("another hash", 422, asked.asked(service.gate, binding_hash="A" * 43)),
        ("other claims", 401, binding | {"binding_token": service.gate.sign(REQUEST, {"iss": "acme-gate"})}),
        ("a long token", 413, Call(person="long", reasons=("a" * 20_000,)).asked(service.gate)),
        ("a long body", 413, b'"' + b"a" * 100_000 + b'"'),
        ("no JSON", 400, b"{"),
        ("a member twice", 400, b'{"subject":1,"subject":1}'),
        ("nothing", 400, b""),
    ]
    for what, status, body in odd:
        answer = service.post(body)
        assert (what, answer.status_code) == (what, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert service.post(asked.asked(service.gate), {"content-type": "text/plain"}).status_code == 400
    assert httpx.get(f"{service.url}/access-requests").status_code == 405
    assert all(f"<bdi>{asked.person}</bdi>" not in service.page(path).text for path in service.waiting())
    assert service.log()[-2]["event"] == "refused"


def _with(binding: dict[str, Any], token: str, **context: Any) -> dict[str, Any]:
    return binding | {"context": binding["context"] | context, "binding_token": token}


def test_forms_of_others_decide_nothing(service: Service) -> None:
    asked = call("forms")
    service.ask(asked)
    path = path_of(service, asked)
    attempts: list[tuple[int, dict[str, Any]]] = [
        (403, {"headers": {"sec-fetch-site": "cross-site"}}),
        (403, {"headers": {"sec-fetch-site": "same-site"}}),
        (403, {"headers": {"origin": "https://evil.example"}}),
        (403, {"headers": {"origin": "null"}}),
        (403, {"headers": {"origin": None, "sec-fetch-site": None}}),
        (403, {"form": {"token": ""}}),
        (403, {"form": {"token": "0" * 64}}),
        (400, {"form": {"decision": "yes"}}),
        (400, {"form": {"more": "1"}}),
        (421, {"headers": {"host": "evil.example"}}),
    ]
    for status, changes in attempts:
        assert service.decide(path, "approved", **changes).status_code == status, changes
    # A token is for one person, and decisions are never read from an address.
    token = service.page(path, sub="dave").text.split('name="token" value="')[1].split('"')[0]
    assert service.decide(path, "approved", form={"token": token}).status_code == 403
    assert service.page(f"{path}?decision=approved&token={token}").status_code == 200
    assert service.ask(asked).status_code == 202


def test_nobody_decides_what_they_take_part_in(service: Service) -> None:
    asked = call("own")
    service.ask(asked)
    path = path_of(service, asked)
    for person in (asked.person, "support-bot", "planner"):
        assert "<button" not in service.page(path, sub=person).text
        token = service.page(path).text.split('name="token" value="')[1].split('"')[0]
        answer = service.decide(path, "approved", who={"sub": person}, form={"token": token})
        assert answer.status_code == 403
    assert service.ask(asked).status_code == 202


def test_who_is_not_signed_in_sees_nothing(service: Service) -> None:
    service.ask(call("secret"))
    twice = [("x-approver", value) for value in (*signed_in().values(), *signed_in(sub="dave").values())]
    for headers in ([], [("x-approver", "carol")], [("x-approver", '{"name":"carol"}')], twice):
        answer = httpx.get(f"{service.url}/", headers=headers)
        assert answer.status_code == 401
        assert "payments/refund" not in answer.text
    json_claims = httpx.get(f"{service.url}/", headers={"x-approver": '{"sub":"carol"}'})
    assert json_claims.status_code == 200
    assert httpx.get(f"{service.url}/healthz").json() == {"status": "ok"}


def test_pages_load_nothing_and_are_kept_nowhere(service: Service) -> None:
    for path in ("/", "/history", "/style.css", "/icon.svg", "/nowhere"):
        headers = service.page(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_places_are_limited(tmp_path: Path) -> None:
    with serving(tmp_path) as service, httpx.Client() as client:

        def ask(person: str, number: int) -> int:
            body = Call(person=person, arguments={"number": number}).asked(service.gate)
            return client.post(f"{service.url}/access-requests", json=body).status_code

        assert [ask("greedy", number) for number in range(101)] == [202] * 100 + [503]
        others = [ask(f"person-{number % 10}", number) for number in range(901)]
        assert others == [202] * 900 + [503]
        # What waits already is still answered.
        assert ask("greedy", 1) == 202
        assert len(service.waiting()) == 1000


def test_slow_clients_hold_up_nobody(service: Service) -> None:
    address = urlsplit(service.url)
    slow = [socket.create_connection((address.hostname, address.port)) for _ in range(100)]
    for connection in slow[:50]:
        connection.sendall(b"POST /access-requests HTTP/1.1\r\nhost: localhost\r\n")
    for connection in slow[50:]:
        head = b"POST /access-requests HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{"
        connection.sendall(head)
    assert service.ask(call("quick")).status_code == 202
    # Those that send nothing more are not waited for.
    for connection in (slow[0], slow[99]):
        connection.settimeout(20)
        answer = connection.recv(1000)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    for connection in slow:
        connection.close()


def test_a_head_is_limited(service: Service) -> None:
    address = urlsplit(service.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("GET", "/", headers={"x-approver": "a" * 300_000})
    assert connection.getresponse().status == 431


def test_state_outlasts_the_process(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    asked, waiting, handed_out = call("kept"), call("waiting"), call("handed-out")
    with serving(tmp_path / "first", "--state", str(state)) as service:
        keys = (service.gate, service.key)
        for each in (asked, waiting, handed_out):
            service.ask(each)
        for each in (asked, handed_out):
            service.decide(path_of(service, each), "approved")
        assert service.ask(handed_out).status_code == 200
    assert state.stat().st_mode & 0o077 == 0
    with serving(tmp_path / "second", "--state", str(state), keys=keys) as service:
        assert service.ask(asked).status_code == 200
        assert service.ask(waiting).status_code == 202
        assert service.ask(handed_out).status_code == 202
        assert "Approved" in service.page("/history").text


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with serving(tmp_path) as service, ThreadPoolExecutor() as pool:
        waiting = pool.submit(service.ask, call("ends"), wait=60)
        wait_until(service.waiting, "the request")
        service.process.send_signal(signal.SIGTERM)
        assert waiting.result(timeout=10).status_code == 202
        assert service.process.wait(timeout=10) == 0


def test_somebody_is_told_of_new_requests(tmp_path: Path) -> None:
    with Recorder() as recorder, serving(tmp_path, "--webhook", f"http://127.0.0.1:{recorder.port}/hook") as service:
        asked = call("told", arguments={"iban": "DE02"})
        for _ in range(2):
            assert service.ask(asked).status_code == 202
        wait_until(lambda: recorder.connections, "the message")
        path = path_of(service, asked)
        sent = b"".join(recorder.connections)
        message = json.loads(sent[sent.index(b"{") : sent.rindex(b"}") + 1])
        expected = {"tool": asked.tool, "principal": asked.person, "url": NAME + path}
        assert message == expected | {"id": path.removeprefix("/requests/")}


def run(*options: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """The outcome of the command."""
    command = [str(paths.TOOLGATE), "approvals", *options]
    return subprocess.run(command, input=token, capture_output=True, text=True, timeout=20, check=False)


def test_one_person_for_everybody_is_for_loopback(tmp_path: Path) -> None:
    gate, key = Key(tmp_path, "gate"), Key(tmp_path, "service")
    common = ("--key", str(key.private), "--gate-key", str(gate.public), "--name", NAME)
    refused = run(*common, "--approver", '{"sub":"carol"}', "--listen", "0.0.0.0:0")
    assert refused.returncode == 3
    assert "loopback" in refused.stderr
    assert run(*common).returncode == 3
    wrong = run("--key", str(key.public), *common[2:], "--approver", "{}")
    assert wrong.returncode == 3
    assert "approvals are signed with the private one" in wrong.stderr
    with serving(tmp_path / "fixed", "--approver", '{"sub":"carol"}') as service:
        assert "carol" in httpx.get(service.url).text


def test_a_decision_is_signed_without_the_service(tmp_path: Path) -> None:
    gate, key = Key(tmp_path, "gate"), Key(tmp_path, "service")
    asked = call("signed", arguments={"note": "a\u202eb\x1b[2J"})
    common = ("--key", str(key.private), "--gate-key", str(gate.public), "--name", NAME)
    token = gate.sign(REQUEST, asked.claims())
    done = run("sign", "-", *common, "--approver", '{"sub":"carol"}', token=token + "\n")
    assert done.returncode == 0, done.stderr
    approval = key.read(APPROVAL, done.stdout.strip())
    assert (approval["request"], approval["decision"]) == (token, "approved")
    assert asked.person in done.stderr
    assert "\u202e" not in done.stderr
    assert "\x1b" not in done.stderr
    denied = run("sign", token, *common, "--approver", '{"sub":"carol"}', "--deny", "--reason", "no")
    assert key.read(APPROVAL, denied.stdout.strip())["decision"] == "denied"
    assert run("sign", token, *common, "--approver", '{"sub":"carol"}', "--deny").returncode == 3
    other = key.sign(REQUEST, asked.claims())
    assert run("sign", other, *common, "--approver", '{"sub":"carol"}').returncode == 3
