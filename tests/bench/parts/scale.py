"""The sizes of the measurements."""

import dataclasses
from collections.abc import Iterable

from parts.contenders import ALL


@dataclasses.dataclass(frozen=True)
class Scale:
    """All sizes of the measurements."""

    rounds: int = 7
    # The number of requests of a round without a fixed rate, and before the first round.
    count: int = 3_000
    warm: int = 3_000
    # A round at a fixed rate.
    rate: float = 1_000.0
    seconds: float = 3.0
    contenders: tuple[str, ...] = ALL
    policies: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    bodies: tuple[int, ...] = (300, 1_000, 10_000, 100_000, 1_000_000)
    # Bundles whose loading is measured.
    loads: tuple[int, ...] = (10_000, 100_000)
    pushes: int = 10

    def of(self, names: Iterable[str]) -> list[str]:
        """Those of the contenders that are selected."""
        return [name for name in names if name in self.contenders]


QUICK = Scale(
    rounds=3,
    count=2_000,
    warm=2_000,
    seconds=2.0,
    policies=(10, 1_000),
    bodies=(300, 10_000, 1_000_000),
    loads=(1_000,),
    pushes=3,
)
