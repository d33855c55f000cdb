"""Runs the tool servers, and a real Envoy with the filter in front of them.

Everything they read and write is in one directory, `target/demo`.
"""

import fcntl
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import approving
import sign_in

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
ENVOY_CONFIG = REPOSITORY / "envoy" / "envoy.yaml"
BUNDLE = REPOSITORY / "policies" / "acme"
ENVIRONMENT = "dev"
LOGS = ("access.log", "decisions.ndjson", "started.ndjson", "envoy.log", "server.log", "approvals.log")


class StageError(Exception):
    """A part of the demo does not start or does not answer; the text names it and where to look."""


class Stage:
    """Tool servers behind Envoy; a context manager that starts and stops both."""

    def __init__(self, envoy: Path, toolgate: Path, wasm: Path, say: Callable[[str], None]) -> None:
        self.directory = sign_in.DIRECTORY
        self.toolgate = toolgate
        self.wasm = wasm
        self._envoy = envoy
        self._say = say
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port, self.admin_port, self.tools_port, self.approvals_port = free_ports(4)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        self._lock()
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "ecds").mkdir(parents=True)
        sign_in.new_key(self.directory)
        keys = approving.new_keys(self.directory)
        approving.write_bundle(BUNDLE, self.with_approvals, self.approvals_url, keys["service"][1])
        self._say(f"building the bundle for the environment {ENVIRONMENT}, whose digest is its own")
        self.load(BUNDLE)
        self._say("starting the tool servers")
        self._spawn("server.log", sys.executable, str(HERE / "server.py"), "--port", str(self.tools_port))
        self._wait(lambda: self.executed() is not None, "server.log")
        self._say("starting the approval service, where everybody is dave")
        listen = f"127.0.0.1:{self.approvals_port}"
        signs = ["--key", str(keys["service"][0]), "--gate-key", str(self.directory / "gate-key.pub.pem")]
        who = ["--approver", json.dumps({"sub": "dave"} | sign_in.PEOPLE["dave"])]
        command = [str(self.toolgate), "approvals", "--listen", listen, "--name", self.approvals_url, *signs, *who]
        self._spawn("approvals.log", *command)
        self._wait(lambda: get(self.approvals_port, "/") is not None, "approvals.log")
        self._say("starting Envoy, which compiles the filter")
        config = self.directory / "envoy.yaml"
        cluster = approving.CLUSTER.format(port=self.approvals_port)
        config.write_text(render(ENVOY_CONFIG.read_text(), self._deployment()) + cluster)
        # Envoy flushes its logs often, because the demo reads them while it runs.
        options = ["--concurrency", "2", "--use-dynamic-base-id", "--file-flush-interval-msec", "20"]
        signing = {"TOOLGATE_SIGNING_KEY": keys["gate"][0].read_text()}
        self._spawn("envoy.log", str(self._envoy), "-c", str(config), *options, variables=signing)
        # Readiness is not enough: Envoy also becomes ready without a bundle, and then refuses everything.
        self._wait(lambda: self._loaded() > 0 and get(self.admin_port, "/ready") == "LIVE\n", "envoy.log", seconds=60)

    def _lock(self) -> None:
        """Prevents two demos from sharing files; the lock ends with this process."""
        self.directory.parent.mkdir(exist_ok=True)
        self._locked = self.directory.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError("the demo is running already; stop that one first") from None

    def _deployment(self) -> dict[str, object]:
        """The values that envoy.yaml marks with `deploy:`, by label."""
        return {
            "admin address": self.admin_port,
            "listener address": self.port,
            "tool servers": self.tools_port,
            "access log": self.directory / "access.log",
            "decision log": self.directory / "decisions.ndjson",
            "start log": self.directory / "started.ndjson",
            "signing keys of the issuer": self.directory / "jwks.json",
            "bundle file": self.bundle_file,
            "bundle directory": self.bundle_file.parent,
        }

    @property
    def bundle_file(self) -> Path:
        """The file that Envoy watches for the filter and its bundle."""
        return self.directory / "ecds" / "toolgate.json"

    @property
    def approvals_url(self) -> str:
        """Where people approve calls."""
        return f"http://127.0.0.1:{self.approvals_port}"

    @property
    def with_approvals(self) -> Path:
        """The bundle that leaves larger refunds to a person."""
        return self.directory / "with-approvals"

    def load(self, bundle: Path) -> None:
        """Builds a bundle to the path that Envoy watches; the file is replaced atomically."""
        options = ["--wasm", self.wasm, "--environment", ENVIRONMENT, "--output", self.bundle_file]
        command = [str(part) for part in (self.toolgate, "emit", "ecds", bundle, *options)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            raise StageError(f"`{' '.join(command)}` failed:\n{built.stderr}")

    def reload(self, bundle: Path) -> None:
        """Replaces the active bundle, and waits until Envoy has loaded the new one."""
        before = self._loaded()
        self.load(bundle)
        self._wait(lambda: self._loaded() > before, "envoy.log")

    def _loaded(self) -> int:
        """How many bundles Envoy has loaded."""
        stats = get(self.admin_port, "/stats?filter=toolgate%5C.(config_reload|update_rejected)") or ""
        counts = dict(re.findall(r"(config_reload|update_rejected): (\d+)", stats))
        if int(counts.get("update_rejected", 0)):
            raise StageError(f"Envoy does not load the filter with this bundle; {self.directory}/envoy.log says why")
        return int(counts.get("config_reload", 0))

    def records(self) -> list[dict[str, Any]]:
        """All decision records so far, in the order in which Envoy wrote them."""
        lines = self.log("decisions.ndjson").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def executed(self) -> list[dict[str, Any]] | None:
        """All calls so far that reached a tool."""
        answer = get(self.tools_port, "/executed")
        return None if answer is None else json.loads(answer)

    def log(self, name: str) -> str:
        """The content of a log file."""
        file = self.directory / name
        return file.read_text(errors="replace") if file.exists() else ""

    def watch(self) -> None:
        """Waits while all processes run; raises an error when one ends."""
        while all(process.poll() is None for process in self._processes):
            time.sleep(0.2)
        raise StageError(f"a process ended by itself; see {self.directory}/*.log")

    def stop(self) -> None:
        """Stops all processes, Envoy first."""
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def _spawn(self, log: str, *command: str, variables: dict[str, str] | None = None) -> None:
        with (self.directory / log).open("wb") as output:
            # A new session, so that Ctrl-C only reaches this program, which then stops its processes in order.
            environment = os.environ | (variables or {})
            process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True, env=environment
            )
        self._processes.append(process)

    def _wait(self, ready: Callable[[], bool], log: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                tail = "".join(self.log(log).splitlines(keepends=True)[-15:])
                raise StageError(f"no answer; the end of {self.directory / log}:\n{tail}")
            time.sleep(0.05)


def render(template: str, deployment: dict[str, object]) -> str:
    """Envoy's configuration with the deployment's values."""
    missing = set(deployment)
    lines = []
    for line in template.splitlines():
        value, _, label = line.partition(" # deploy: ")
        if label in deployment and not line.lstrip().startswith("#"):
            missing.discard(label)
            line = re.sub(r"\b(port_value|path|filename): [^\s}]+", rf"\1: {deployment[label]}", value)
        lines.append(line)
    if missing:
        raise StageError(f"{ENVOY_CONFIG} has no `deploy:` value named {', '.join(sorted(missing))}")
    return "\n".join(lines) + "\n"


def free_ports(count: int) -> list[int]:
    """Ports without a listener at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def get(port: int, path: str) -> str | None:
    """The response to a GET on this machine; `None` while nothing is listening."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError:
        return None
    finally:
        connection.close()
