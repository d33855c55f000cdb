"""The cost of loading and keeping a bundle: time, memory, and the latency of requests in the meantime."""

import statistics
import time
from typing import Any

from parts import organisation, places, running
from parts.contenders import TOOLGATE, Contender
from parts.load import Load
from parts.running import Bench, Running
from parts.scale import Scale

Detail = dict[str, Any]
EMPTY = 0
PUSHED = 10_000
WORKERS = (1, 4)
MIB = 1024 * 1024
MILLISECOND = 1_000_000
# The interval between pushes, so that each one ends before the next.
PAUSE = 1.0


def configure(bench: Bench, scale: Scale) -> Detail:
    """How long a worker is busy with a pushed bundle: its VM's `on_configure` and Envoy's part around it."""
    detail: Detail = {}
    for policies in scale.loads:
        with bench.start(Contender(TOOLGATE, EMPTY)) as each:
            loaded = [_push(each, policies) for _ in range(scale.pushes)]
            detail[str(policies)] = {
                "worker_ms": statistics.median(worker for worker, _ in loaded) / MILLISECOND,
                "main_ms": statistics.median(main for _, main in loaded) / MILLISECOND,
            }
    return detail


def memory(bench: Bench, scale: Scale) -> Detail:
    """Envoy's growth per additional worker and VM, compared with that of an empty bundle."""
    sizes = {
        policies: [_size(bench, scale, policies, workers) for workers in WORKERS] for policies in (EMPTY, *scale.loads)
    }
    few, many = WORKERS
    grown = {policies: (large - small) / (many - few) / MIB for policies, (small, large) in sizes.items()}
    return {
        str(policies): {"mib": grown[policies] - grown[EMPTY], "whole_envoy_mib": sizes[policies][0] / MIB}
        for policies in scale.loads
    }


def _size(bench: Bench, scale: Scale, policies: int, workers: int) -> int:
    with bench.start(Contender(TOOLGATE, policies), workers=workers, cores=places.ALL_CORES) as each:
        each.send(Load(bench.requests.permitted(), scale.warm))
        return running.resident(each.envoy.pid)


def pushes(bench: Bench, scale: Scale) -> Detail:
    """The slowest responses at a steady rate, without pushes and with one every second."""
    policies = min(PUSHED, max(scale.loads))
    for each_size in (policies, policies + 1):
        _resource(each_size)
    with bench.start(Contender(TOOLGATE, policies)) as each:
        running.leave_core_to_workers(each.envoy.pid)
        count = round(scale.rate * scale.pushes * PAUSE)
        load = Load(bench.requests.permitted(), count, scale.rate)
        each.send(Load(bench.requests.permitted(), scale.warm))
        steady = load.send(each.envoy.port)
        with places.on(places.OTHER_CORES):
            process = load.start(each.envoy.port)
        for number in range(scale.pushes):
            time.sleep(PAUSE / 2)
            # A different bundle each time, since Envoy ignores an unchanged one.
            each.envoy.push(_resource(policies + (number + 1) % 2))
            time.sleep(PAUSE / 2)
        answer, _ = process.communicate()
        pushed = load.outcome(process.returncode, answer)
        each.envoy.wait_for_success(2)
    return {
        "policies": policies,
        "rate": scale.rate,
        "steady_p999_us": steady.p999 / 1_000,
        "pushed_p999_us": pushed.p999 / 1_000,
        "steady_max_us": steady.max / 1_000,
        "pushed_max_us": pushed.max / 1_000,
    }


def _push(each: Running, policies: int) -> tuple[int, int]:
    """Pushes the bundle, then the empty one; returns how long worker and main thread were busy with the first."""
    before = running.thread_times(each.envoy.pid)
    updates = each.envoy.discovery("update_success")
    each.envoy.push(_resource(policies))
    each.envoy.wait_for_success(updates + 1)
    settle(each)
    after = running.thread_times(each.envoy.pid)
    each.envoy.push(_resource(EMPTY))
    each.envoy.wait_for_success(updates + 2)
    settle(each)
    spent = {name: after[name] - before.get(name, 0) for name in after}
    worker = sum(time for name, time in spent.items() if name.startswith(running.WORKER))
    main = spent[f"envoy/{each.envoy.pid}"]
    return worker, main


def _resource(policies: int) -> bytes:
    return organisation.resource(organisation.bundle(policies))


def settle(each: Running) -> None:
    """Waits until Envoy is idle."""
    while True:
        before = running.cpu_time(each.envoy.pid)
        time.sleep(0.1)
        if running.cpu_time(each.envoy.pid) - before < 2 * MILLISECOND:
            return
