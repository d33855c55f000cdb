"""Runs the demo's tool servers with either SDK generation."""

import json
import socket
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness import paths
from harness.waiting import wait_until


class ToolServer:
    """A process that serves crm, payments and mail over MCP, and lists the calls it executed; a context manager."""

    def __init__(self, environment: str, log: Path, *, script: Path = paths.TOOL_SERVER) -> None:
        self._environment = environment
        self._log = log
        self._script = script

    def __enter__(self) -> Self:
        self.port = free_port()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(paths.python(self._environment)), str(self._script), "--port", str(self.port)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, "the tool servers to answer", seconds=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def executed(self) -> list[dict[str, Any]]:
        """The calls that reached a tool, oldest first."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/executed", timeout=5) as answer:
            calls: list[dict[str, Any]] = json.load(answer)
        return calls

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the tool servers ended:\n{self._log.read_text()}")
        try:
            self.executed()
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port without a listener at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
