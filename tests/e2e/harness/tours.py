"""The tour: everything that a client of an official SDK does with a server of one."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import randrange
from typing import Any, NamedTuple
from uuid import uuid4

from harness import paths
from harness.offers import NoteServer
from harness.tool_server import ToolServer

TOUR = paths.CLIENTS / "tour"
# The steps, as the scripts in `clients` and the page name them.
STEPS = {
    "initialize": "initialize",
    "tools": "list of tools, in pages",
    "add": "call",
    "find_person": "call of a tool with a label",
    "count": "progress",
    "fail": "tool that fails",
    "cancel": "cancellation",
    "ask_person": "elicitation in a call",
    "ask_model": "sampling in a call",
    "resources": "list of resources",
    "templates": "list of templates",
    "read": "resource",
    "read_nothing": "resource that is not there",
    "subscribe": "subscription to a resource",
    "prompts": "list of prompts",
    "prompt": "prompt",
    "task": "task",
    "hang_up": "stream that breaks, resumed",
}
# What a server that answers as JSON cannot do.
STREAMED = {"count", "ask_person", "ask_model", "hang_up"}
# The Rust SDK has no way to break a stream off.
MISSING = {"rmcp": {"hang_up"}}


class Client(NamedTuple):
    """A client, and its way to connect."""

    environment: str
    mode: str

    @property
    def sign(self) -> str:
        """Its name on the page."""
        return self.environment if self.mode == "legacy" else f"{self.environment} {self.mode}"


CLIENTS = [
    *(Client("mcp1", "legacy"), Client("mcp2", "legacy"), Client("mcp2", "auto")),
    *(Client("ts1", "legacy"), Client("ts2", "legacy"), Client("ts2", "auto")),
]
SERVERS = ["mcp1", "mcp2", "ts1", "ts2", "rmcp"]


class Tour(NamedTuple):
    """One session with every step."""

    url: str
    token: str
    as_json: bool


# The outcome of each step that the SDKs have.
Outcomes = dict[str, Any]


@contextmanager
def server(environment: str, log: Path) -> Iterator[int]:
    """The tour's server of this SDK; it listens at the port."""
    if environment.startswith("mcp"):
        with ToolServer(environment, log, script=TOUR / "server.py") as served:
            yield served.port
    else:
        with NoteServer(environment, script="tour_server.mjs") as served:
            yield served.port


def take(client: Client, server: str, tours: Sequence[Tour]) -> list[Outcomes]:
    """Takes all tours at once."""
    jobs = []
    for tour in tours:
        without = MISSING.get(server, set()) | (STREAMED if tour.as_json else set())
        steps = [step for step in STEPS if step not in without]
        # The Python SDKs tell the streams of all sessions apart by the ids of requests.
        ids = {"key": str(uuid4()), "first_id": randrange(10**9)}
        jobs.append({"url": tour.url, "token": tour.token, "mode": client.mode, "steps": steps, **ids})
    ran = subprocess.run(
        _command(client.environment), input=json.dumps(jobs), capture_output=True, text=True, timeout=180, check=False
    )
    assert ran.returncode == 0, f"{client} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    outcomes: list[Outcomes] = [{} for _ in tours]
    for line in ran.stdout.splitlines():
        told = json.loads(line)
        outcomes[told["tour"]][told["step"]] = told["outcome"]
    return outcomes


def _command(environment: str) -> list[str]:
    if environment.startswith("mcp"):
        return [str(paths.python(environment)), "-W", "ignore", str(TOUR / "client.py")]
    # The scripts are links in the directory of their packages, and Node must not resolve them.
    script = paths.INSTALLED / environment / "tour_client.mjs"
    return [str(paths.node()), "--preserve-symlinks", "--preserve-symlinks-main", str(script)]
