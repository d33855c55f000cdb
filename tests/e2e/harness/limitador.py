"""Limitador with Redis: the rate limit service that several Envoys share."""

import json
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from harness import paths, toolgate
from harness.tool_server import free_port
from harness.waiting import wait_until


class Redis:
    """A Redis that keeps every write over a restart; a context manager."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        self.port = free_port()

    def __enter__(self) -> Self:
        command = [str(paths.redis()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._directory)]
        kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self._process = subprocess.Popen([*command, *kept], stdout=subprocess.DEVNULL)
        wait_until(self._answers, "Redis to answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """Kills the process, like a crash."""
        self._process.kill()
        self._process.wait()

    def counters(self) -> dict[str, int]:
        """The counters by key."""
        keys = self._ask("KEYS *")
        return {key: int(self._ask(f"GET {json.dumps(key)}")[0]) for key in keys}

    def _ask(self, command: str) -> list[str]:
        """The bulk strings of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(f"{command}\r\nQUIT\r\n".encode())
            lines = b"".join(iter(lambda: connection.recv(65536), b"")).decode().split("\r\n")
        return [line for before, line in zip(lines, lines[1:], strict=False) if before.startswith("$")]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class Limitador:
    """The service with the limits of budgets and rates, as `toolgate emit` writes them; a context manager."""

    def __init__(self, directory: Path, redis: Redis, bundle: Path, *options: str) -> None:
        directory.mkdir(parents=True)
        self._limits = directory / "limits.json"
        # The crate takes any format; its server reads YAML.
        self._limits.write_text(json.dumps(yaml.safe_load(toolgate.run("emit", "limitador", str(bundle), *options))))
        self._redis = redis
        self.port = free_port()

    def __enter__(self) -> Self:
        redis = f"redis://127.0.0.1:{self._redis.port}"
        command = [str(paths.rust("limitador")), f"127.0.0.1:{self.port}", redis, str(self._limits)]
        self._process = subprocess.Popen(command)
        wait_until(self._listens, "Limitador to listen")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"Limitador ended with {self._process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
