"""Plots the measurements."""

from pathlib import Path
from typing import Any

import matplotlib

from parts.contenders import MEANING, PLAIN

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

Detail = dict[str, Any]
GREY = "#8a8f98"
OURS = "#2563eb"


def draw(detail: Detail, file: Path) -> None:
    """Draws the measurements that exist."""
    painters = {"compare": _compare, "latency": _latency, "policies": _policies, "bodies": _bodies}
    panels = [(name, paint) for name, paint in painters.items() if name in detail]
    if not panels:
        return
    figure, axes = pyplot.subplots(len(panels), figsize=(9, 3.2 * len(panels)), squeeze=False)
    for axis, (name, paint) in zip(axes.flat, panels, strict=True):
        paint(axis, detail[name])
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(file)


def _compare(axis: Any, detail: Detail) -> None:
    _bars(axis, detail["permitted"], "cpu", "added CPU time per request, one worker, ten policies (µs)")


def _latency(axis: Any, detail: Detail) -> None:
    _bars(axis, detail["contenders"], "p99", f"added p99 at {detail['rate']:g} requests per second (µs)")


def _bars(axis: Any, contenders: Detail, value: str, title: str) -> None:
    names = [name for name in contenders if name != PLAIN][::-1]
    added = [contenders[name][value]["added"] for name in names]
    medians = [each["median"] for each in added]
    errors = [[each["median"] - each["low"] for each in added], [each["high"] - each["median"] for each in added]]
    colours = [OURS if name.startswith("toolgate") else GREY for name in names]
    axis.barh([MEANING[name] for name in names], medians, xerr=errors, color=colours)
    axis.set_title(title, loc="left")


def _policies(axis: Any, detail: Detail) -> None:
    names = [name for name in detail if name != PLAIN]
    counts = [int(name.rpartition("_")[2]) if "_" in name else 10 for name in names]
    axis.plot(counts, [detail[name]["cpu"]["added"]["median"] for name in names], "o-", color=OURS)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_title("toolgate: added CPU time per request by policies (µs)", loc="left")


def _bodies(axis: Any, detail: Detail) -> None:
    sizes = list(detail)
    for name in (name for name in detail[sizes[0]] if name != PLAIN):
        added = [detail[size][name]["cpu"]["added"]["median"] for size in sizes]
        colour = OURS if name.startswith("toolgate") else None
        axis.plot([int(size) for size in sizes], added, "o-", color=colour, label=MEANING[name])
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.legend(frameon=False)
    axis.set_title("added CPU time per request by bytes of the body (µs)", loc="left")
