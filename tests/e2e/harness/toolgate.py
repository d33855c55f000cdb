"""Runs the command."""

import subprocess

from harness import paths


def run(*arguments: str) -> str:
    """What the command writes to stdout; raises an error with everything that it says if it fails."""
    ran = attempt(*arguments)
    assert ran.returncode == 0, f"`toolgate {' '.join(arguments)}`: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def attempt(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The outcome of the command."""
    command = [str(paths.TOOLGATE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
