"""Rollout and rollback of a bundle on a running Envoy with `envoy/rollout/rollout.sh`, and their speed."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import acme, bundles, decision_header, paths
from harness.gateway import Gateway, open_gateway
from harness.tokens import TokenIssuer
from harness.waiting import wait_until

SCRIPT = paths.REPOSITORY / "envoy" / "rollout" / "rollout.sh"
LOCKDOWN = """
@id("nobody-reads-contacts")
forbid (principal, action == Action::"crm/get_contact", resource);
"""
ROLLBACKS = 20
CALLERS = 2
LIVE_WITHIN = 1.0
# This many consecutive responses include all callers.
SETTLED = 20


@pytest.fixture(scope="module")
def lockdown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next version of the example bundle, which forbids everyone to read contacts."""
    directory = bundles.variant(tmp_path_factory.mktemp("lockdown") / "bundle", version=2)
    (directory / "org" / "lockdown.cedar").write_text(LOCKDOWN)
    return bundles.define(directory, "dev")


@pytest.fixture
def gateway(tmp_path: Path, issuer: TokenIssuer) -> Iterator[Gateway]:
    """A separate gateway with the example bundle in force."""
    with open_gateway(tmp_path, issuer, bundles.emit(paths.BUNDLE)) as opened:
        yield opened


class Rollout:
    """The script with its environment."""

    def __init__(self, gateway: Gateway, releases: Path) -> None:
        envoy = gateway.envoy
        self._environment = os.environ | {
            "PATH": f"{paths.TOOLGATE.parent}:{os.environ['PATH']}",
            "TOOLGATE_ECDS": str(envoy.files.bundle),
            "TOOLGATE_WASM": str(paths.TOOLGATE_WASM),
            "TOOLGATE_ADMIN": envoy.admin_url,
            "TOOLGATE_LOG": str(envoy.files.decision_log),
            "TOOLGATE_RELEASES": str(releases),
            "TOOLGATE_BUILD": "--environment dev",
        }

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Runs a step; returns its output."""
        step = subprocess.run(
            [str(SCRIPT), *arguments], env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert step.returncode == code, step.stdout + step.stderr
        return step.stdout + step.stderr


def test_push_observe_promote_roll_back(gateway: Gateway, alice: str, lockdown: Path, tmp_path: Path) -> None:
    rollout = Rollout(gateway, tmp_path / "releases")
    rollout("stage", str(lockdown), code=1)
    rollout("begin", str(paths.BUNDLE))
    rollout("stage", str(lockdown))
    with gateway.client("h1") as client:
        for _ in range(3):
            assert client.send(acme.permitted(alice)).header("toolgate-decision") is None
        gateway.envoy.decision_log(3)
        observed = rollout("observe", code=0)
        assert "from.permit.to.deny.tool.crm/get_contact: 3" in observed
        assert "nobody-reads-contacts" in observed
        rollout("promote")
        refused = decision_header.parse(client.send(acme.permitted(alice)).header("toolgate-decision") or "")
        assert refused.policies == {"nobody-reads-contacts"}
        rollout("rollback")
        assert client.send(acme.permitted(alice)).header("toolgate-decision") is None
    assert "no bundle to go back to" in rollout("rollback", code=1)
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    rollout("stage", str(broken), code=3)
    assert "update_rejected: 0" in rollout("status")


class Answer(NamedTuple):
    """A call as its caller saw it."""

    at: float
    refused: bool


def test_a_rollback_is_quicker_than_an_incident_call(gateway: Gateway, alice: str, lockdown: Path) -> None:
    old, new = bundles.emit(paths.BUNDLE), bundles.emit(lockdown)
    stop = threading.Event()
    answers: list[Answer] = []

    def call() -> None:
        with gateway.client("h1") as client:
            while not stop.is_set():
                answer = client.send(acme.permitted(alice))
                assert answer.status == 200
                answers.append(Answer(time.monotonic(), answer.header("toolgate-decision") is not None))

    def first_since(start: int, *, refused: bool) -> Answer | None:
        return next((answer for answer in answers[start:] if answer.refused == refused), None)

    def everybody_is_refused() -> bool:
        # Every caller has its own worker, and each worker changes independently.
        return len(answers) > SETTLED and all(answer.refused for answer in answers[-SETTLED:])

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call) for _ in range(CALLERS)]
        try:
            rollbacks = []
            for _ in range(ROLLBACKS):
                gateway.envoy.push(new)
                wait_until(everybody_is_refused, "the new bundle to be in force")
                start, changed = len(answers), time.monotonic()
                gateway.envoy.push(old)
                first = wait_until(lambda: first_since(start, refused=False), "the old bundle to be in force")
                rollbacks.append(first.at - changed)
        finally:
            stop.set()
        for caller in callers:
            caller.result()
    print(f"rollback: median {statistics.median(rollbacks):.3f} s, slowest {max(rollbacks):.3f} s")
    assert statistics.median(rollbacks) < LIVE_WITHIN
    # Every call was answered, decided by one of the two bundles and recorded, and the upstream got the permitted ones.
    records = gateway.envoy.decision_log(len(answers))
    assert len(records) == len(answers)
    assert {record["bundle"]["version"] for record in records} == {1, 2}
    permitted = [record for record in records if record["decision"] == "PERMIT"]
    assert len(permitted) == len(gateway.recorder.requests) == sum(not answer.refused for answer in answers)
