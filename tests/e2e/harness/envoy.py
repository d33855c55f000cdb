"""Starts, queries and stops an Envoy."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness import bundles, envoy_config, paths
from harness.envoy_config import Files, Setup
from harness.waiting import wait_until

FLUSH_MILLISECONDS = 20
DISCOVERY_STATS = "extension_config_discovery.http_filter.toolgate"


class Envoy:
    """An Envoy process with its own directory, ports and logs; a context manager."""

    def __init__(
        self,
        directory: Path,
        setup: Setup,
        bundle: bytes,
        *,
        version: str = paths.NEWEST_ENVOY,
        workers: int = 2,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.files = Files(directory)
        self._version = version
        self._workers = workers
        # Of its environment, beside those of the tests.
        self._variables = variables or {}
        envoy_config.write(setup, self.files, bundle)

    def __enter__(self) -> Self:
        admin_address = self.files.directory / "admin-address"
        self._process = subprocess.Popen(
            [
                *(str(paths.envoy(self._version)), "--config-path", str(self.files.config)),
                *("--use-dynamic-base-id", "--concurrency", str(self._workers)),
                *("--admin-address-path", str(admin_address)),
                *("--file-flush-interval-msec", str(FLUSH_MILLISECONDS)),
                *("--log-path", str(self.files.directory / "envoy.log"), "--log-level", "warning"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | self._variables,
        )
        try:
            self._admin = wait_until(lambda: self._alive() and _read(admin_address), "the admin address of Envoy")
            wait_until(self._ready, "Envoy to be ready", seconds=90)
            listener, *_ = json.loads(self.admin("/listeners?format=json"))["listener_statuses"]
        except BaseException:
            self._stop()
            raise
        self.port: int = listener["local_address"]["socket_address"]["port_value"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def push(self, bundle: bytes) -> None:
        """Replaces the watched bundle; Envoy soon loads or rejects it."""
        bundles.install(bundle, self.files.bundle)

    def admin(self, path: str) -> str:
        """The response of the admin interface."""
        with urllib.request.urlopen(f"http://{self._admin}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    @property
    def admin_url(self) -> str:
        """The URL of the admin interface."""
        return f"http://{self._admin}"

    def counters(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches the regular expression."""
        lines = self.admin(f"/stats?filter={pattern}").splitlines()
        pairs = (line.rsplit(": ", 1) for line in lines if line.rsplit(": ", 1)[-1].isdecimal())
        return {name: int(value) for name, value in pairs}

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def discovery(self, counter: str) -> int:
        """The number of bundle updates with this outcome, e.g. `update_success`."""
        [count] = self.counters(f"^{DISCOVERY_STATS}.{counter}$").values()
        return count

    def wait_for_success(self, updates: int) -> None:
        """Waits until this many bundles, the first one included, have been accepted."""
        # Not `config_reload`, which also counts the use of the default.
        wait_until(lambda: self.discovery("update_success") >= updates, f"{updates} bundles to be accepted")

    def wait_for_rejection(self, rejections: int) -> None:
        """Waits until this many bundles have been rejected since the start."""
        wait_until(lambda: self.discovery("update_rejected") >= rejections, f"{rejections} bundles to be rejected")

    def vms(self) -> dict[str, int]:
        """The numbers of created, active and replaced VMs."""
        return self.counters(r"^wasm\.(.*\.(created|active|vm_reload.*)|wasm_vm_count)$")

    def says(self, words: str) -> None:
        """Waits until the filter has written these words to Envoy's log."""
        wait_until(lambda: words in _read(self.files.directory / "envoy.log"), f"`{words}` in the log of Envoy")

    def complaints(self) -> list[str]:
        """Log lines of Envoy, not of the filter, about VMs at level error or above; and all critical ones."""
        lines = _read(self.files.directory / "envoy.log").splitlines()
        return [line for line in lines if "[critical]" in line or ("[error][wasm]" in line and "wasm log" not in line)]

    def access_log(self, lines: int) -> list[dict[str, Any]]:
        """The traffic log, once it has at least this many lines."""
        return _wait_for_lines(self.files.access_log, lines)

    def decision_log(self, lines: int) -> list[dict[str, Any]]:
        """The decision records, once there are at least this many."""
        return _wait_for_lines(self.files.decision_log, lines)

    def start_log(self, lines: int) -> list[dict[str, Any]]:
        """The lines of calls that were forwarded to the upstream, once there are at least this many."""
        return _wait_for_lines(self.files.start_log, lines)

    def kill(self) -> None:
        """Kills the process, like a crash."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Starts it again after it was killed, on another port."""
        (self.files.directory / "admin-address").unlink()
        self.__enter__()

    def _ready(self) -> bool:
        self._alive()
        try:
            return self.admin("/ready").strip() == "LIVE"
        except OSError:
            return False

    def _alive(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(
                f"Envoy ended with {self._process.returncode}:\n{_read(self.files.directory / 'envoy.log')}"
            )
        return True

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def validate(version: str, directory: Path, setup: Setup, bundle: bytes) -> subprocess.CompletedProcess[str]:
    """Lets an Envoy validate the configuration without running it."""
    files = Files(directory)
    envoy_config.write(setup, files, bundle)
    return validate_file(version, files.config)


def validate_file(version: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Lets an Envoy validate this file."""
    return subprocess.run(
        [str(paths.envoy(version)), "--mode", "validate", "--config-path", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def _wait_for_lines(log: Path, lines: int) -> list[dict[str, Any]]:
    def complete_lines() -> tuple[list[str]] | None:
        # A line that is still being written has no newline yet.
        found = _read(log).split("\n")[:-1]
        # In a tuple, since no lines can be enough.
        return (found,) if len(found) >= lines else None

    [found] = wait_until(complete_lines, f"{lines} lines in {log.name}")
    return [json.loads(line) for line in found]


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""
