"""Generates load: as fast as responses arrive, or at a fixed rate."""

import dataclasses
import json
import subprocess
from pathlib import Path

from parts import places

# Enough to keep one worker busy, and no more.
BUSY = 8
# Enough that no request is late because all connections are waiting.
PLENTY = 64


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The results of a load. Times are nanoseconds from the time when a request was due."""

    count: int
    seconds: float
    forwarded: int
    statuses: dict[str, int]
    p50: int
    p90: int
    p99: int
    p999: int
    max: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.count / self.seconds


@dataclasses.dataclass(frozen=True)
class Load:
    """This many requests, taken in turn from these files."""

    requests: list[Path]
    count: int
    # Requests per second; without it, as many as are answered.
    rate: float | None = None
    # The fraction of the requests that reaches the server.
    forwarded: float = 1.0

    def send(self, port: int) -> Outcome:
        """Sends the load to this port; fails if the results are not as expected."""
        with places.on(places.OTHER_CORES):
            process = self.start(port)
        answer, _ = process.communicate()
        return self.outcome(process.returncode, answer)

    def start(self, port: int) -> "subprocess.Popen[str]":
        """Starts to send the load."""
        command = [str(places.HELPER), "load", "--address", f"127.0.0.1:{port}", "--count", str(self.count)]
        command += ["--connections", str(PLENTY if self.rate else BUSY)]
        command += ["--rate", str(self.rate)] if self.rate else []
        for request in self.requests:
            command += ["--request", str(request)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def outcome(self, code: int, answer: str) -> Outcome:
        """Parses and checks the results of the load."""
        if code != 0:
            raise RuntimeError("the load failed")
        outcome = Outcome(**json.loads(answer))
        expected = round(self.count * self.forwarded)
        if outcome.count != self.count or abs(outcome.forwarded - expected) > 1:
            raise RuntimeError(f"{expected} of {self.count} requests should have been forwarded: {outcome}")
        return outcome
