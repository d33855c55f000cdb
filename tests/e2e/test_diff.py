"""The predictions of `toolgate diff` about recorded calls match what happens when the new bundle is pushed."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import bundles, cases, paths
from harness.cases import Case
from harness.gateway import open_gateway
from harness.tokens import TokenIssuer


class Story(NamedTuple):
    """A pull request that changes one policy, and whether it permits calls that were refused."""

    file: str
    old: str
    new: str
    widens: bool


STORIES = {
    "a lower limit": Story("payments.cedar", 'decimal("500.0")', 'decimal("100.0")', widens=False),
    "a higher limit": Story("payments.cedar", 'decimal("500.0")', 'decimal("500.5")', widens=True),
    "only the sales copilot reads contacts": Story(
        "contacts.cedar", '[AgentClass::"sales", AgentClass::"support"]', 'AgentClass::"sales"', widens=False
    ),
}


def changed(story: Story, directory: Path) -> Path:
    """The example bundle with the pull request merged."""
    copied = Path(shutil.copytree(paths.BUNDLE, directory))
    file = copied / "org" / story.file
    text = file.read_text()
    assert story.old in text
    file.write_text(text.replace(story.old, story.new, 1))
    return copied


def diff(new: Path, log: Path) -> tuple[int, dict[str, Any]]:
    """Runs `toolgate diff` with the log: exit code and results about the calls."""
    command = [paths.TOOLGATE, "diff", paths.BUNDLE, new, "--log", log, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)["log"]


def single_calls() -> list[Case]:
    """The cases of the example bundle that send one message and leave one record."""
    policies = str(paths.BUNDLE.relative_to(paths.REPOSITORY))
    own = (case for case in cases.load() if case.file.startswith(policies) and case.request.body)
    readable = ("permitted", "forbidden", "not_permitted", "invalid_arguments", "unknown_resource", "unknown_tool")
    return [
        case
        for case in own
        if case.expect["reason"] in readable and isinstance(json.loads(case.request.body), dict)
    ]


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_the_calls_that_flip_are_named_before_the_bundle_is_pushed(
    story: Story, tmp_path: Path, issuer: TokenIssuer, bundle: bytes
) -> None:
    new = changed(story, tmp_path / "new")
    calls = [case.signed(issuer) for case in single_calls()]
    names = cases.tokens(paths.BUNDLE)
    with open_gateway(tmp_path, issuer, bundle, tokens=names) as gateway, gateway.client("h1") as client:
        for call in calls:
            client.send(call)
        before = gateway.envoy.decision_log(len(calls))
        recorded = tmp_path / "recorded.ndjson"
        recorded.write_text("".join(json.dumps(record) + "\n" for record in before))
        status, told = diff(new, recorded)
        gateway.envoy.push(bundles.emit(new))
        gateway.envoy.wait_for_success(2)
        for call in calls:
            client.send(call)
        after = gateway.envoy.decision_log(2 * len(calls))[len(calls) :]
    assert {record["bundle"]["digest"] for record in before} != {record["bundle"]["digest"] for record in after}
    passed = {record["id"]: record["decision"] == "PERMIT" for record in before}
    passes = dict(zip(passed, (record["decision"] == "PERMIT" for record in after), strict=True))
    flipped = {
        "permitted": {each for each in passed if passes[each] and not passed[each]},
        "refused": {each for each in passed if passed[each] and not passes[each]},
    }
    predicted: dict[str, set[str]] = {change: set() for change in flipped}
    for group in told["groups"]:
        predicted.setdefault(group["change"], set()).update(group["ids"])
    assert predicted == flipped
    assert flipped["permitted" if story.widens else "refused"]
    assert status == int(story.widens)
    assert told["compared"] == len(calls)
