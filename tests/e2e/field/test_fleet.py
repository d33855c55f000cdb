"""Several Envoys whose budgets and rates Limitador counts, with Redis."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import bundles, paths
from harness.crowd import Caller, together
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.limitador import Limitador, Redis
from harness.recorder import Recorder
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer

BUNDLE = paths.CASES / "bundles" / "global"
COSTS = {"small": 1, "medium": 3, "large": 7}
LIMIT = 1000
ENVOYS = 3
CLIENTS = 200
# How often a crowd is repeated. More runs find rarer races.
RUNS = int(os.environ.get("RUNS", "2"))


class Fleet(NamedTuple):
    """Envoys in front of one server, with one service."""

    envoys: list[Envoy]
    recorder: Recorder
    redis: Redis
    issuer: TokenIssuer

    def token(self, person: str, tenant: str) -> str:
        return self.issuer.sign({"sub": person, "tenant": tenant, "act": {"sub": "helper"}})

    def caller(self, number: int, person: str, tenant: str) -> Caller:
        return Caller(self.envoys[number % ENVOYS].port, self.token(person, tenant))


@contextmanager
def open_fleet(tmp_path: Path, issuer: TokenIssuer, *rates: str) -> Iterator[Fleet]:
    limits = [word for rate in rates for word in ("--rate-limit", rate)]
    keys = tmp_path / "keys.json"
    keys.write_text(issuer.jwks())
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder())
        redis = stack.enter_context(Redis(tmp_path / "redis"))
        service = stack.enter_context(Limitador(tmp_path / "limitador", redis, BUNDLE, *limits))
        options = ("--upstream", f"127.0.0.1:{recorder.port}", "--rate-limits", f"127.0.0.1:{service.port}")
        asked = ("--rate-limit-service", *limits) if rates else ()
        trust = ("--issuer", ISSUER, "--audience", AUDIENCE, "--jwks", str(keys))
        setup = Setup(recorder.port, issuer.jwks(), shape=bundles.emitted(*options, *trust, *asked, bundle=BUNDLE))
        envoys = [Envoy(tmp_path / f"envoy-{number}", setup, bundles.emit(BUNDLE)) for number in range(ENVOYS)]
        yield Fleet([stack.enter_context(envoy) for envoy in envoys], recorder, redis, issuer)


@pytest.fixture
def fleet(tmp_path: Path, issuer: TokenIssuer) -> Iterator[Fleet]:
    with open_fleet(tmp_path, issuer) as fleet:
        yield fleet


def client(fleet: Fleet, number: int, tenant: str) -> Callable[[], Awaitable[int]]:
    """Calls tools until none is left that fits; returns what it has spent."""
    tools = list(COSTS)
    tools = tools[number % 3 :] + tools[: number % 3]

    async def spend() -> int:
        spent, left = 0, set(tools)
        while left:
            # A connection ends with its Envoy.
            try:
                async with fleet.caller(number, f"person-{number % 50}", tenant) as caller:
                    while left:
                        for tool in tools:
                            reason = await caller.call(tool)
                            assert reason in {None, "budget_exceeded", "budget_unavailable"}, reason
                            if reason is None:
                                spent += COSTS[tool]
                            elif reason == "budget_exceeded":
                                left.discard(tool)
            except (OSError, asyncio.IncompleteReadError, RuntimeError):
                await asyncio.sleep(0.1)
        return spent

    return spend


def test_a_crowd_spends_exactly_the_budget_of_all_envoys(fleet: Fleet) -> None:
    for run in range(RUNS):
        spent = together(*(client(fleet, number, f"tenant-{run}") for number in range(CLIENTS)))
        assert sum(spent) == LIMIT, f"run {run}: {sum(spent)}"
    assert sorted(fleet.redis.counters().values()) == [LIMIT] * RUNS


def test_of_64_transfers_at_once_exactly_two_pass(fleet: Fleet) -> None:
    for run in range(RUNS):

        def transfer(number: int) -> Callable[[], Awaitable[str | None]]:
            async def call() -> str | None:
                async with fleet.caller(number, f"ann-{run}", "acme") as caller:
                    return await caller.call("transfer", {"amount": 2000})

            return call

        assert Counter(together(*map(transfer, range(64)))) == {None: 2, "budget_exceeded": 62}


def test_a_rate_is_that_of_all_envoys(tmp_path: Path, issuer: TokenIssuer) -> None:
    with open_fleet(tmp_path, issuer, "principal,tool=10/1h", "25/1h") as fleet:

        def client(number: int, person: str) -> Callable[[], Awaitable[str]]:
            async def call() -> str:
                async with fleet.caller(number, person, "acme") as caller:
                    try:
                        return str(await caller.call("small"))
                    except RuntimeError as limit:
                        return str(limit)

            return call

        def calls(person: str, tries: int) -> Counter[str]:
            return Counter(together(*(client(number, person) for number in range(tries))))

        over = "status 429"
        assert calls("ann", 40) == {"None": 10, over: 30}
        assert calls("ben", 10) == {"None": 10}
        assert calls("cleo", 10) == {"None": 5, over: 5}, "all of them together"
        # A budget of each call is counted in the same domain, also of those that the rate refuses.
        assert sorted(fleet.redis.counters().values())[-1] == 60
        assert len(fleet.recorder.requests) == 25


def test_a_crash_of_redis_or_of_an_envoy_gives_nothing_back(fleet: Fleet) -> None:
    async def interrupt() -> int:
        await asyncio.sleep(0.2)
        first = fleet.envoys[0]
        first.kill()
        await asyncio.sleep(0.2)
        await asyncio.to_thread(first.restart)
        fleet.redis.kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(fleet.redis.__enter__)
        return 0

    spent = together(interrupt, *(client(fleet, number, "acme") for number in range(CLIENTS)))
    # What a killed Envoy or a killed Redis had counted may not have been spent.
    assert LIMIT - ENVOYS * CLIENTS < sum(spent) <= LIMIT
    assert list(fleet.redis.counters().values()) == [LIMIT]
