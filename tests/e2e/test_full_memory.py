"""More people call than memory has room for: it stays bounded, and nobody gains by it."""

from pathlib import Path

from harness import full_memory
from harness.full_memory import MEBIBYTE

# The least that a bundle can have, which half of the crowd fills.
MEMORY = 8 * MEBIBYTE
CROWD = 40_000


def test_a_crowd_fills_memory_and_nobody_gains(tmp_path: Path) -> None:
    full_memory.check(full_memory.run(tmp_path, CROWD, MEMORY), MEMORY)
