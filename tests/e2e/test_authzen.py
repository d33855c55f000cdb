"""Does the decision point of AuthZEN answer as the filter decides, and deny what it cannot know?"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import bundles, paths
from harness.waiting import wait_until

Json = dict[str, Any]


class Pdp:
    """A running decision point."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self._log = url, log

    def ask(self, question: Any, endpoint: str = "evaluation", **headers: str) -> httpx.Response:
        """Asks something."""
        content = question if isinstance(question, bytes) else json.dumps(question).encode()
        given = {"content-type": "application/json"} | headers
        return httpx.post(f"{self.url}/access/v1/{endpoint}", content=content, headers=given, timeout=30)

    def records(self) -> list[Json]:
        """The records so far."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@contextmanager
def serving(directory: Path, bundle: Path) -> Iterator[Pdp]:
    """A decision point for a bundle."""
    document = directory / "document.json"
    document.write_bytes(bundles.build(bundle))
    command = [str(paths.TOOLGATE), "serve", "authzen", str(document), "--listen", "127.0.0.1:0", "--token", "session"]
    out, error = directory / "stdout", directory / "stderr"
    with out.open("wb") as stdout, error.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)

    def address() -> str | None:
        assert process.poll() is None, error.read_text()
        found = re.search(r"on (http://[^/]+)/", error.read_text())
        return found[1] if found else None

    try:
        yield Pdp(wait_until(address, "the decision point"), out)
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def pdp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pdp]:
    """The example bundle."""
    with serving(tmp_path_factory.mktemp("authzen"), paths.BUNDLE) as pdp:
        yield pdp


def question(**changes: Any) -> Json:
    """Whether Alice may read a contact through the sales copilot."""
    return {
        "subject": {"type": "user", "id": "alice", "properties": {"roles": ["rep"], "tenant": "acme"}},
        "action": {"name": "crm/get_contact"},
        "resource": {"type": "tool", "id": "crm/get_contact"},
        "context": {"agent": "sales-copilot", "arguments": {"account": "acme", "contact_id": "c-1"}},
    } | changes


def test_it_decides_as_the_bundle_says(pdp: Pdp) -> None:
    answer = pdp.ask(question(), **{"x-request-id": "7-a"})
    assert (answer.status_code, answer.json()["decision"]) == (200, True)
    assert answer.headers["x-request-id"] == "7-a"
    record = pdp.records()[-1]
    assert (record["id"], record["decision"]) == (answer.json()["context"]["id"], "PERMIT")
    assert (record["tool"], record["policies"]) == ("crm/get_contact", ["rep-reads-contacts"])
    denied = pdp.ask(question(context={"agent": "finance-bot", "arguments": question()["context"]["arguments"]}))
    assert (denied.status_code, denied.json()["decision"]) == (200, False)
    context = denied.json()["context"]
    assert context["reason_admin"]["403"].startswith("not_permitted")
    assert context["reason_user"]["403"]
    assert pdp.records()[-1]["decision"] == "SILENCE"


def test_tools_of_coaz_are_resources(pdp: Pdp) -> None:
    coaz = question(action={"name": "tools/call"}, resource={"type": "tool", "id": "get_contact"})
    assert pdp.ask(coaz).json()["decision"] is True


DENIED = [
    question(action={"name": "crm/no_such_tool"}),
    question(action={"name": "resources/read"}, resource={"type": "resource", "id": "file:///"}),
    # The arguments decide what the call is about, and not who asks.
    question(resource={"type": "tool", "id": "crm/delete_contact"}),
    question(resource={"type": "server", "id": "payments"}),
    question(resource={"type": "Account", "id": "globex"}),
    # Nothing is put in the place of what is missing.
    question(context={"agent": "sales-copilot"}),
    question(context={"arguments": {"account": "acme", "contact_id": "c-1"}}),
    question(subject={"type": "user", "id": "alice"}),
    question(context=question()["context"] | {"arguments": {"account": "acme", "contact_id": 1}}),
]


@pytest.mark.parametrize("asked", DENIED)
def test_what_does_not_fit_is_denied(asked: Json, pdp: Pdp) -> None:
    answer = pdp.ask(asked)
    assert (answer.status_code, answer.json()["decision"]) == (200, False)
    assert "403" in answer.json()["context"]["reason_admin"]


MALFORMED: list[Any] = [
    b"",
    b"{",
    b"[]",
    b'{"subject":{"type":"user","id":"a"},"subject":{"type":"user","id":"b"}}',
    {key: value for key, value in question().items() if key != "subject"},
    {key: value for key, value in question().items() if key != "resource"},
    question(subject={"type": "user", "id": "alice", "properties": {"sub": "bob"}}),
    question(context={"agent": "sales-copilot", "act": {"sub": "finance-bot"}}),
    question(action={"name": "tools/call"}, resource={"type": "server", "id": "crm"}),
]


@pytest.mark.parametrize("asked", MALFORMED)
def test_what_cannot_be_understood_is_an_error(asked: Any, pdp: Pdp) -> None:
    answer = pdp.ask(asked)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_bodies_and_hosts_are_limited(pdp: Pdp) -> None:
    assert pdp.ask(b" " * (1 << 20) + b"{}").status_code == 413
    assert pdp.ask(question(), **{"content-type": "text/plain"}).status_code == 400
    assert pdp.ask(question(), host="evil.example").status_code == 421
    assert httpx.get(f"{pdp.url}/access/v1/evaluation").status_code == 405


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [("execute_all", [True, False, True]), ("deny_on_first_deny", [True, False]), ("permit_on_first_permit", [True])],
)
def test_several_questions_share_what_they_have_in_common(semantic: str, decisions: list[bool], pdp: Pdp) -> None:
    asked = question() | {
        "evaluations": [{}, {"subject": {"type": "user", "id": "gina"}}, {"resource": {"type": "server", "id": "crm"}}],
        "options": {"evaluations_semantic": semantic},
    }
    answers = pdp.ask(asked, "evaluations").json()["evaluations"]
    assert [answer["decision"] for answer in answers] == decisions
    assert pdp.ask(question(), "evaluations").json()["decision"] is True


def test_it_says_where_it_is(pdp: Pdp) -> None:
    told = httpx.get(f"{pdp.url}/.well-known/authzen-configuration").json()
    assert told["access_evaluation_endpoint"].endswith("/access/v1/evaluation")
    assert told["access_evaluations_endpoint"].endswith("/access/v1/evaluations")


def test_budgets_count_what_it_has_permitted(tmp_path: Path) -> None:
    budgets = {"reads": {"of": ["crm/get_contact"], "per": ["principal"], "limit": 2, "window": "1h"}}
    bundle = bundles.variant(tmp_path / "bundle", budgets=budgets)
    with serving(tmp_path, bundle) as pdp:
        answers = [pdp.ask(question()).json() for _ in range(3)]
        assert [answer["decision"] for answer in answers] == [True, True, False]
        assert answers[2]["context"]["reason_admin"]["403"].startswith("budget_exceeded")
        # What is denied here because of its resource is not counted.
        other = question(subject=question()["subject"] | {"id": "bob"})
        for _ in range(3):
            assert pdp.ask(other | {"resource": {"type": "server", "id": "mail"}}).json()["decision"] is False
        assert pdp.ask(other).json()["decision"] is True


def test_what_only_a_gate_can_withhold_is_denied(tmp_path: Path) -> None:
    policies = """
        @id("all") permit (principal, action == Action::"desk/look", resource);
        @id("hr") permit (principal == User::"hr", action in Action::"reveal:pii", resource);
    """
    bundle = bundles.small(tmp_path / "bundle", policies, {"look": {"labels": {"pii": ["email"]}}})
    asked = {
        "action": {"name": "desk/look"},
        "resource": {"type": "server", "id": "desk"},
        "context": {"agent": "bot"},
    }
    with serving(tmp_path, bundle) as pdp:
        answers = [pdp.ask(asked | {"subject": {"type": "user", "id": name}}).json() for name in ("hr", "alice")]
        assert [answer["decision"] for answer in answers] == [True, False]
        assert "withheld" in answers[1]["context"]["reason_admin"]["403"]
        assert [record["masked"] for record in pdp.records()] == [[], ["pii"]]


def test_a_budget_of_several_proxies_is_refused_at_the_start(tmp_path: Path) -> None:
    calls = {"per": ["principal"], "limit": 9, "window": "1h", "kind": "fixed", "global": {}}
    service = {"cluster": "ratelimit", "domain": "toolgate"}
    policies = '@id("all") permit (principal, action, resource);'
    sections = {"budgets": {"calls": calls}, "rate_limit_service": service}
    bundle = bundles.small(tmp_path / "bundle", policies, {"look": {}}, **sections)
    command = [str(paths.TOOLGATE), "serve", "authzen", str(bundle), "--listen", "127.0.0.1:0"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 3
    assert "the budget `calls` is global" in ran.stderr
