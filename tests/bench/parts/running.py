"""Runs Envoys with their contenders, the upstream and the sidecar, and measures their CPU time."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.tokens import TokenIssuer

from parts import organisation, places
from parts.contenders import REMEMBERING, Contender
from parts.load import Load, Outcome
from parts.requests import Requests

WORKER = "wrk:worker"


class Bench:
    """One upstream and one identity provider, shared by all contenders; a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._issuer = TokenIssuer()
        self.requests = Requests(directory / "requests", self._issuer)
        self._stack = ExitStack()

    def __enter__(self) -> "Bench":
        self._upstream = int(self._stack.enter_context(_helper("upstream"))[1])
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def upstream(self, answer: dict[str, Any]) -> int:
        """Starts another upstream, which gives this answer to everything; returns its port."""
        file = self._directory / "answers" / f"{len(list(self._directory.iterdir()))}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(answer))
        return int(self._stack.enter_context(_helper("upstream", "--answer", str(file)))[1])

    @contextmanager
    def start(
        self,
        contender: Contender,
        *,
        bundle: Path | None = None,
        upstream: int | None = None,
        workers: int = 1,
        cores: frozenset[int] = places.ENVOY_CORES,
        sidecar_cores: frozenset[int] = places.OTHER_CORES,
    ) -> Iterator["Running"]:
        """Starts an Envoy with this contender, by default with the bundle of its size and the shared upstream."""
        directory = self._fresh_directory(contender)
        bundle = bundle or organisation.bundle(contender.policies, remembers=contender.name == REMEMBERING)
        socket = directory / "sidecar"
        with ExitStack() as stack:
            processes = []
            if contender.asks_sidecar:
                arguments = ("sidecar", "--bundle", str(bundle), "--socket", str(socket))
                process, _ = stack.enter_context(_helper(*arguments, cores=sidecar_cores))
                processes.append(process.pid)
            resource = b""
            if contender.loads_bundle:
                resource = organisation.resource(bundle, contender.wasm, contender.command)
            setup = Setup(upstream or self._upstream, self._issuer.jwks(), shape=contender.shape(socket))
            with places.on(cores):
                envoy = stack.enter_context(Envoy(directory, setup, resource, workers=workers))
            yield Running(contender, envoy, [envoy.pid, *processes])

    def _fresh_directory(self, contender: Contender) -> Path:
        number = len(list(self._directory.iterdir()))
        directory = self._directory / f"{contender.name}-{contender.policies}-{number}"
        directory.mkdir()
        return directory


class Running:
    """A contender that is ready."""

    def __init__(self, contender: Contender, envoy: Envoy, processes: list[int]) -> None:
        self.contender = contender
        self.envoy = envoy
        self._processes = processes

    def send(self, load: Load) -> "Sample":
        """Sends a load and measures its cost."""
        before = self.cpu()
        outcome = load.send(self.envoy.port)
        return Sample((self.cpu() - before) / outcome.count, outcome)

    def cpu(self) -> int:
        """Nanoseconds of CPU time used by Envoy and the sidecar, if there is one."""
        return sum(cpu_time(process) for process in self._processes)


class Sample:
    """One round: CPU time per request over all processes of the contender, and the results of the load."""

    def __init__(self, cpu: float, outcome: Outcome) -> None:
        self.cpu = cpu
        self.outcome = outcome


def leave_core_to_workers(process: int) -> None:
    """Moves all threads of an Envoy except its workers to the core of the load, and gives the load priority."""
    for task in Path(f"/proc/{process}/task").iterdir():
        if not (task / "comm").read_text().startswith(WORKER):
            os.sched_setaffinity(int(task.name), places.OTHER_CORES)
            os.sched_setscheduler(int(task.name), os.SCHED_IDLE, os.sched_param(0))


def cpu_time(process: int) -> int:
    """Nanoseconds of CPU time of all threads of a process."""
    return sum(thread_times(process).values())


def thread_times(process: int) -> dict[str, int]:
    """Nanoseconds of CPU time of each thread of a process, by name and id."""
    times = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        name = (task / "comm").read_text().strip()
        times[f"{name}/{task.name}"] = int((task / "schedstat").read_text().split()[0])
    return times


def resident(process: int) -> int:
    """The private memory of a process in bytes."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line.split()[0])
    return int(fields["Anonymous"].split()[0]) * 1024


@contextmanager
def _helper(*arguments: str, cores: frozenset[int] = places.OTHER_CORES) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Starts a long-running part of the helper, and reads the line that reports its readiness."""
    with places.on(cores):
        process = subprocess.Popen([str(places.HELPER), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"`helper {' '.join(arguments)}` did not start")
        yield process, line
    finally:
        process.kill()
        process.wait()
