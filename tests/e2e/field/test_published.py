"""`toolgate init` makes a bundle for published servers: it checks, its cases pass, and Envoy decides by it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, page, pins, published, sdk, toolgate
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.published import Published
from harness.sdk import Call
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer
from harness.waiting import wait_until

SERVERS = published.servers()
HEAD = ["server", "version", "tools", "left out", "`check` warns of", "permitted", "refused"]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    """What the tests have measured."""
    return {}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.package)
def test_a_bundle_for_a_published_server(
    server: Published, tmp_path: Path, issuer: TokenIssuer, rows: dict[str, list[str]]
) -> None:
    bundle = tmp_path / "mine"
    with published.running(server, tmp_path) as url:
        made = json.loads(toolgate.run("init", str(bundle), "--url", url, "--format", "json"))
        findings = json.loads(toolgate.run("check", str(bundle), "--format", "json"))["findings"]
        toolgate.run("test", str(bundle))
        keys = tmp_path / "keys.json"
        keys.write_text(issuer.jwks())
        options = ("--upstream", url, "--issuer", ISSUER, "--audience", AUDIENCE, "--jwks", str(keys))
        setup = Setup(0, issuer.jwks(), shape=bundles.emitted(*options, bundle=bundle))
        with Envoy(tmp_path / "envoy", setup, bundles.emit(bundle)) as envoy:
            offered, decided = call(envoy, issuer, bundle)
            answered = [200] * decided.count(True)
            wait_until(lambda: statuses(envoy) == answered, "the server's answers to the permitted calls")
    missing = [tool for tool in offered if tool not in made["tools"]]
    assert all(any(f"`{tool}`" in why for why in made["left_out"]) for tool in missing), missing
    assert {True, False} <= set(decided)
    rows[server.package] = [
        *(f"`{server.package}`", pins.version(server.environment, server.package)),
        *(str(len(made["tools"])), str(len(made["left_out"]))),
        ", ".join(f"`{code}`" for code in sorted({finding["code"] for finding in findings})),
        *(str(decided.count(True)), str(decided.count(False))),
    ]


def call(envoy: Envoy, issuer: TokenIssuer, bundle: Path) -> tuple[list[str], list[bool]]:
    """Makes the calls of the bundle's cases; returns the tools that are offered, and which calls are permitted."""
    suite = yaml.safe_load((bundle / "tests" / "tools.yaml").read_text())
    offered: list[str] = []
    decided: list[bool] = []
    for identity, as_whom in suite["identities"].items():
        # The client calls tools only.
        cases = [case for case in suite["cases"] if case["as"] == identity and "tool" in case["call"]]
        if not cases:
            continue
        token = issuer.sign(as_whom["tokens"]["session"])
        calls = [Call(case["call"]["tool"], case["call"]["arguments"]) for case in cases]
        report = sdk.run_session("py2", url=f"http://127.0.0.1:{envoy.port}/mcp", token=token, calls=calls, mode="auto")
        offered = report.tools
        refused = [is_refused(outcome) for outcome in report.outcomes]
        assert refused == [case["expect"]["decision"] != "PERMIT" for case in cases], (cases, report.outcomes)
        decided += [not each for each in refused]
    return offered, decided


def statuses(envoy: Envoy) -> list[int]:
    """The server's HTTP statuses for permitted calls; the tools may still have failed."""
    return [line["status"] for line in envoy.access_log(1) if line["toolgate.decision"] == "PERMIT"]


def is_refused(outcome: dict[str, Any]) -> bool:
    """Whether the gate answered, and not the server."""
    return "dev.toolgate/refusal" in outcome.get("result", {}).get("_meta", {})


def test_the_page_shows_what_was_measured(rows: dict[str, list[str]]) -> None:
    if len(rows) < len(SERVERS):
        pytest.skip("not every server was tried")
    page.holds("Servers", HEAD, [rows[server.package] for server in SERVERS])
