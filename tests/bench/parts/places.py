"""The paths of the benchmark, and the assignment of processes to cores."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import paths

BENCH = Path(__file__).resolve().parents[1]
TARGET = paths.TARGET / "bench"
RESULTS = TARGET / "results"
_CARGO = TARGET / "cargo"

HELPER = _CARGO / "release" / "helper"
_WASM = _CARGO / "wasm32-wasip1" / "wasm"
FLOOR = _WASM / "floor.wasm"
CALLS = TARGET / "calls.wasm"

_PROFILE = paths.REPOSITORY / "envoy" / "layout" / "profile.txt"

# Envoy has a core of its own; everything else shares the other one.
_CORES = sorted(os.sched_getaffinity(0))
ENVOY_CORES = frozenset(_CORES[:1])
OTHER_CORES = frozenset(_CORES[1:2] or _CORES[:1])
ALL_CORES = ENVOY_CORES | OTHER_CORES


def build() -> None:
    """Compiles the helper and the filters that decide nothing."""
    _cargo("--release", "--package", "helper")
    _cargo("--profile", "wasm", "--target", "wasm32-wasip1", "--package", "floor", "--package", "calls")
    _lay_out(_WASM / "calls.wasm", CALLS)


def _cargo(*options: str) -> None:
    command = ["cargo", "build", "--locked", "--quiet", "--manifest-path", str(BENCH / "Cargo.toml")]
    # Run in the repository, since its compiler and linker settings apply here, too.
    subprocess.run([*command, "--target-dir", str(_CARGO), *options], cwd=paths.REPOSITORY, check=True)


def _lay_out(compiled: Path, filter_: Path) -> None:
    """Lays out the filter as `make release` does; otherwise Envoy would call callbacks that toolgate does not have."""
    command = ["cargo", "run", "--locked", "--quiet", "--package", "layout", "--", "apply"]
    arguments = [str(compiled), str(_PROFILE), str(filter_)]
    subprocess.run([*command, *arguments], cwd=paths.REPOSITORY, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def on(cores: frozenset[int]) -> Iterator[None]:
    """Runs all processes started in this context on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
