"""Budgets and histories through Envoy: shared by all workers, whoever calls when."""

import asyncio
import json
import os
import time
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


def changed(directory: Path, version: int = 1) -> Path:
    """The bundle with a tool that takes many numbers and can be called once an hour."""
    copied = bundles.plain(BUNDLE, directory)
    tools = json.loads((copied / "tools" / "desk.json").read_text())
    numbers = {"type": "array", "items": {"type": "integer"}}
    schema = {"type": "object", "properties": {"numbers": numbers}, "required": ["numbers"]}
    tools["tools"].append({"name": "add", "description": "The tool add.", "inputSchema": schema})
    (copied / "tools" / "desk.json").write_text(json.dumps(tools))
    manifest = yaml.safe_load((copied / "bundle.yaml").read_text()) | {"version": version}
    manifest["budgets"]["additions"] = {"of": ["desk/add"], "per": ["principal"], "limit": 1, "window": "1h"}
    (copied / "bundle.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    return copied


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


def test_time_goes_on_over_pushes_and_is_that_of_all_workers(tmp_path: Path, issuer: TokenIssuer) -> None:
    directory, bundle = tmp_path / "envoy", bundles.emit(changed(tmp_path / "first"))
    with Recorder() as recorder, Envoy(directory, setup(recorder, issuer), bundle, workers=4) as envoy:
        ann = token(issuer, "ann")

        async def waits() -> set[int]:
            waits = set()
            for _ in range(16):
                # The worker follows from the connection.
                async with Caller(envoy.port, ann) as caller:
                    assert await caller.call("add", {"numbers": []}) == "budget_exceeded"
                    waits.add(int(caller.answered["retry-after"]))
            return waits

        async def spend() -> str | None:
            async with Caller(envoy.port, ann) as caller:
                return await caller.call("add", {"numbers": []})

        assert asyncio.run(spend()) is None
        before = asyncio.run(waits())
        assert max(before) == 3600
        time.sleep(3)
        envoy.push(bundles.emit(changed(tmp_path / "second", version=2)))
        envoy.wait_for_success(2)
        after = asyncio.run(waits())
        assert max(after) <= min(before) - 2
        assert max(after) - min(after) <= 1


def test_a_call_that_takes_long_does_not_stop_others(tmp_path: Path, issuer: TokenIssuer) -> None:
    """Somebody changes an account all the time, so that a large call of theirs has to be decided again and again."""
    directory, bundle = tmp_path / "envoy", bundles.emit(changed(tmp_path / "bundle"))
    with Recorder() as recorder, Envoy(directory, setup(recorder, issuer), bundle, workers=4) as envoy:
        ann, ben = token(issuer, "ann"), token(issuer, "ben", "other")
        large = {"numbers": list(range(10**9, 10**9 + 64000))}
        done = asyncio.Event()

        async def flood() -> None:
            async with Caller(envoy.port, ann) as caller:
                while not done.is_set():
                    await caller.call("large")

        async def send_large() -> None:
            async with Caller(envoy.port, ann) as caller:
                assert await caller.call("add", large) in {None, "budget_exceeded", "internal"}

        async def wait() -> float:
            longest = 0.0
            async with Caller(envoy.port, ben) as caller:
                while not done.is_set():
                    began = time.monotonic()
                    assert await caller.call("small") in {None, "budget_exceeded"}
                    longest = max(longest, time.monotonic() - began)
            return longest

        async def all_large() -> None:
            await asyncio.gather(*(send_large() for _ in range(4)))
            done.set()

        longest = max(filter(None, together(*[flood] * 8, all_large, *[wait] * 12)))
        assert longest < 5, f"somebody else waited {longest:.1f} s"


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
