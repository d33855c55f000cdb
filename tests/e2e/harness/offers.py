"""Tool servers' responses to tools/list, and the result of `toolgate inventory` for them."""

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from harness import paths
from harness.http1 import Http1Client
from harness.messages import mcp_request
from harness.waiting import wait_until


class NoteServer:
    """A server made with a TypeScript SDK, `ts1` or `ts2`, or the Rust SDK, `rmcp`. A context manager.

    One of a TypeScript SDK can have the changed tool from the start.
    """

    def __init__(self, environment: str, *, changed: bool = False, script: str = "server.mjs") -> None:
        if environment == "rmcp":
            self._command = [str(paths.rust(environment)), Path(script).stem]
        else:
            # The script is a link in the directory of its packages, and Node must not resolve it.
            file = paths.INSTALLED / environment / script
            self._command = [str(paths.node()), "--preserve-symlinks", "--preserve-symlinks-main", str(file)]
        self._command += ["changed"] if changed else []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def change(self) -> None:
        """Puts the other tool in place of the one that is offered."""
        before = offered(self.port, "/mcp")
        self._process.send_signal(signal.SIGUSR2)
        wait_until(lambda: offered(self.port, "/mcp") != before, "the server to change")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def offered(port: int, path: str) -> bytes:
    """The body of a server's response to tools/list, as received over the wire."""
    with Http1Client(port, None) as client:
        answer = client.send(mcp_request(path, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))
    assert answer.status == 200, answer.body
    return answer.body


def inventory(bundle: Path, server: str, answer: bytes, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs `toolgate inventory` on a response."""
    command = [str(paths.TOOLGATE), "inventory", str(bundle), "-", "--server", server, *options]
    result = subprocess.run(command, input=answer, capture_output=True, timeout=60, check=False)
    return subprocess.CompletedProcess(command, result.returncode, result.stdout.decode(), result.stderr.decode())


def check(bundle: Path) -> subprocess.CompletedProcess[str]:
    """Runs `toolgate check`."""
    command = [str(paths.TOOLGATE), "check", str(bundle)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
