"""Without a bundle that loads, no request passes."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import acme, bundles
from harness.envoy_config import Files
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
        # It recovers as soon as there is a bundle.
        gateway.envoy.push(bundle)
        wait_until(lambda: client.send(acme.permitted(alice)).status == 200, "the bundle to be in force")


def test_a_connection_that_meets_the_filter_instead_of_a_request_is_closed(
    tmp_path: Path, issuer: TokenIssuer, bundle: bytes
) -> None:
    """On a TCP listener the filter decides nothing, so nothing may pass."""
    [extension] = json.loads(bundle)["resources"]
    kinds = "type.googleapis.com/envoy.extensions.filters.network"
    wasm = {"@type": f"{kinds}.wasm.v3.Wasm", "config": extension["typed_config"]["config"]}

    def attach(config: dict[str, Any], _: Files) -> None:
        resources = config["static_resources"]
        [chain] = resources["listeners"][0]["filter_chains"]
        proxy = {"@type": f"{kinds}.tcp_proxy.v3.TcpProxy", "stat_prefix": "tcp"}
        proxy["cluster"] = resources["clusters"][0]["name"]
        filters = {"toolgate": wasm, "proxy": proxy}
        chain["filters"] = [{"name": name, "typed_config": typed} for name, typed in filters.items()]

    with open_gateway(tmp_path, issuer, bundle, shape=attach) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.envoy.port), timeout=5) as connection:
            connection.sendall(b"POST /crm/mcp HTTP/1.1\r\nhost: tools.example\r\n\r\n")
            try:
                assert connection.recv(1) == b""
            except ConnectionResetError:
                pass
        assert gateway.recorder.connections == []
