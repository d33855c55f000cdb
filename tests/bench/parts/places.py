"""Where the benchmark keeps things, and which core runs what."""

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

# Envoy has one core for itself; everything around it shares the other one.
_CORES = sorted(os.sched_getaffinity(0))
ENVOY_CORES = frozenset(_CORES[:1])
OTHER_CORES = frozenset(_CORES[1:2] or _CORES[:1])
ALL_CORES = ENVOY_CORES | OTHER_CORES


def build() -> None:
    """Compile the helper and the filters that decide nothing."""
    _cargo("--release", "--package", "helper")
    _cargo("--profile", "wasm", "--target", "wasm32-wasip1", "--package", "floor", "--package", "calls")
    _lay_out(_WASM / "calls.wasm", CALLS)


def _cargo(*options: str) -> None:
    command = ["cargo", "build", "--locked", "--quiet", "--manifest-path", str(BENCH / "Cargo.toml")]
    # From the repository, since its settings of the compiler and the linker count here, too.
    subprocess.run([*command, "--target-dir", str(_CARGO), *options], cwd=paths.REPOSITORY, check=True)


def _lay_out(compiled: Path, filter_: Path) -> None:
    """As `make release` does it, without which Envoy would make calls to it that it does not make to toolgate."""
    command = ["cargo", "run", "--locked", "--quiet", "--package", "layout", "--", "apply"]
    arguments = [str(compiled), str(_PROFILE), str(filter_)]
    subprocess.run([*command, *arguments], cwd=paths.REPOSITORY, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def on(cores: frozenset[int]) -> Iterator[None]:
    """Whatever is started meanwhile runs on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
