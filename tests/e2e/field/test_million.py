"""A million people call through one Envoy, and fill its memory several times over."""

from pathlib import Path

from harness import full_memory
from harness.full_memory import MEBIBYTE

# What a bundle has unless it says otherwise.
MEMORY = 64 * MEBIBYTE
# A quarter of them fills it.
CROWD = 1_000_000


def test_a_million_people_fill_memory_and_nobody_gains(tmp_path: Path) -> None:
    full_memory.check(full_memory.run(tmp_path, CROWD, MEMORY), MEMORY)
