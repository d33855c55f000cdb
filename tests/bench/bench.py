"""The benchmark: compares toolgate with its alternatives in real Envoys.

Needs two cores on an otherwise idle machine. It writes target/bench/summary.json and target/bench/bench.svg.

    make bench                                                             everything
    PYTHONPATH=tests/e2e target/e2e/bench/bin/python tests/bench/bench.py --quick
    … bench.py --only compare latency --contenders plain floor toolgate     parts of it
"""

import argparse
import dataclasses
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parts import loading, places, plot, responses, series, summary
from parts.contenders import ALL, BEFORE, MEANING, PLAIN
from parts.running import Bench
from parts.scale import QUICK, Scale

MEASUREMENTS: dict[str, Callable[[Bench, Scale], dict[str, Any]]] = {
    "compare": series.compare,
    "latency": series.latency,
    "policies": series.policies,
    "bodies": series.bodies,
    "workers": series.workers,
    "responses": responses.responses,
    "configure": loading.configure,
    "memory": loading.memory,
    "pushes": loading.pushes,
}


def main() -> None:
    """Runs the selected measurements and prints the results."""
    options = _options()
    scale = QUICK if options.quick else Scale()
    known = set(ALL) if "TOOLGATE_WASM_BEFORE" in os.environ else set(ALL) - {BEFORE}
    wanted = known & {PLAIN, *options.contenders}
    scale = dataclasses.replace(scale, contenders=tuple(name for name in ALL if name in wanted))
    if options.rounds:
        scale = dataclasses.replace(scale, rounds=options.rounds)
    if options.policies:
        scale = dataclasses.replace(scale, policies=(10, *options.policies), loads=tuple(options.policies))
    places.build()
    detail: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, Bench(Path(directory)) as bench:
        for name in options.only or MEASUREMENTS:
            started = time.monotonic()
            detail[name] = MEASUREMENTS[name](bench, scale)
            print(f"\n{_tables(name, detail[name])}\n({name}: {time.monotonic() - started:.0f} s)", flush=True)
    result = summary.summarise(detail, places.TARGET / "steps.json")
    (places.TARGET / "summary.json").write_text(json.dumps(result, indent=1) + "\n")
    plot.draw(detail, places.TARGET / "bench.svg")
    if result["profile"]:
        print(f"\n{summary.profile(result)}")
    print(f"\n{summary.table(result)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Toolgate and its alternatives, side by side in real Envoys.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, for a first impression")
    parser.add_argument("--rounds", type=int, help="this many rounds, for a smaller difference")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="only these measurements")
    parser.add_argument("--contenders", nargs="+", choices=MEANING, default=ALL, help="only these, and plain")
    parser.add_argument("--policies", nargs="+", type=int, help="sizes of bundles besides ten")
    return parser.parse_args()


def _tables(name: str, detail: dict[str, Any]) -> str:
    """Prints the results of a measurement; times are microseconds."""
    if name in ("compare", "bodies", "workers", "responses"):
        return "\n\n".join(summary.contenders(f"{name} {key}", part) for key, part in detail.items())
    if name == "latency":
        return summary.contenders(name, detail["contenders"])
    if name == "policies":
        return summary.contenders(name, detail)
    return f"{name} {json.dumps(detail)}"


if __name__ == "__main__":
    main()
