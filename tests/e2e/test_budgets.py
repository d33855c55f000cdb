"""Budgets and histories through Envoy: shared by all workers, whoever calls when."""

import asyncio
import contextlib
import copy
import dataclasses
import json
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
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
        assert longest < 15, f"somebody else waited {longest:.1f} s"


def test_a_label_is_gone_once_a_review_succeeds(tmp_path: Path, issuer: TokenIssuer) -> None:
    with Recorder() as recorder, Envoy(tmp_path, setup(recorder, issuer), bundles.emit(BUNDLE)) as envoy:
        ann = token(issuer, "ann")

        async def reasons(*tools: str) -> list[str | None]:
            async with Caller(envoy.port, ann) as caller:
                return [await caller.call(tool) for tool in tools]

        assert asyncio.run(reasons("pay", "read_page", "pay")) == [None, None, "forbidden"]
        assert asyncio.run(reasons("review", "pay")) == [None, None]


# Servers that do not answer, what Envoy answers in their place, and whether one may have got the call.
UNANSWERED = {
    "absent": ("status 503", False),
    "unresolved": ("status 503", False),
    "full": ("status 503", False),
    "absent-retried": ("status 503", True),
    "closing": ("status 503", True),
    "closing-later": ("status 503", True),
    "silent": ("status 504", True),
}


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that reads a request and closes the connection; if it is asked for by name, the second one."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"closing-later" in head and b"small" in await reader.read(65536):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
        await reader.read(65536)
    writer.close()


def without_servers(closing: int, silent: int) -> Callable[[dict[str, Any], object], None]:
    """Adds a cluster for each of them, and a route that a header chooses."""

    def shape(config: dict[str, Any], _: object) -> None:
        resources = config["static_resources"]
        [tools] = [each for each in resources["clusters"] if each["name"] == "tools"]
        manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        routes = manager["route_config"]["virtual_hosts"][0]["routes"]
        ports = {"closing": closing, "closing-later": closing, "silent": silent}
        for name in UNANSWERED:
            cluster = copy.deepcopy(tools) | {"name": name}
            endpoints = cluster["load_assignment"]["endpoints"]
            address = endpoints[0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
            address["port_value"] = ports.get(name, unused_port() if "absent" in name else silent)
            if name == "unresolved":
                cluster["load_assignment"]["endpoints"] = []
            if name == "full":
                cluster["circuit_breakers"] = {"thresholds": [{"max_requests": 0, "max_pending_requests": 0}]}
            resources["clusters"].append(cluster)
            route: dict[str, Any] = {"cluster": name, "timeout": "1s"}
            if name.endswith("retried"):
                route["retry_policy"] = {"retry_on": "connect-failure", "num_retries": 1}
            match = {"path": "/mcp", "headers": [{"name": "x-server", "string_match": {"exact": name}}]}
            routes.insert(0, {"match": match, "route": route})

    return shape


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
def test_only_what_no_server_can_have_got_is_given_back(version: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    with Recorder() as recorder, Recorder() as silent, socket.create_server(("127.0.0.1", 0)) as closer:
        silent.answers = False
        shape = without_servers(closer.getsockname()[1], silent.port)
        configured = dataclasses.replace(setup(recorder, issuer), shape=shape)
        with Envoy(tmp_path, configured, bundles.emit(BUNDLE), version=version) as envoy:

            async def transfer(person: str, amount: int, tool: str = "transfer", **fields: str) -> str | None:
                async with Caller(envoy.port, token(issuer, person)) as caller:
                    try:
                        return await caller.call(tool, {"amount": amount} if tool == "transfer" else {}, **fields)
                    except RuntimeError as error:
                        return str(error)

            async def all_of_them() -> dict[str, tuple[str | None, str | None]]:
                seen = {}
                async with await asyncio.start_server(closing, sock=closer):
                    for name in UNANSWERED:
                        to = {"x-server": name}
                        if name == "closing-later":
                            assert await transfer(name, 0, "small", **to) is None
                        first = await transfer(name, 3000, **to)
                        seen[name] = (first, await transfer(name, 5000))
                return seen

            kept = {True: "budget_exceeded", False: None}
            expected = {name: (status, kept[got]) for name, (status, got) in UNANSWERED.items()}
            assert asyncio.run(all_of_them()) == expected
            assert envoy.complaints() == []


@pytest.mark.parametrize("early", [0, 200])
def test_a_page_that_arrives_after_the_review_has_its_label(early: int, tmp_path: Path, issuer: TokenIssuer) -> None:
    result = {"content": [{"type": "text", "text": "x" * 1000}]}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    answer = head + body
    with socket.create_server(("127.0.0.1", 0)) as listening:

        async def run(port: int, ann: str) -> list[str | None]:
            asked, reviewed = asyncio.Event(), asyncio.Event()

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                    while head := await reader.readuntil(b"\r\n\r\n"):
                        [length] = re.findall(rb"content-length: (\d+)", head)
                        if b"read_page" in await reader.readexactly(int(length)):
                            writer.write(answer[:early])
                            asked.set()
                            await reviewed.wait()
                            writer.write(answer[early:])
                        else:
                            writer.write(answer)

            async def call(tool: str) -> str | None:
                async with Caller(port, ann) as caller:
                    return await caller.call(tool)

            async with await asyncio.start_server(serve, sock=listening):
                page = asyncio.create_task(call("read_page"))
                await asked.wait()
                before = [await call("pay"), await call("review"), await call("pay")]
                reviewed.set()
                return [*before, await page, await call("pay"), await call("review"), await call("pay")]

        upstream = Setup(
            listening.getsockname()[1],
            issuer.jwks(),
            routes=({"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}},),
        )
        with Envoy(tmp_path, upstream, bundles.emit(BUNDLE)) as envoy:
            reasons = asyncio.run(run(envoy.port, token(issuer, "ann")))
            assert reasons == ["forbidden", None, None, None, "forbidden", None, None]
            assert envoy.complaints() == []
