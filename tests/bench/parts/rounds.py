"""Rounds in which contenders take turns, so that whatever else the machine does hits all of them alike."""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from parts.load import Load
from parts.running import Running, Sample

Rounds = dict[str, list[Sample]]
Value = Callable[[Sample], float]
MICROSECOND = 1_000


@dataclasses.dataclass(frozen=True)
class Spread:
    """The middle of some measurements, and between which values half of them lie."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """The spread of these values."""
        values = list(values)
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def shown(self) -> dict[str, float]:
        """Rounded, as the summary has it."""
        return {key: round(value, 2) for key, value in dataclasses.asdict(self).items()}


def interleave(running: Mapping[str, Running], load: Callable[[Running], Load], rounds: int) -> Rounds:
    """Send every contender its load, once in each round, and begin each round with another one."""
    samples: Rounds = {name: [] for name in running}
    names = list(running)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(running[name].send(load(running[name])))
    return samples


def warm(running: Mapping[str, Running], load: Callable[[Running], Load], count: int) -> None:
    """Let every contender compile and fill what it compiles and fills while it works."""
    for each in running.values():
        each.send(dataclasses.replace(load(each), count=count, rate=None))


def cpu(sample: Sample) -> float:
    """Microseconds of CPU time for a request."""
    return sample.cpu / MICROSECOND


def p50(sample: Sample) -> float:
    """Microseconds that half of the answers took at most."""
    return sample.outcome.p50 / MICROSECOND


def p99(sample: Sample) -> float:
    """Microseconds that 99 of 100 answers took at most."""
    return sample.outcome.p99 / MICROSECOND


def rate(sample: Sample) -> float:
    """Answers per second."""
    return sample.outcome.rate


def spread(samples: list[Sample], value: Value) -> Spread:
    """The spread over all rounds."""
    return Spread.of(map(value, samples))


def added(samples: list[Sample], plain: list[Sample], value: Value) -> Spread:
    """By how much it is more than plain proxying in the same round."""
    return Spread.of(value(each) - value(base) for each, base in zip(samples, plain, strict=True))


def shown(rounds: Rounds, base: str, **values: Value) -> dict[str, Any]:
    """Every value of every contender, and by how much it is more than that of `base`."""
    return {
        name: {
            key: spread(samples, value).shown() | {"added": added(samples, rounds[base], value).shown()}
            for key, value in values.items()
        }
        for name, samples in rounds.items()
    }
