"""Budgets and histories through Envoy: shared by all workers, whoever calls when."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import yaml

from harness import bundles, paths
from harness.crowd import Caller, together
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.recorder import Recorder
from harness.tokens import TokenIssuer

BUNDLE = paths.CASES / "bundles" / "budgets"
COSTS = {"small": 1, "medium": 3, "large": 7}
# How often a crowd is repeated. More runs find rarer races.
RUNS = int(os.environ.get("RUNS", "2"))
CLIENTS = 200


def token(issuer: TokenIssuer, person: str, tenant: str = "acme", agent: str = "helper") -> str:
    claims = {"sub": person, "tenant": tenant, "teams": [tenant], "act": {"sub": agent}}
    return issuer.sign(claims)


def setup(recorder: Recorder, issuer: TokenIssuer) -> Setup:
    route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
    return Setup(recorder.port, issuer.jwks(), routes=(route,))


def test_a_crowd_spends_exactly_its_budget(tmp_path: Path, issuer: TokenIssuer) -> None:
    with Recorder() as recorder, Envoy(tmp_path, setup(recorder, issuer), bundles.emit(BUNDLE), workers=4) as envoy:

        def client(number: int, tenant: str) -> Callable[[], Awaitable[int]]:
            tools = list(COSTS)
            tools = tools[number % 3 :] + tools[: number % 3]

            async def spend() -> int:
                spent, left = 0, set(tools)
                async with Caller(envoy.port, token(issuer, f"person-{number % 50}", tenant)) as caller:
                    while left:
                        for tool in tools:
                            reason = await caller.call(tool)
                            assert reason in {None, "budget_exceeded"}, reason
                            if reason:
                                left.discard(tool)
                            else:
                                spent += COSTS[tool]
                return spent

            return spend

        for run in range(RUNS):
            spent = together(*(client(number, f"tenant-{run}") for number in range(CLIENTS)))
            assert sum(spent) == 1000, f"run {run}: {sum(spent)}"
        assert envoy.complaints() == []


def test_of_64_transfers_at_once_exactly_two_pass(tmp_path: Path, issuer: TokenIssuer) -> None:
    with Recorder() as recorder, Envoy(tmp_path, setup(recorder, issuer), bundles.emit(BUNDLE), workers=4) as envoy:
        for run in range(RUNS):

            async def transfer() -> str | None:
                async with Caller(envoy.port, token(issuer, f"ann-{run}", f"tenant-{run}")) as caller:
                    return await caller.call("transfer", {"amount": 2000})

            reasons = Counter(together(*[transfer] * 64))
            assert reasons == {None: 2, "budget_exceeded": 62}
        started = [line for line in envoy.decision_log(64 * RUNS) if line["reason"] == "permitted"]
        used = sorted(line["budgets"][1]["used"] for line in started if line["principal"]["id"] == "ann-0")
        assert used == [0, 2000], "the record says what was used before"


def test_a_push_or_another_vm_forgets_nothing(tmp_path: Path, issuer: TokenIssuer) -> None:
    with Recorder() as recorder, Envoy(tmp_path / "envoy", setup(recorder, issuer), bundles.emit(BUNDLE)) as envoy:
        ann = token(issuer, "ann")

        async def call(tool: str, amount: int = 0) -> str | None:
            async with Caller(envoy.port, ann) as caller:
                return await caller.call(tool, {"amount": amount} if tool == "transfer" else {})

        assert asyncio.run(call("transfer", 4000)) is None
        assert asyncio.run(call("read_page")) is None
        pushed = bundles.plain(BUNDLE, tmp_path / "pushed")
        file = pushed / "bundle.yaml"
        manifest = yaml.safe_load(file.read_text()) | {"version": 2}
        file.write_text(yaml.safe_dump(manifest, sort_keys=False))
        envoy.push(bundles.emit(pushed))
        envoy.wait_for_success(2)
        for _ in range(8):
            assert asyncio.run(call("transfer", 1001)) == "budget_exceeded"
            assert asyncio.run(call("pay")) == "forbidden"
        assert asyncio.run(call("transfer", 1000)) is None


def test_a_label_is_gone_once_a_review_succeeds(tmp_path: Path, issuer: TokenIssuer) -> None:
    with Recorder() as recorder, Envoy(tmp_path, setup(recorder, issuer), bundles.emit(BUNDLE)) as envoy:
        ann = token(issuer, "ann")

        async def reasons(*tools: str) -> list[str | None]:
            async with Caller(envoy.port, ann) as caller:
                return [await caller.call(tool) for tool in tools]

        assert asyncio.run(reasons("pay", "read_page", "pay")) == [None, None, "forbidden"]
        assert asyncio.run(reasons("review", "pay")) == [None, None]


def test_what_the_server_did_not_get_is_given_back(tmp_path: Path, issuer: TokenIssuer) -> None:
    with ExitStack() as server:
        recorder = server.enter_context(Recorder())
        with Envoy(tmp_path, setup(recorder, issuer), bundles.emit(BUNDLE)) as envoy:
            ann = token(issuer, "ann")

            async def transfer(amount: int) -> str | None:
                async with Caller(envoy.port, ann) as caller:
                    try:
                        return await caller.call("transfer", {"amount": amount})
                    except RuntimeError as error:
                        return str(error)

            assert asyncio.run(transfer(2000)) is None
            server.close()
            assert asyncio.run(transfer(3000)) == "status 503"
            assert asyncio.run(transfer(3001)) == "budget_exceeded"
            assert asyncio.run(transfer(3000)) == "status 503"
