"""Rounds in which contenders take turns, so that other load on the machine affects all of them equally."""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from parts.load import Load
from parts.running import Running, Sample

Rounds = dict[str, list[Sample]]
Value = Callable[[Sample], float]
MICROSECOND = 1_000


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some measurements, and the range of their middle half."""

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
        """Rounded for the summary."""
        return {key: round(value, 3) for key, value in dataclasses.asdict(self).items()}


def interleave(running: Mapping[str, Running], load: Callable[[Running], Load], rounds: int) -> Rounds:
    """Sends every contender its load once per round, each round starting with another contender."""
    samples: Rounds = {name: [] for name in running}
    names = list(running)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(running[name].send(load(running[name])))
    return samples


def warm(running: Mapping[str, Running], load: Callable[[Running], Load], count: int) -> None:
    """Lets every contender finish its lazy compilation and fill its caches."""
    for each in running.values():
        each.send(dataclasses.replace(load(each), count=count, rate=None))


def cpu(sample: Sample) -> float:
    """Microseconds of CPU time per request."""
    return sample.cpu / MICROSECOND


def p50(sample: Sample) -> float:
    """The median latency in microseconds."""
    return sample.outcome.p50 / MICROSECOND


def p99(sample: Sample) -> float:
    """The 99th percentile of the latency in microseconds."""
    return sample.outcome.p99 / MICROSECOND


def rate(sample: Sample) -> float:
    """Responses per second."""
    return sample.outcome.rate


def spread(samples: list[Sample], value: Value) -> Spread:
    """The spread over all rounds."""
    return Spread.of(map(value, samples))


def added(samples: list[Sample], plain: list[Sample], value: Value) -> Spread:
    """The difference from plain proxying in the same round."""
    return Spread.of(value(each) - value(base) for each, base in zip(samples, plain, strict=True))


def ratio(rounds: Rounds, one: str, other: str, base: str, value: Value) -> Spread:
    """What one contender adds to `base` / what another one adds, in each round."""

    def each_added(name: str) -> Iterator[float]:
        return (value(each) - value(plain) for each, plain in zip(rounds[name], rounds[base], strict=True))

    return Spread.of(ours / theirs for ours, theirs in zip(each_added(one), each_added(other), strict=True))


def shown(rounds: Rounds, base: str, **values: Value) -> dict[str, Any]:
    """The values of every contender, and their difference from those of `base`."""
    return {
        name: {
            key: spread(samples, value).shown() | {"added": added(samples, rounds[base], value).shown()}
            for key, value in values.items()
        }
        for name, samples in rounds.items()
    }
