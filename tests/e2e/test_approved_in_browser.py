"""A call that a person approves on the page of the service: gate, service, browser and the official SDK together."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import acme, approval_service, bundles, paths
from harness.approval_service import NAME, Key, Service
from harness.approvals import GATE, SIGNING_KEY
from harness.browser import Page, open_page
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer
from harness.tool_server import ToolServer

CAROL = {"sub": "carol", "roles": ["finance-desk"], "tenant": "acme"}
ESCALATION = """
@id("finance-desk-refunds")
permit (principal in Role::"finance-desk", action == Action::"payments/refund/approve", resource)
when { context.escalation.groups.contains("finance-desk") };
"""
REFUND = {"account": "acme", "payment_id": "p-2", "amount": 500, "reason": "damaged"}
STEP = 30


class Story(NamedTuple):
    """Everything that a refund needs which a person must approve."""

    envoy: Envoy
    server: ToolServer
    service: Service
    token: str

    def refund(self) -> subprocess.Popen[str]:
        """The official client, which has begun a refund."""
        client = paths.CLIENTS / "approving.py"
        process = subprocess.Popen(
            [str(paths.python("mcp2")), "-P", str(client)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        url = f"http://127.0.0.1:{self.envoy.port}/payments/mcp"
        say(process, json.dumps({"url": url, "token": self.token, "tool": "refund", "arguments": REFUND}))
        return process

    def refunds(self) -> int:
        """How many have run."""
        return sum(call["tool"] == "refund" for call in self.server.executed())


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> Any:
    assert process.stdout
    return json.loads(process.stdout.readline())


def escalating(directory: Path, key: Key) -> Path:
    """The example bundle, whose limit of refunds a person can lift."""
    pem = key.public.read_text()
    approvals = {"service": NAME, "keys": [pem], "cluster": "approvals", "timeout_ms": 2000}
    bundle = bundles.variant(directory, issuer=GATE, approvals=approvals)
    policies = bundle / "org" / "payments.cedar"
    text = policies.read_text()
    limit = 'unless { context.input.amount.lessThan(decimal("500.0")) };'
    assert limit in text
    text = text.replace(limit, f"{limit[:-1]}\nunless {{ context has approval }};")
    policies.write_text(text.replace('@id("refund-limit")', '@id("refund-limit")\n@escalate("finance-desk")') + ESCALATION)
    return bundle


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer) -> Iterator[Story]:
    directory = tmp_path_factory.mktemp("story")
    keys = (Key(directory, "gate"), Key(directory, "service"))
    who = ("--approver", json.dumps(CAROL))
    with (
        approval_service.serving(directory / "service", *who, keys=keys) as service,
        ToolServer("mcp2", directory / "server.log") as server,
    ):
        (directory / "keys.json").write_text(issuer.jwks())
        bundle = escalating(directory / "bundle", keys[1])
        places = ("--upstream", f"127.0.0.1:{server.port}", "--approvals", service.url.removeprefix("http://"))
        trust = ("--issuer", ISSUER, "--audience", AUDIENCE, "--jwks", str(directory / "keys.json"))
        setup = Setup(server.port, issuer.jwks(), shape=bundles.emitted(*places, *trust, bundle=bundle))
        resource = bundles.emit(bundle)
        variables = {SIGNING_KEY: keys[0].private.read_text()}
        with Envoy(directory / "envoy", setup, resource, variables=variables) as envoy:
            yield Story(envoy, server, service, issuer.sign(acme.ALICE))
            assert envoy.complaints() == []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


def decide(page: Page, story: Story, url: str, button: str) -> None:
    """Carol opens the page and decides."""
    assert url.startswith(f"{NAME}/requests/")
    page.open(url.replace(NAME, story.service.url))
    assert page.run("document.querySelector('h1').innerText") == "payments/refund"
    page.tab_to("reason")
    page.write("seen the photos")
    page.tab_to(button)
    page.press("Enter")
    page.wait("Page.loadEventFired")


def test_the_client_completes_the_call_once_it_is_approved(story: Story, page: Page) -> None:
    before = story.refunds()
    client = story.refund()
    asked = hear(client)
    assert story.refunds() == before
    decide(page, story, asked["open"], "Approve this call, once")
    say(client, "decided")
    assert not hear(client)["result"].get("isError")
    assert client.wait(STEP) == 0
    assert story.refunds() == before + 1
    record = [each for each in story.envoy.decision_log(2) if each["approval"]][-1]
    approval = record["approval"]
    assert (approval["approver"]["id"], approval["reason"]) == ("carol", "seen the photos")
    assert approval["policies"] == ["finance-desk-refunds"]
    # The same refund again needs another approval.
    again = story.refund()
    assert hear(again)["open"] != asked["open"]
    again.kill()
    assert story.refunds() == before + 1


def test_what_is_denied_does_not_run(story: Story, page: Page) -> None:
    before = story.refunds()
    client = story.refund()
    decide(page, story, hear(client)["open"], "Deny")
    say(client, "decided")
    result = hear(client)["result"]
    assert result["isError"]
    assert "approval_denied" in result["content"][0]["text"]
    assert client.wait(STEP) == 0
    assert story.refunds() == before
