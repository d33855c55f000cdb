"""Pushes bundles that take long to load, while calls are decided."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import acme, bundles, decision_header
from harness.gateway import Gateway, open_gateway
from harness.http1 import Http1Client
from harness.tokens import TokenIssuer
from harness.waiting import wait_until

POLICIES = 1_200
WORKERS = 2
CALLERS = 4
REASON = "Nobody by this name works here any more, whoever says so; ask the people department."

Push = Callable[..., bytes]


def enlarged(directory: Path) -> Path:
    """The bundle in a directory with many additional policies."""
    policies = (
        f'@id("gone-{n}")\n@reason("{REASON}")\nforbid (principal == User::"gone-{n}", action, resource);'
        for n in range(POLICIES)
    )
    (directory / "org" / "gone.cedar").write_text("\n".join(policies))
    return directory


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Push:
    """Builds large bundles with these options and changes, as ECDS resources."""

    def emitted(*options: str, **changes: Any) -> bytes:
        directory = tmp_path_factory.mktemp("large") / "bundle"
        return bundles.emit(enlarged(bundles.variant(directory, **changes)), *options)

    return emitted


@pytest.fixture(scope="module")
def first(large: Push) -> bytes:
    """The bundle that is in force before any push."""
    return large(version=1)


@pytest.fixture
def gateway(tmp_path: Path, issuer: TokenIssuer, first: bytes) -> Iterator[Gateway]:
    """A separate gateway with the first version in force."""
    with open_gateway(tmp_path, issuer, first) as gateway:
        yield gateway


def test_a_large_bundle_takes_the_place_of_the_one_before(gateway: Gateway, alice: str, large: Push) -> None:
    with calls(gateway, alice) as seen:
        gateway.envoy.push(large(version=2))
        wait_until(lambda: settled(gateway, alice) == {"acme@2"}, "the second version to decide")
    assert {version for versions in seen for version in versions} == {"acme@1", "acme@2"}


def test_no_worker_goes_back_whatever_overtakes_what(
    gateway: Gateway, alice: str, large: Push, tmp_path: Path
) -> None:
    small = [bundles.emit(bundles.variant(tmp_path / str(version), version=version)) for version in (3, 5)]
    pushes = [large(version=2), small[0], large(version=4), small[1], large(version=6), large(version=7)]
    with calls(gateway, alice) as seen:
        for number, push in enumerate(pushes):
            gateway.envoy.push(push)
            gateway.envoy.wait_for_success(2 + number)
        wait_until(lambda: in_force(gateway, alice) == "acme@7", "the last version to decide")
    assert max(map(max, seen)) == "acme@7"


def test_a_bundle_that_was_withdrawn_does_not_come_back(
    gateway: Gateway, alice: str, first: bytes, large: Push
) -> None:
    """Envoy returns to a configuration that old streams still hold, without notifying the filter."""
    with ExitStack() as streams:
        held(streams, gateway, alice)
        gateway.envoy.push(large(version=2))
        wait_until(lambda: settled(gateway, alice) == {"acme@2"}, "the second version to decide")
        held(streams, gateway, alice)
        gateway.envoy.push(first)
        wait_until(lambda: settled(gateway, alice) == {"acme@1"}, "the first version to decide again")
        with calls(gateway, alice) as seen:
            gateway.envoy.push(large(version=3))
            wait_until(lambda: settled(gateway, alice) == {"acme@3"}, "the third version to decide")
    assert "acme@2" not in {version for versions in seen for version in versions}


def held(streams: ExitStack, gateway: Gateway, token: str) -> None:
    """Starts calls on every worker without finishing them."""
    for _ in range(CALLERS * WORKERS):
        client = streams.enter_context(Http1Client(gateway.envoy.port))
        client.begin(acme.permitted(token))


def settled(gateway: Gateway, token: str) -> set[str]:
    """The active bundles of all workers."""
    return {in_force(gateway, token) for _ in range(CALLERS * WORKERS)}


def in_force(gateway: Gateway, token: str) -> str:
    """The name and version of the active bundle."""
    with gateway.client("h1") as client:
        return title_of(client.send(acme.forbidden(token)).header("toolgate-decision"))


def title_of(header: str | None) -> str:
    """The bundle in a decision header, without the digest."""
    return decision_header.parse(header or "").bundle.split(" ")[0]


@contextmanager
def calls(gateway: Gateway, token: str) -> Iterator[list[list[str]]]:
    """Makes calls on several connections during the block; none may return to an older bundle. Yields their bundles."""
    stop = threading.Event()
    seen: list[list[str]] = []
    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call_until, stop, gateway, token) for _ in range(CALLERS)]
        try:
            yield seen
        finally:
            stop.set()
    seen.extend(caller.result() for caller in callers)
    assert all(versions == sorted(versions) for versions in seen)
    assert gateway.envoy.counters(r"^http\.tools\.downstream_rq_5xx$") == {"http.tools.downstream_rq_5xx": 0}


def call_until(stop: threading.Event, gateway: Gateway, token: str) -> list[str]:
    """Makes calls one after the other on one connection, and so on one worker; returns their bundles."""
    seen: list[str] = []
    with gateway.client("h1") as client:
        while not stop.is_set():
            assert client.send(acme.permitted(token)).status == 200
            seen.append(title_of(client.send(acme.forbidden(token)).header("toolgate-decision")))
    return seen
