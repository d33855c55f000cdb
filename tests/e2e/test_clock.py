"""The system's clock is set while Envoy runs: no window ends because of it, and none lasts longer."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import bundles, paths
from harness.crowd import Caller
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.recorder import Recorder
from harness.tokens import TokenIssuer
from harness.waiting import wait_until
from harness.wall_clock import WallClock

HOUR, DAY = 3600, 86400
# What the clock is ahead of the true time, one after the other: steps of an hour, a day and more, in both directions.
AHEAD = [HOUR, DAY, 0, -HOUR, -DAY, DAY, 0]
# The time that a step is measured with, in seconds.
TOLERANCE = 60
# A short window, in seconds.
SHORT = 5

POLICIES = """@id("everybody") permit (principal, action, resource);

@id("one-look") forbid (principal, action == Action::"desk/look", resource)
when { context.history.hour.tools["desk/look"].calls >= 1 };

@id("one-glance") forbid (principal, action == Action::"desk/glance", resource)
when { context.history.short.tools["desk/glance"].calls >= 1 };

@id("nothing-after-pages") forbid (principal, action == Action::"desk/mail", resource)
when { context.history.labels.untrusted.attached };

@id("nothing-right-after-pages") forbid (principal, action == Action::"desk/note", resource)
when { context.history.labels.fresh.attached };
"""

# Calls that are permitted once, or not after a page was read; why the next one is refused.
KINDS = {"fixed": "fixed", "sliding": "sliding", "bucket": "token_bucket"}
LONG = {"look": "forbidden", "mail": "forbidden"} | dict.fromkeys(KINDS, "budget_exceeded")
BRIEF = {
    "glance": "forbidden",
    "note": "forbidden",
    "brief_fixed": "budget_exceeded",
    "brief_sliding": "budget_exceeded",
}
# What is called to use all of it up.
USED = ["read_page", "look", "glance", *KINDS, "brief_fixed", "brief_sliding"]


def bundle(directory: Path, version: int) -> bytes:
    """A bundle with windows, labels and budgets that last an hour, and such that are over soon."""

    def budget(tool: str, kind: str, window: str) -> dict[str, object]:
        return {"of": [f"desk/{tool}"], "per": ["principal"], "limit": 1, "window": window, "kind": kind}

    written = bundles.small(
        directory,
        POLICIES,
        {name: {} for name in [*LONG, *BRIEF]} | {"read_page": {"carries": ["untrusted", "fresh"]}},
        version=version,
        history={
            "windows": {"hour": "1h", "short": f"{SHORT}s"},
            "labels": {"untrusted": "1h", "fresh": f"{SHORT}s"},
        },
        budgets={
            **{tool: budget(tool, kind, "1h") for tool, kind in KINDS.items()},
            "brief_fixed": budget("brief_fixed", "fixed", f"{SHORT}s"),
            "brief_sliding": budget("brief_sliding", "sliding", f"{SHORT}s"),
        },
    )
    return bundles.emit(written)


class Timed(NamedTuple):
    """An Envoy whose wall clock can be set."""

    envoy: Envoy
    clock: WallClock
    issuer: TokenIssuer

    def calls(self, person: str, *tools: str) -> dict[str, tuple[str | None, int | None]]:
        """Why the calls of a person are refused, if they are, and after how many seconds to try again."""
        # It is not to expire when the clock is ahead.
        expires = int(time.time()) + 30 * DAY
        token = self.issuer.sign({"sub": person, "act": {"sub": "helper"}, "exp": expires})

        async def call() -> dict[str, tuple[str | None, int | None]]:
            seen = {}
            async with Caller(self.envoy.port, token) as caller:
                for tool in tools:
                    reason = await caller.call(tool)
                    wait = caller.answered.get("retry-after")
                    seen[tool] = (reason, int(wait) if wait else None)
            return seen

        return asyncio.run(call())

    def reasons(self, person: str, *tools: str) -> dict[str, str | None]:
        """Why the calls of a person are refused, if they are."""
        return {tool: reason for tool, (reason, _) in self.calls(person, *tools).items()}

    def set(self, ahead: int) -> None:
        """Sets the clock, and proves that Envoy and the filter have it."""
        self.clock.set(ahead)
        watch = f"watch-{time.monotonic_ns()}"
        assert self.reasons(watch, "read_page") == {"read_page": None}
        decided = _line(self.envoy.decision_log, lambda line: line["principal"]["id"] == watch)
        logged = _line(self.envoy.access_log, lambda line: watch in line["toolgate.principal"])
        for line in (decided, logged):
            shown = datetime.fromisoformat(line["time"]).timestamp() - time.time()
            assert abs(shown - ahead) < TOLERANCE, f"{line['time']} is not {ahead} s ahead"


def _line(log: Callable[[int], list[dict[str, Any]]], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The line of a log that is wanted, once it is there."""
    return wait_until(lambda: next(filter(wanted, log(0)), None), "a line of the log")


@pytest.fixture(scope="module", params=[paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def timed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer
) -> Iterator[Timed]:
    directory = tmp_path_factory.mktemp("timed")
    route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
    clock = WallClock(directory)
    with Recorder() as recorder:
        setup = Setup(recorder.port, issuer.jwks(), routes=(route,))
        first = bundle(directory / "first", 1)
        options = {"version": request.param, "variables": clock.variables}
        with Envoy(directory / "envoy", setup, first, **options) as envoy:
            yield Timed(envoy, clock, issuer)
            assert envoy.complaints() == []


def test_no_step_of_the_clock_gives_anything_back(timed: Timed, tmp_path: Path) -> None:
    began = time.monotonic()
    people: list[str] = []
    for step, ahead in enumerate([0, *AHEAD]):
        timed.set(ahead)
        if step == len(AHEAD) // 2:
            timed.envoy.push(bundle(tmp_path / "second", 2))
            timed.envoy.wait_for_success(2)
        # Whatever the clock said when they called.
        people.append(f"person-{step}")
        assert set(timed.reasons(people[-1], *USED).values()) == {None}
        for person in people:
            seen = timed.calls(person, *LONG)
            assert {tool: reason for tool, (reason, _) in seen.items()} == LONG, f"{person}, {ahead} s ahead"
            passed = time.monotonic() - began
            for tool in KINDS:
                wait = seen[tool][1]
                assert wait is not None
                assert HOUR - passed - 1 <= wait <= HOUR, f"{person} has to wait {wait} s, {ahead} s ahead"


@pytest.mark.parametrize("ahead", [DAY, -DAY])
def test_windows_end_after_their_time_whatever_the_clock_says(timed: Timed, ahead: int) -> None:
    ann = f"ann{ahead:+d}"
    timed.set(0)
    assert set(timed.reasons(ann, *USED).values()) == {None}
    used = time.monotonic()
    timed.set(ahead)
    assert timed.reasons(ann, *BRIEF) == BRIEF
    assert time.monotonic() - used < SHORT, "the machine is too slow for this test"
    time.sleep(SHORT)
    assert timed.reasons(ann, *BRIEF) == dict.fromkeys(BRIEF)
    assert timed.reasons(ann, *LONG) == LONG
