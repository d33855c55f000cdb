"""Bundles that are evaluated but not enforced: a candidate beside the active bundle, and a bundle in shadow mode."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import acme, bundles, decision_header, paths
from harness.gateway import Gateway, open_gateway
from harness.messages import Manner, Request
from harness.tokens import TokenIssuer

CALLERS = 4
ROUNDS = 25
BODY_LIMIT = 4000

# Forbids everyone to read contacts, and permits reps to delete them.
OTHERWISE = """
@id("nobody-reads-contacts")
forbid (principal, action == Action::"crm/get_contact", resource);

@id("reps-delete-contacts")
permit (principal in Role::"rep", action == Action::"crm/delete_contact", resource);
"""


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that decides two calls differently from the example bundle."""
    directory = bundles.variant(tmp_path_factory.mktemp("candidate") / "bundle", version=2)
    (directory / "org" / "otherwise.cedar").write_text(OTHERWISE)
    return directory


@pytest.fixture
def rehearsing(tmp_path: Path, issuer: TokenIssuer, candidate: Path) -> Iterator[Gateway]:
    """A gateway with the example bundle in force, and the candidate beside it."""
    with open_gateway(tmp_path, issuer, bundles.emit(paths.BUNDLE, "--candidate", str(candidate))) as opened:
        yield opened


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer) -> Iterator[Gateway]:
    """A gateway with a bundle in shadow mode."""
    limits = {"body_bytes": BODY_LIMIT}
    directory = bundles.variant(tmp_path_factory.mktemp("watching") / "bundle", mode="shadow", limits=limits)
    with open_gateway(tmp_path_factory.mktemp("gateway"), issuer, bundles.emit(directory)) as opened:
        yield opened


def test_a_candidate_under_load_changes_no_decision(rehearsing: Gateway, alice: str) -> None:
    def call(number: int) -> None:
        with rehearsing.client("h1" if number % 2 else "h2") as client:
            for _ in range(ROUNDS):
                assert client.send(acme.permitted(alice)).header("toolgate-decision") is None
                for request, decision in ((acme.forbidden(alice), "DENY"), (acme.silent(alice), "SILENCE")):
                    refused = decision_header.parse(client.send(request).header("toolgate-decision") or "")
                    assert (refused.decision, refused.bundle.split(" ")[0]) == (decision, "acme@1")
                assert client.send(acme.housekeeping(alice)).status == 200

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(call, range(CALLERS)))

    each = CALLERS * ROUNDS
    calls = [request for request in rehearsing.recorder.requests if b"tools/call" in request.body]
    assert len(calls) == each
    records = rehearsing.envoy.decision_log(3 * each)
    assert len(records) == 3 * each
    told = {(r["tool"], r["decision"], r["candidate_decision"], r["candidate"]["reason"]) for r in records}
    assert told == {
        ("crm/get_contact", "PERMIT", "DENY", "forbidden"),
        ("payments/refund", "DENY", "DENY", "forbidden"),
        ("crm/delete_contact", "SILENCE", "PERMIT", "permitted"),
    }
    assert {(r["bundle"]["version"], r["candidate"]["bundle"]["version"]) for r in records} == {(1, 2)}
    flips = "wasmcustom.toolgate.flips.by.candidate"
    assert rehearsing.envoy.counters(rf"^{flips}\.") == {
        f"{flips}.from.permit.to.deny.tool.crm/get_contact": each,
        f"{flips}.from.silence.to.permit.tool.crm/delete_contact": each,
    }


def test_a_candidate_that_does_not_load_is_rejected_with_its_bundle(rehearsing: Gateway, candidate: Path) -> None:
    resource = bundles.emit(paths.BUNDLE, "--candidate", str(candidate))
    rehearsing.envoy.push(bundles.damaged(resource, lambda configuration: configuration["candidate"]["layers"].clear()))
    rehearsing.envoy.wait_for_rejection(1)
    assert "the candidate does not load" in (rehearsing.envoy.files.directory / "envoy.log").read_text()


def test_a_bundle_in_shadow_forwards_everything(watching: Gateway, alice: str) -> None:
    large = acme.permitted(alice)
    large = dataclasses.replace(large, body=large.body[:-1] + b" " * BODY_LIMIT + large.body[-1:])
    requests: list[tuple[Request, str, str]] = [
        (acme.permitted(alice), "PERMIT", "permitted"),
        (acme.forbidden(alice), "DENY", "forbidden"),
        (acme.silent(alice), "SILENCE", "not_permitted"),
        (acme.permitted(None), "DENY", "unauthenticated"),
        (dataclasses.replace(acme.permitted(alice), body=b'{"jsonrpc"'), "DENY", "malformed_body"),
        (large, "DENY", "body_too_large"),
    ]
    manners = (Manner(), Manner(piece=50, trailers=(("x-end", "1"),)))
    for request, decision, reason in requests:
        for protocol in ("h1", "h2"):
            for manner in manners:
                known = len(watching.recorder.requests)
                with watching.client(protocol) as client:
                    answer = client.send(request.sent(manner))
                assert answer.status == 200
                [received] = watching.recorder.requests[known:]
                assert received.body == request.body
                [header] = received.values("toolgate-decision")
                told = decision_header.parse(header)
                assert (told.decision, told.reason) == ("PERMIT", "shadow")
                record = watching.envoy.decision_log(known + 1)[known]
                assert record["id"] == told.id
                assert (record["decision"], record["mode"]) == ("PERMIT", "shadow")
                assert (record["shadow_decision"], record["shadow"]["reason"]) == (decision, reason)
