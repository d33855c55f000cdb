"""A crashed VM lets no request pass, and Envoy replaces it."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from harness import acme, paths
from harness.envoy_config import Files
from harness.gateway import Gateway, open_gateway
from harness.tokens import TokenIssuer
from harness.waiting import wait_until

KINDS = "type.googleapis.com/envoy.extensions.filters.network"
# This many connections reach every worker.
MANY = 24


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
def test_after_a_crash_calls_are_refused_until_they_are_decided_again(
    version: str, tmp_path: Path, issuer: TokenIssuer, alice: str, bundle: bytes
) -> None:
    """A connection instead of a request makes the SDK panic, in the same VM that handles requests."""
    [extension] = json.loads(bundle)["resources"]
    door = tmp_path / "tcp"

    def attach(config: dict[str, Any], _: Files) -> None:
        resources = config["static_resources"]
        proxy = {"@type": f"{KINDS}.tcp_proxy.v3.TcpProxy", "stat_prefix": "tcp"}
        proxy["cluster"] = resources["clusters"][0]["name"]
        wasm = {"@type": f"{KINDS}.wasm.v3.Wasm", "config": extension["typed_config"]["config"]}
        filters = [{"name": "toolgate", "typed_config": wasm}, {"name": "proxy", "typed_config": proxy}]
        address = {"pipe": {"path": str(door)}}
        resources["listeners"].append({"name": "tcp", "address": address, "filter_chains": [{"filters": filters}]})

    with open_gateway(tmp_path, issuer, bundle, version=version, shape=attach) as gateway:
        assert _decides(gateway, alice)

        def fails() -> bool:
            _crash(door)
            return not _decides(gateway, alice)

        # Envoy replaces a VM at the next request, unless that VM is less than a second old.
        wait_until(fails, "a crash to cost calls")
        wait_until(
            lambda: all(_decides(gateway, alice) for _ in range(MANY)), "every VM to be replaced", every=0.2
        )
        assert gateway.envoy.vms()["wasm.toolgate.vm_reload_success"] > 0
        assert all(b"get_contact" in request.body for request in gateway.recorder.requests)
        assert gateway.recorder.unfinished is False


def _crash(door: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(door))
        try:
            connection.sendall(b"x")
            assert connection.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass


def _decides(gateway: Gateway, alice: str) -> bool:
    """Whether calls on a new connection are decided; if not, they fail."""
    with gateway.client("h1") as client:
        refused, permitted = client.send(acme.forbidden(alice)), client.send(acme.permitted(alice))
    is_decided = refused.header("toolgate-decision") is not None
    assert is_decided or refused.status == 503
    assert permitted.status in (200, 503)
    return is_decided and permitted.status == 200
