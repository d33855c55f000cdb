"""Pushing bundles that take long to lay out: the one in force decides meanwhile, if it may."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import acme, bundles, decision_header, signing
from harness.gateway import Gateway, open_gateway
from harness.signing import SigningKey
from harness.tokens import TokenIssuer
from harness.waiting import wait_until

POLICIES = 1_200
WORKERS = 2
CALLERS = 4
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
        gateway.envoy.says("bundle acme@2", times=WORKERS)
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


def in_force(gateway: Gateway, token: str) -> str:
    """The name and version of the bundle that decides."""
    with gateway.client("h1") as client:
        return bundle_of(client.send(acme.forbidden(token)).header("toolgate-decision"))


def bundle_of(header: str | None) -> str:
    """The name and version of the bundle that a decision header names."""
    return decision_header.parse(header or "").bundle.split(" ")[0]


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
            seen.append(bundle_of(client.send(acme.forbidden(token)).header("toolgate-decision")))
    return seen
