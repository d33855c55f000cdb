"""Replacing the bundle of a running Envoy: bad ones are rejected, good ones apply at once, without failed requests."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness import acme, bundles, decision_header
from harness.gateway import Gateway, open_gateway
from harness.messages import Manner
from harness.tokens import TokenIssuer

PUSHES = 50
CALLERS = 4
LIVE_WITHIN = 1.0
# Pieces sent over some ten milliseconds, so that calls are in progress when a push arrives.
SLOWLY = Manner(piece=30, pause=0.002)

Versions = tuple[bytes, bytes]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """Two bundles that differ only in their version."""
    directory = tmp_path_factory.mktemp("bundles")
    first, second = (bundles.emit(bundles.variant(directory / str(number), version=number)) for number in (1, 2))
    return first, second


@pytest.fixture
def gateway(tmp_path: Path, issuer: TokenIssuer, versions: Versions) -> Iterator[Gateway]:
    """A separate gateway with the first version in force."""
    with open_gateway(tmp_path, issuer, versions[0]) as opened:
        yield opened


def version_of(header: str | None) -> str:
    """The bundle version in a decision header."""
    return decision_header.parse(header or "").bundle.split(" ")[0]


@pytest.mark.parametrize(
    "damage", [dict.clear, lambda configuration: configuration["bundle"].clear()], ids=["all", "bundle"]
)
def test_a_broken_bundle_is_rejected_and_the_old_one_stays(
    damage: Callable[[dict[str, Any]], None], gateway: Gateway, alice: str, versions: Versions
) -> None:
    gateway.envoy.push(bundles.damaged(versions[1], damage))
    gateway.envoy.wait_for_rejection(1)
    with gateway.client("h1") as client:
        refused = client.send(acme.forbidden(alice))
        assert client.send(acme.permitted(alice)).status == 200
    assert refused.json()["result"]["isError"] is True
    assert version_of(refused.header("toolgate-decision")) == "acme@1"


def test_a_good_bundle_is_live_within_a_second(gateway: Gateway, alice: str, versions: Versions) -> None:
    with gateway.client("h1") as client:
        assert version_of(client.send(acme.forbidden(alice)).header("toolgate-decision")) == "acme@1"
        started = time.monotonic()
        gateway.envoy.push(versions[1])
        while version_of(client.send(acme.forbidden(alice)).header("toolgate-decision")) == "acme@1":
            assert time.monotonic() - started < LIVE_WITHIN


def test_pushes_under_load_disturb_no_request(gateway: Gateway, alice: str, versions: Versions) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call_until, stop, gateway, alice, "h1" if n % 2 else "h2") for n in range(CALLERS)]
        try:
            for push in range(1, PUSHES + 1):
                gateway.envoy.push(versions[push % 2])
                # The first load counts, too.
                gateway.envoy.wait_for_success(1 + push)
        finally:
            stop.set()
    permitted = sum(caller.result()[0] for caller in callers)
    refused_by = set().union(*(caller.result()[1] for caller in callers))
    forwarded_by = {version_of(request.values("toolgate-decision")[0]) for request in gateway.recorder.requests}
    assert refused_by == forwarded_by == {"acme@1", "acme@2"}
    assert len(gateway.recorder.requests) == permitted > CALLERS
    assert gateway.envoy.counters(r"^http\.tools\.downstream_rq_5xx$") == {"http.tools.downstream_rq_5xx": 0}


def call_until(stop: threading.Event, gateway: Gateway, token: str, protocol: str) -> tuple[int, set[str]]:
    """Makes permitted and refused calls in turn, each long enough to overlap a push; returns the results."""
    permitted, refused_by = 0, set()
    with gateway.client(protocol) as client:
        while not stop.is_set():
            assert client.send(acme.permitted(token).sent(SLOWLY)).status == 200
            permitted += 1
            refused = client.send(acme.forbidden(token).sent(SLOWLY))
            assert refused.status == 200
            refused_by.add(version_of(refused.header("toolgate-decision")))
    return permitted, refused_by
