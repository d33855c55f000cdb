"""Rates that Envoy's own filters limit, behind the gate, as `toolgate emit envoy` writes them."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import bundles, paths
from harness.crowd import Caller, together
from harness.envoy import Envoy
from harness.envoy_config import Files, Setup
from harness.http1 import Http1Client
from harness.messages import Request, mcp_request
from harness.rate_limits import OVER_LIMIT, RateLimits
from harness.recorder import Recorder
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer

POLICIES = """
@id("everybody") permit (principal, action, resource);
@id("nobody") forbid (principal, action == Action::"desk/shred", resource);
"""
TOOLS: dict[str, dict[str, Any]] = {"read": {}, "write": {}, "shred": {}}
IDENTITY = {"principal": {"tokens": ["session"], "type": "User"}, "actor": {"type": "Agent", "required": False}}
OLDEST_AND_NEWEST = [paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY]
LISTS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
Shape = Callable[[dict[str, Any], Files], None]


class Limited(NamedTuple):
    """An Envoy that limits rates, with two workers."""

    envoy: Envoy
    recorder: Recorder
    issuer: TokenIssuer

    def token(self, person: str, agent: str | None = "helper") -> str:
        return self.issuer.sign({"sub": person} | ({"act": {"sub": agent}} if agent else {}))

    def call(self, person: str, tool: str = "read", agent: str | None = "helper", **fields: str) -> int:
        """The status of a call on a connection of its own."""
        return self.send(self.request(person, message(tool), agent), **fields)

    def request(self, person: str, body: Any, agent: str | None = "helper", path: str = "/mcp") -> Request:
        request = mcp_request(path, body, self.token(person, agent))
        if isinstance(body, list):
            # The only revision that has batches.
            kept = tuple(each for each in request.headers if each[0] != "mcp-protocol-version")
            request = dataclasses.replace(request, headers=(*kept, ("mcp-protocol-version", "2025-03-26")))
        return request

    def send(self, request: Request, **fields: str) -> int:
        for name, value in fields.items():
            request = request.with_header(name.replace("_", "-"), value)
        with Http1Client(self.envoy.port) as client:
            return client.send(request).status


def message(tool: str, number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": {}}}


def batch(*tools: str) -> list[dict[str, Any]]:
    return [message(tool, number) for number, tool in enumerate(tools)]


def limits(*rates: str) -> tuple[str, ...]:
    return tuple(word for rate in rates for word in ("--rate-limit", rate))


@contextmanager
def limited(
    directory: Path,
    issuer: TokenIssuer,
    *options: str,
    version: str = paths.NEWEST_ENVOY,
    shape: Shape | None = None,
    **sections: Any,
) -> Iterator[Limited]:
    bundle = bundles.small(directory / "bundle", POLICIES, TOOLS, **{"identity": IDENTITY, **sections})
    keys = directory / "keys.json"
    keys.write_text(issuer.jwks())
    with Recorder() as recorder:
        trust = ("--issuer", ISSUER, "--audience", AUDIENCE, "--jwks", str(keys))
        emitted = bundles.emitted("--upstream", f"127.0.0.1:{recorder.port}", *trust, *options, bundle=bundle)

        def shaped(config: dict[str, Any], files: Files) -> None:
            emitted(config, files)
            if shape:
                shape(config, files)

        setup = Setup(recorder.port, issuer.jwks(), shape=shaped)
        with Envoy(directory / "envoy", setup, bundles.emit(bundle), version=version) as envoy:
            yield Limited(envoy, recorder, issuer)
            assert envoy.complaints() == []


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
def test_a_rate_holds_exactly_for_each_principal(version: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    with limited(tmp_path, issuer, *limits("principal=7/1h"), version=version) as gate:

        def caller(person: str) -> Callable[[], Any]:
            async def call() -> str:
                # The worker follows from the connection.
                async with Caller(gate.envoy.port, gate.token(person)) as caller:
                    try:
                        return str(await caller.call("read"))
                    except RuntimeError as limit:
                        wait = caller.answered["retry-after"], caller.answered["x-ratelimit-limit"]
                        return f"{limit} {' '.join(wait)}"

            return call

        crowd = [caller(person) for person in ["ann"] * 40 + ["ben"] * 20 + ["cleo"] * 5]
        answers = together(*crowd)
        passed = [Counter(answers[:40]), Counter(answers[40:60]), Counter(answers[60:])]
        # Of 7 in an hour, one more is possible after 515 seconds.
        over = "status 429 515 7"
        assert passed == [{"None": 7, over: 33}, {"None": 7, over: 13}, {"None": 5}]
        assert len(gate.recorder.requests) == 19
        counted = gate.envoy.counters("toolgate_principal_per_1h.http_local_rate_limit.rate_limited")
        assert list(counted.values()) == [46]


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_only_permitted_calls_count(version: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    with limited(tmp_path, issuer, *limits("principal=2/1h"), version=version) as gate:
        lists = gate.request("ann", LISTS)
        assert [gate.send(lists) for _ in range(5)] == [200] * 5
        assert [gate.call("ann", "shred") for _ in range(5)] == [200] * 5, "refused by the gate"
        assert [gate.call("ann", "unknown") for _ in range(5)] == [200] * 5
        assert [gate.call("ann") for _ in range(4)] == [200, 200, 429, 429]
        assert gate.send(lists) == 200
        # Without a token there is no principal, and no call.
        assert gate.send(mcp_request("/mcp", message("read"))) == 401
        assert len(gate.recorder.requests) == 8


def test_nobody_chooses_whose_call_it_is(tmp_path: Path, issuer: TokenIssuer) -> None:
    with limited(tmp_path, issuer, *limits("principal=1/1h")) as gate:
        assert gate.call("ann") == 200
        identity = 'principal="User::\\"ben\\""'
        forged: dict[str, str] = {
            "toolgate_identity": identity,
            "toolgate_decision": "deny;reason=forbidden",
            "wasm.toolgate": "{}",
            "x_envoy_ratelimited": "true",
            "x_ratelimit_remaining": "9",
            "x_forwarded_for": "192.0.2.7",
            "mcp_session_id": "other",
        }
        for name, value in forged.items():
            assert gate.call("ann", **{name: value}) == 429, name
        assert gate.call("ann", agent="other") == 429
        assert gate.call("ben") == 200


def test_calls_are_counted_by_what_the_option_names(tmp_path: Path, issuer: TokenIssuer) -> None:
    with limited(tmp_path, issuer, *limits("actor,tool=1/1h", "4/1h")) as gate:
        assert [gate.call("ann", "read"), gate.call("ben", "read")] == [200, 429]
        assert [gate.call("ben", "write"), gate.call("ben", "read", "other")] == [200, 200]
        # Calls without an actor are counted together.
        assert [gate.call("ann", "read", None), gate.call("ben", "read", None)] == [200, 429]
        assert gate.call("ann", "write", "other") == 429, "four calls of anybody"


def test_every_call_of_a_batch_counts(tmp_path: Path, issuer: TokenIssuer) -> None:
    with limited(tmp_path, issuer, *limits("principal=5/1h")) as gate:
        sent = [batch("read", "read", "write"), batch("read", "read", "read"), batch("write", "read")]
        assert [gate.send(gate.request("ann", body)) for body in sent] == [200, 429, 200]
        assert gate.call("ann") == 429
        # Messages that are no call cost nothing in a batch, either.
        lists = [LISTS | {"id": number} for number in range(9)]
        assert gate.send(gate.request("ben", [*lists, message("read", 9)])) == 200
        assert [gate.call("ben") for _ in range(5)] == [200] * 4 + [429]


def test_a_batch_is_a_tool_of_its_own(tmp_path: Path, issuer: TokenIssuer) -> None:
    with limited(tmp_path, issuer, *limits("principal,tool=2/1h")) as gate:
        assert [gate.call("ann") for _ in range(3)] == [200, 200, 429]
        # Whatever comes first in a batch, so many calls are all that batches add.
        sent = [batch("read", "write"), batch("write", "read"), batch("read", "read")]
        assert [gate.send(gate.request("ann", body)) for body in sent] == [200, 429, 429]
        assert gate.call("ann", "write") == 200


def test_what_the_limit_refuses_is_recorded_as_permitted(tmp_path: Path, issuer: TokenIssuer) -> None:
    budget = {"per": ["principal"], "limit": 2, "window": "1h", "unanswered": "give_back"}
    with limited(tmp_path, issuer, *limits("principal,tool=1/1h"), budgets={"visits": budget}) as gate:
        assert [gate.call("ann") for _ in range(4)] == [200, 429, 429, 429]
        records = gate.envoy.decision_log(4)
        assert [record["reason"] for record in records] == ["permitted"] * 4
        # The budget gets back what no server has got.
        assert [record["budgets"][0]["used"] for record in records] == [0, 1, 1, 1]
        assert gate.call("ann", "write") == 200
        assert len(gate.envoy.start_log(2)) == 2
        lines = gate.envoy.access_log(5)
        assert Counter(line["response_code_details"] for line in lines) == {"via_upstream": 2, "local_rate_limited": 3}
        assert {line["toolgate.principal"] for line in lines} == {'User::"ann"'}


def test_who_was_away_for_longest_begins_anew(tmp_path: Path, issuer: TokenIssuer) -> None:
    def two(config: dict[str, Any], _: Files) -> None:
        manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        [rate] = [each for each in manager["http_filters"] if each["name"].startswith("toolgate.rate_limit.")]
        rate["typed_config"]["max_dynamic_descriptors"] = 2

    with limited(tmp_path, issuer, *limits("principal=1/1h"), shape=two) as gate:
        assert [gate.call(person) for person in ("ann", "ben", "ann", "cleo", "ann", "ben")] == [
            200, 200, 429, 200, 429, 200
        ]  # fmt: skip


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_a_service_counts_calls_alone(version: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    with RateLimits() as service:
        options = ("--rate-limit-service", "--rate-limits", f"127.0.0.1:{service.port}", *limits("principal,tool=9/1h"))
        section = {"cluster": "limits", "domain": "tests", "timeout_ms": 2000}
        # Over this transport, another message goes to the server in the place of a refused call.
        channels = [{"path": path, "server": "desk", "protocol": "sse"} for path in ("/sse", "/messages")]
        channels.append({"path": "/mcp", "server": "desk"})
        sections = {"rate_limit_service": section, "channels": channels}
        with limited(tmp_path, issuer, *options, version=version, **sections) as gate:
            for body in (LISTS, message("shred"), [LISTS, message("shred", 2)]):
                assert gate.send(gate.request("ann", body)) == 200
            assert gate.send(gate.request("ann", message("shred"), path="/messages")) == 200
            assert b"toolgate/refused" in gate.recorder.requests[-1].body
            assert service.requests == []

            assert gate.call("ann") == 200
            assert gate.send(gate.request("ann", batch("read", "write", "read"))) == 200
            one, three = (each.body for each in service.requests)
            name = b"\n\nrate_limit\x12\x15principal_tool_per_1h"
            for question, tool, hits in ((one, b"desk/read", 1), (three, b"batch", 3)):
                assert b"\n\x05tests" in question
                assert name in question
                assert b'\n\tprincipal\x12\x0bUser::"ann"' in question
                assert b"\n\x04tool\x12" + bytes([len(tool)]) + tool in question
                assert question.endswith(bytes([0x18, hits])), question

            service.says(OVER_LIMIT)
            assert [gate.call("ann"), gate.send(gate.request("ann", LISTS))] == [429, 200]
            service.says(3)
            assert gate.call("ann") == 200, "neither yes nor no"
            service.sends(b"", 14)
            assert [gate.call("ann"), gate.send(gate.request("ann", LISTS))] == [503, 200]
            [last] = [line for line in gate.envoy.access_log(10) if line["status"] == 503]
            assert last["response_code_details"] == "rate_limiter_error"


def test_a_pushed_bundle_forgets_no_rate(tmp_path: Path, issuer: TokenIssuer) -> None:
    with limited(tmp_path, issuer, *limits("principal=1/1h")) as gate:
        assert gate.call("ann") == 200
        pushed = bundles.small(tmp_path / "pushed", POLICIES, TOOLS, identity=IDENTITY, version=2)
        gate.envoy.push(bundles.emit(pushed))
        gate.envoy.wait_for_success(2)
        assert [gate.call("ann"), gate.call("ben")] == [429, 200]
