"""Held bodies are bounded: an attacker with many unfinished streams does not exhaust Envoy's memory."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest

from harness import acme, paths
from harness.envoy import Envoy
from harness.envoy_config import Files
from harness.gateway import open_gateway
from harness.messages import Request, tool_call
from harness.tokens import TokenIssuer
from harness.waiting import wait_until

MEBIBYTE = 2**20
HEAP = 192 * MEBIBYTE
# Together more than twice the heap, each below the bundle's limit.
CONNECTIONS, STREAMS, BODY = 20, 100, 250_000


def test_streams_that_are_never_ended_do_not_fill_the_memory(
    version: str, tmp_path: Path, issuer: TokenIssuer, alice: str, bundle: bytes
) -> None:
    call = tool_call("/crm/mcp", "get_contact", {"account": "acme", "contact_id": "c" * BODY}, alice)
    with open_gateway(tmp_path, issuer, bundle, version=version, shape=with_heap) as gateway:
        envoy = gateway.envoy
        before = resident(envoy)
        peak = 0
        with contextlib.ExitStack() as stack:
            attackers = [stack.enter_context(holding(envoy.port)) for _ in range(CONNECTIONS)]
            for _ in range(STREAMS):
                for attacker in attackers:
                    attacker.hold(call)
                peak = max(peak, resident(envoy))
            # The overload manager checks the pressure every quarter of a second.
            time.sleep(1)
            held = envoy.counters("^server.memory_allocated$")["server.memory_allocated"]
            assert peak - before < HEAP
            assert held < HEAP
            assert sum(attacker.resets for attacker in attackers) > 0
        assert gateway.recorder.connections == []
        with gateway.client("h2") as client:

            def served() -> bool:
                try:
                    return client.send(acme.permitted(alice)).status == 200
                except ConnectionError:
                    return False

            wait_until(served, "a caller to be served again", seconds=30)
            assert client.send(acme.forbidden(alice)).json()["result"]["isError"] is True


@pytest.fixture(params=[paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def version(request: pytest.FixtureRequest) -> str:
    """The oldest and the newest Envoy."""
    return str(request.param)


def with_heap(config: dict[str, Any], _: Files) -> None:
    """Sets a smaller heap than deployments use, so that the attack fits into the memory of the test machine."""
    for monitor in config["overload_manager"]["resource_monitors"]:
        if monitor["name"] == "envoy.resource_monitors.fixed_heap":
            monitor["typed_config"]["max_heap_size_bytes"] = HEAP


def resident(envoy: Envoy) -> int:
    """The resident memory of the process in bytes, its VMs included."""
    [line] = [line for line in Path(f"/proc/{envoy.pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


class _Attacker:
    """A connection whose streams have sent a call except for its last byte."""

    def __init__(self, connection: socket.socket) -> None:
        self.resets = 0
        self._socket = connection
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self._http.initiate_connection()

    def hold(self, request: Request) -> None:
        """Opens another stream, as far as Envoy allows it."""
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            self._hold(request)

    def _hold(self, request: Request) -> None:
        self._receive()
        stream = self._http.get_next_available_stream_id()
        pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", request.path)]
        self._http.send_headers(stream, [*pseudo, *request.headers])
        body = request.body[:-1]
        while body:
            window = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)
            part, body = body[:window], body[window:]
            if not part:
                break
            self._http.send_data(stream, part)
        self._socket.sendall(self._http.data_to_send())

    def _receive(self) -> None:
        self._socket.settimeout(0.005)
        with contextlib.suppress(TimeoutError):
            while data := self._socket.recv(65536):
                for event in self._http.receive_data(data):
                    self.resets += isinstance(event, h2.events.StreamReset)
        self._socket.settimeout(15)


@contextlib.contextmanager
def holding(port: int) -> Iterator[_Attacker]:
    """A connection for the attack."""
    with socket.create_connection(("127.0.0.1", port), 15) as connection:
        yield _Attacker(connection)
