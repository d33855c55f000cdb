"""Drives published clients, each in its own environment.

A client reads one JSON job from stdin: url, token, transport (`http` or `sse`), mode (`legacy`, `auto` or a protocol
version) and calls.
It prints one JSON line with the protocol version and the tools, then one per call: `result` or `exception`, and the
`seconds` that it took.
"""

import json
import subprocess
from collections.abc import Sequence
from typing import Any, NamedTuple

from harness import paths

# The clients, and where they are installed.
ENVIRONMENTS = {
    "py1": "mcp1",
    "py2": "mcp2",
    "ts1": "ts1",
    "ts2": "ts2",
    "inspector": "inspector",
    "fastmcp": "fastmcp",
    "langchain": "langchain",
}


class Call(NamedTuple):
    """A tool call to make."""

    tool: str
    arguments: dict[str, Any]


class Report(NamedTuple):
    """The results of a session."""

    # `None` if the client does not say.
    protocol: str | None
    tools: list[str]
    outcomes: list[dict[str, Any]]


def run_session(
    client: str, *, url: str, token: str, calls: Sequence[Call], mode: str = "legacy", transport: str = "http"
) -> Report:
    """Runs one session with a client of `ENVIRONMENTS`; raises an error if the client crashes."""
    made = [call._asdict() for call in calls]
    job = {"url": url, "token": token, "transport": transport, "mode": mode, "calls": made}
    result = subprocess.run(
        _command(client), input=json.dumps(job), capture_output=True, text=True, timeout=60, check=False
    )
    if result.returncode != 0:
        raise RuntimeError(f"{client} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    opened, *outcomes = [json.loads(line) for line in result.stdout.splitlines()]
    return Report(opened["protocol"], opened["tools"], outcomes)


def _command(client: str) -> list[str]:
    environment = ENVIRONMENTS[client]
    if (paths.CLIENTS / f"{client}.py").exists():
        # -P: some scripts have the name of the package that they use.
        return [str(paths.python(environment)), "-P", str(paths.CLIENTS / f"{client}.py")]
    # The scripts are links in the directory of their packages, and Node must not resolve them.
    script = paths.INSTALLED / environment / "client.mjs"
    return [str(paths.node()), "--preserve-symlinks", "--preserve-symlinks-main", str(script)]
