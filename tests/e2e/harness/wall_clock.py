"""A wall clock for one process, which a test sets; its monotonic clock stays that of the machine."""

import mmap
import struct
import subprocess
from pathlib import Path

from harness import paths

SOURCE = paths.E2E / "harness" / "wall_clock.c"
SECONDS = struct.Struct("@q")


class WallClock:
    """The wall clock of the process that is started with its `variables`."""

    def __init__(self, directory: Path) -> None:
        self._library = directory / "wall_clock.so"
        self._file = directory / "wall_clock"
        self._file.write_bytes(SECONDS.pack(0))
        with self._file.open("r+b") as file:
            self._ahead = mmap.mmap(file.fileno(), SECONDS.size)
        command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(self._library), str(SOURCE)]
        subprocess.run(command, check=True)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the process."""
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK": str(self._file)}

    def set(self, ahead: int) -> None:
        """Sets it to so many seconds after the time of the machine, or before it."""
        SECONDS.pack_into(self._ahead, 0, ahead)
