"""Pushing bundles that take long to lay out: the one in force decides meanwhile, if it may."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import acme, bundles, decision_header, signing
from harness.gateway import Gateway, open_gateway
from harness.http1 import Http1Client
from harness.signing import SigningKey
from harness.tokens import TokenIssuer
from harness.waiting import wait_until

POLICIES = 1_200
WORKERS = 2
CALLERS = 4
# One tries what is pushed, and one is the main thread's.
VMS = WORKERS + 2
# In a second, of a plugin that is laying out.
TICKS = 500
MEANWHILE = "decides until sha256:"
REASON = "Nobody by this name works here any more, whoever says so; ask the people department."

Push = Callable[..., bytes]


def enlarged(directory: Path) -> Path:
    """The bundle in a directory, with many more policies."""
    policies = (
        f'@id("gone-{n}")\n@reason("{REASON}")\nforbid (principal == User::"gone-{n}", action, resource);'
        for n in range(POLICIES)
    )
    (directory / "org" / "gone.cedar").write_text("\n".join(policies))
    return directory


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Push:
    """Large bundles, as Envoy gets them, by what is special about them."""

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
    """A gateway of its own, with the first version in force."""
    with talking(tmp_path, issuer, first) as opened:
        yield opened


@contextmanager
def talking(directory: Path, issuer: TokenIssuer, bundle: bytes) -> Iterator[Gateway]:
    """A gateway whose log has everything that the filter says from now on."""
    with open_gateway(directory, issuer, bundle) as gateway:
        gateway.envoy.log_all_of_the_filter()
        yield gateway


def test_the_bundle_in_force_decides_until_a_large_one_is_laid_out(
    gateway: Gateway, alice: str, large: Push
) -> None:
    with calls(gateway, alice) as seen:
        gateway.envoy.push(large(version=2))
        gateway.envoy.says("bundle acme@2 ", times=VMS)
        assert gateway.envoy.said(MEANWHILE) >= WORKERS
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


def test_every_worker_is_idle_again_whatever_overtook_what(
    gateway: Gateway, alice: str, large: Push, tmp_path: Path
) -> None:
    before = wake_ups(gateway)
    pushes = [large(version=2), bundles.emit(bundles.variant(tmp_path / "small", version=3)), large(version=4)]
    for number, push in enumerate(pushes):
        gateway.envoy.push(push)
        gateway.envoy.wait_for_success(2 + number)
    wait_until(lambda: in_force(gateway, alice) == "acme@4", "the last version to decide")
    wait_until(lambda: wake_ups(gateway) < before + TICKS // 2, "an Envoy without anything to do")


def test_large_pushes_one_after_the_other_are_all_laid_out_meanwhile(
    gateway: Gateway, alice: str, large: Push
) -> None:
    for version in (2, 3, 4):
        gateway.envoy.push(large(version=version))
        gateway.envoy.says(f"bundle acme@{version} ", times=VMS)
        assert settled(gateway, alice) == {f"acme@{version}"}
    assert gateway.envoy.said(MEANWHILE) >= 3 * WORKERS


def test_a_bundle_that_was_withdrawn_does_not_come_back(
    gateway: Gateway, alice: str, first: bytes, large: Push
) -> None:
    """Envoy goes back to what old streams still hold, and tells the filter nothing."""
    with ExitStack() as streams:
        held(streams, gateway, alice)
        gateway.envoy.push(large(version=2))
        wait_until(lambda: settled(gateway, alice) == {"acme@2"}, "the second version to decide")
        withdrawn = title_in_force(gateway, alice)
        held(streams, gateway, alice)
        gateway.envoy.push(first)
        wait_until(lambda: settled(gateway, alice) == {"acme@1"}, "the first version to decide again")
        with calls(gateway, alice) as seen:
            gateway.envoy.push(large(version=3))
            wait_until(lambda: settled(gateway, alice) == {"acme@3"}, "the third version to decide")
    assert "acme@2" not in {version for versions in seen for version in versions}
    # The main thread has a VM of its own, where no calls come.
    assert gateway.envoy.said(f"bundle {withdrawn} {MEANWHILE}") <= 1


def test_signed_bundles_are_laid_out_meanwhile_too(tmp_path: Path, issuer: TokenIssuer, alice: str) -> None:
    key = SigningKey(tmp_path / "key.pem")
    trust = tmp_path / "trust.yaml"
    trust.write_text(json.dumps(signing.trust(key)))

    def signed(version: int) -> bytes:
        directory = enlarged(bundles.variant(tmp_path / f"v{version}", version=version))
        built = tmp_path / f"{version}.json"
        built.write_text(json.dumps(signing.document(directory, key)))
        return bundles.emit(built, "--trust", str(trust))

    (tmp_path / "envoy").mkdir()
    with talking(tmp_path / "envoy", issuer, signed(1)) as gateway:
        gateway.envoy.push(signed(2))
        wait_until(lambda: in_force(gateway, alice) == "acme@2", "the second version to decide")
        assert gateway.envoy.said(MEANWHILE) >= 1


@pytest.mark.parametrize("before", ["another", "shadow", "small", "elsewhere"])
def test_a_gate_that_is_no_older_state_of_the_same_does_not_decide(
    before: str, tmp_path: Path, issuer: TokenIssuer, alice: str, first: bytes, large: Push
) -> None:
    """Another bundle, one that forbids nothing, and one for another environment. A small bundle does not need it."""
    after = bundles.emit(bundles.variant(tmp_path / "small", version=2)) if before == "small" else first
    old = {
        "another": lambda: large(name="another"),
        "shadow": lambda: large(mode="shadow"),
        "small": lambda: first,
        "elsewhere": lambda: large("--environment", "dev"),
    }[before]()
    (tmp_path / "envoy").mkdir()
    with talking(tmp_path / "envoy", issuer, old) as gateway:
        gateway.envoy.push(after)
        now = "acme@2" if before == "small" else "acme@1"
        gateway.envoy.says(f"bundle {now}", times=WORKERS)
        wait_until(lambda: in_force(gateway, alice) == now, "the push to decide")
        assert gateway.envoy.said(MEANWHILE) == 0


def wake_ups(gateway: Gateway) -> int:
    """How often in a second the threads of Envoy go to sleep again."""
    began = sleeps(gateway.envoy.pid)
    time.sleep(1)
    return sleeps(gateway.envoy.pid) - began


def sleeps(process: int) -> int:
    """How often the threads of a process have gone to sleep so far."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    lines = (line for task in tasks for line in (task / "status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def held(streams: ExitStack, gateway: Gateway, token: str) -> None:
    """Begin calls that do not end, on every worker."""
    for _ in range(CALLERS * WORKERS):
        client = streams.enter_context(Http1Client(gateway.envoy.port))
        client.begin(acme.permitted(token))


def settled(gateway: Gateway, token: str) -> set[str]:
    """The bundles that decide, on every worker."""
    return {in_force(gateway, token) for _ in range(CALLERS * WORKERS)}


def in_force(gateway: Gateway, token: str) -> str:
    """The name and version of the bundle that decides."""
    return title_in_force(gateway, token).split(" ")[0]


def title_in_force(gateway: Gateway, token: str) -> str:
    """The name, version and digest of the bundle that decides."""
    with gateway.client("h1") as client:
        return title_of(client.send(acme.forbidden(token)).header("toolgate-decision"))


def title_of(header: str | None) -> str:
    """How a decision header names a bundle."""
    return decision_header.parse(header or "").bundle


@contextmanager
def calls(gateway: Gateway, token: str) -> Iterator[list[list[str]]]:
    """Calls on several connections meanwhile, none of which goes back to an older bundle; who decided them."""
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
    """Make calls one after the other on one connection, and so on one worker; which bundles decided them."""
    seen: list[str] = []
    with gateway.client("h1") as client:
        while not stop.is_set():
            assert client.send(acme.permitted(token)).status == 200
            title = title_of(client.send(acme.forbidden(token)).header("toolgate-decision"))
            seen.append(title.split(" ")[0])
    return seen
