"""The measurements that compare contenders under load."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from parts import places, rounds
from parts.contenders import BEFORE, DECIDING, EXT_AUTHZ, FLOOR, NATIVE, OF_REQUESTS, PLAIN, TOOLGATE, Contender
from parts.load import Load
from parts.running import Bench, Running
from parts.scale import Scale

Detail = dict[str, Any]
# What toolgate adds / what the contender adds, in the same rounds.
OURS = "toolgate_over_it"
# The largest body is sent with fewer requests, as it would take most of the time otherwise.
BYTES_PER_ROUND = 50_000_000


def compare(bench: Bench, scale: Scale) -> Detail:
    """All contenders: CPU time per request, and throughput of one worker that is never idle."""
    with started(bench, map(Contender, scale.of(OF_REQUESTS))) as running:
        permitted = busy(running, lambda _: Load(bench.requests.permitted(), scale.count), scale)
        half = bench.requests.half_refused()

        def load(each: Running) -> Load:
            return Load(half, scale.count, forwarded=0.5 if each.contender.name in DECIDING else 1.0)

        return {"permitted": permitted, "half_refused": busy(running, load, scale)}


def latency(bench: Bench, scale: Scale) -> Detail:
    """All contenders at the same request rate: latency."""
    with started(bench, map(Contender, scale.of(OF_REQUESTS))) as running:
        count = round(scale.rate * scale.seconds)
        requests = bench.requests.permitted()
        rounds.warm(running, lambda _: Load(requests, 0), scale.warm)
        samples = rounds.interleave(running, lambda _: Load(requests, count, scale.rate), scale.rounds)
        shown = rounds.shown(samples, PLAIN, p50=rounds.p50, p99=rounds.p99, cpu=rounds.cpu)
        return {"rate": scale.rate, "contenders": shown}


def policies(bench: Bench, scale: Scale) -> Detail:
    """Toolgate with an increasing number of policies that are not about the call."""
    contenders = [Contender(PLAIN), *(Contender(TOOLGATE, count) for count in scale.policies)]
    with started(bench, contenders) as running:
        return busy(running, lambda _: Load(bench.requests.permitted(), scale.count), scale)


def bodies(bench: Bench, scale: Scale) -> Detail:
    """Requests of several lengths."""
    names = scale.of((PLAIN, FLOOR, NATIVE, TOOLGATE, BEFORE, EXT_AUTHZ))
    detail: Detail = {}
    with started(bench, map(Contender, names)) as running:
        for size in scale.bodies:
            requests = bench.requests.permitted(size)
            count = max(min(scale.count, BYTES_PER_ROUND // size), 100)
            load = Load(requests, count)
            sized = dataclasses.replace(scale, count=count, warm=min(scale.warm, count))
            detail[str(size)] = busy(running, lambda _, load=load: load, sized)  # type: ignore[misc]
    return detail


def workers(bench: Bench, scale: Scale) -> Detail:
    """One worker, and two that share the cores with everything else."""
    names = scale.of((PLAIN, FLOOR, NATIVE, TOOLGATE, EXT_AUTHZ))
    detail: Detail = {}
    for count, cores in ((1, places.ENVOY_CORES), (2, places.ALL_CORES)):
        with started(bench, map(Contender, names), workers=count, cores=cores) as running:
            detail[str(count)] = busy(running, lambda _: Load(bench.requests.permitted(), scale.count), scale)
    return detail


@contextmanager
def started(
    bench: Bench,
    contenders: Iterable[Contender],
    *,
    workers: int = 1,
    cores: frozenset[int] = places.ENVOY_CORES,
    **settings: Any,
) -> Iterator[dict[str, Running]]:
    """Starts all contenders, each in its own Envoy; only the measured one is under load."""
    with ExitStack() as stack:
        running = {}
        for each in contenders:
            label = each.name if each.policies == Contender(each.name).policies else f"{each.name}_{each.policies}"
            running[label] = stack.enter_context(bench.start(each, workers=workers, cores=cores, **settings))
        yield running


def busy(running: dict[str, Running], load: Callable[[Running], Load], scale: Scale) -> Detail:
    """The cost and the rate of a load that never lets a worker be idle."""
    rounds.warm(running, load, scale.warm)
    samples = rounds.interleave(running, load, scale.rounds)
    detail = rounds.shown(samples, PLAIN, cpu=rounds.cpu, rate=rounds.rate, p50=rounds.p50)
    if TOOLGATE in detail:
        for name in detail.keys() - {PLAIN}:
            detail[name]["cpu"][OURS] = rounds.ratio(samples, TOOLGATE, name, PLAIN, rounds.cpu).shown()
    return detail
