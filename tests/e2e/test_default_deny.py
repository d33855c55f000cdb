"""Without a bundle that loads, nobody gets through."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import acme, bundles
from harness.gateway import open_gateway
from harness.tokens import TokenIssuer
from harness.waiting import wait_until


def _without_policy(bundle: bytes) -> bytes:
    return bundles.damaged(bundle, lambda configuration: configuration.clear())


@pytest.mark.parametrize("first", [lambda _: b"", _without_policy], ids=["empty-file", "broken-bundle"])
def test_a_gateway_without_a_bundle_that_loads_refuses_and_sends_nothing(
    first: Callable[[bytes], bytes], tmp_path: Path, issuer: TokenIssuer, alice: str, bundle: bytes
) -> None:
    with open_gateway(tmp_path, issuer, first(bundle)) as gateway, gateway.client("h1") as client:
        for request in (acme.permitted(alice), acme.housekeeping(alice), acme.permitted(None)):
            assert client.send(request).status == 403
        assert gateway.recorder.connections == []
        # It recovers as soon as there is one.
        gateway.envoy.push(bundle)
        wait_until(lambda: client.send(acme.permitted(alice)).status == 200, "the bundle to be in force")
