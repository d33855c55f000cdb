"""A minimal test of every supported Envoy: permit, refusal, missing identity, and their records."""

from pathlib import Path

import pytest

from harness import acme, bundles, paths
from harness.gateway import open_gateway
from harness.tokens import TokenIssuer


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
def test_the_filter_works_in(version: str, tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str) -> None:
    with open_gateway(tmp_path, issuer, bundle, version=version) as gateway, gateway.client("h2") as client:
        assert client.send(acme.permitted(alice)).status == 200
        assert client.send(acme.forbidden(alice)).json()["result"]["isError"] is True
        assert client.send(acme.permitted(None)).status == 401
        assert len(gateway.recorder.requests) == 1
        records = gateway.envoy.decision_log(3)
        assert [record["decision"] for record in records] == ["PERMIT", "DENY", "DENY"]
        gateway.envoy.push(bundles.damaged(bundle, dict.clear))
        gateway.envoy.wait_for_rejection(1)
        assert client.send(acme.permitted(alice)).status == 200
        assert sum(gateway.envoy.counters("wasmcustom.toolgate.calls").values()) == 4
