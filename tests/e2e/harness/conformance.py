"""Runs the official conformance suite (`@modelcontextprotocol/conformance`) against a server."""

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from harness import paths

PACKAGE = "@modelcontextprotocol/conformance"

# Not judgments: remarks, and checks that do not apply to the server.
REMARKS = {"INFO", "SKIPPED"}


class Suite(NamedTuple):
    """A release of the suite, and the revision of MCP that its scenarios use."""

    environment: str
    # `None`: every scenario uses a revision of its choice.
    revision: str | None


class Score(NamedTuple):
    """The checks of a scenario: how many pass, and why the others fail."""

    passed: int
    failed: frozenset[str]

    def __str__(self) -> str:
        total = self.passed + len(self.failed)
        return f"{self.passed} of {total}" if total else "no checks"


def run(suite: Suite, url: str, directory: Path) -> dict[str, Score]:
    """The score of every scenario, in the order of the suite."""
    script = paths.INSTALLED / suite.environment / "node_modules" / PACKAGE / "dist/index.js"
    command = [str(paths.node()), str(script), "server", "--url", url, "--suite", "all", "--output-dir", str(directory)]
    command += ["--spec-version", suite.revision] if suite.revision else []
    # Its exit code says whether all scenarios passed, which is for the caller to judge.
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    scenarios = re.findall(r"^=== Running scenario: (\S+) ===$", ran.stdout, re.MULTILINE)
    assert scenarios, ran.stdout + ran.stderr
    return {scenario: _score(directory, scenario) for scenario in scenarios}


def _score(directory: Path, scenario: str) -> Score:
    [file] = directory.glob(f"server-{scenario}-[0-9]*/checks.json")
    checks = [check for check in json.loads(file.read_text()) if check["status"] not in REMARKS]
    failed = [check for check in checks if check["status"] != "SUCCESS"]
    return Score(len(checks) - len(failed), frozenset(f"{each['id']}: {each.get('errorMessage')}" for each in failed))
