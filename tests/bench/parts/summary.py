"""Compares the results with the goals."""

import dataclasses
import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

Detail = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Goal:
    """A goal for one number."""

    key: str
    meaning: str
    must: float
    aim: float | None = None
    at_least: bool = False

    def met(self, value: float | None) -> str:
        """Whether the value meets the goal or even its aim."""
        if value is None:
            return "not measured"
        reaches = operator.ge if self.at_least else operator.le
        if self.aim is not None and reaches(value, self.aim):
            return "aim met"
        return "met" if reaches(value, self.must) else "NOT MET"


GOALS = (
    Goal("cpu_vs_native_mcp_rbac", "added CPU / that of Envoy's mcp and rbac filters", 1.5, 1.0),
    Goal("cpu_vs_floor", "added CPU / that of an empty filter that reads the body", 2.2, 1.5),
    Goal("p99_vs_ext_authz", "added p99 / that of ext_authz at the same rate", 0.3, 0.15),
    Goal("cpu_vs_ext_authz", "added CPU / that of ext_authz and its sidecar", 0.4, 0.2),
    Goal("cpu_vs_before", "added CPU / that of an earlier build, in the same round", 1.02),
    Goal("memory_vs_none", "added CPU with a history and budgets / without", 1.25),
    Goal("list_vs_ext_proc", "added CPU of a list of 50 tools / that of ext_proc and its sidecar", 0.5),
    Goal("masked_vs_ext_proc", "added CPU of a masked result / that of ext_proc and its sidecar", 0.5),
    Goal("flat_100k", "added CPU with 100,000 policies / with 10", 1.25, 1.05),
    Goal("vs_cedar_10k", "Cedar's authorizer / toolgate, in one process, 10,000 policies", 200, 1_000, at_least=True),
    Goal("configure_ms_10k", "a worker loads 10,000 policies, ms", 50, 5),
    Goal("configure_ms_100k", "a worker loads 100,000 policies, ms", 400, 50),
    Goal("push_stall_p999", "p99.9 while bundles are pushed / without", 3, 1.2),
    Goal("vm_mib_10k", "memory of a VM for 10,000 policies, MiB", 24, 6),
    Goal("vm_mib_100k", "memory of a VM for 100,000 policies, MiB", 200, 48),
)


def summarise(detail: Detail, steps: Path) -> Detail:
    """Every key of the goals, null if it was not measured, and the underlying details."""
    numbers = {goal.key: _value(_SOURCES[goal.key], detail) for goal in GOALS if goal.key in _SOURCES}
    in_process = json.loads(steps.read_text()) if steps.exists() else {}
    numbers["vs_cedar_10k"] = in_process.get("vs_cedar_10k")
    return {goal.key: numbers[goal.key] for goal in GOALS} | {"profile": _profile(detail), "detail": detail}


def table(summary: Detail) -> str:
    """The goals, one per line."""
    rows: list[tuple[str, ...]] = [("key", "value", "must", "aim", "", "what it is")]
    for goal in GOALS:
        value, sign = summary[goal.key], ">=" if goal.at_least else "<="
        aim = "" if goal.aim is None else f"{sign} {goal.aim:g}"
        number = "-" if value is None else f"{value:.4g}"
        rows.append((goal.key, number, f"{sign} {goal.must:g}", aim, goal.met(value), goal.meaning))
    return columns(rows)


def profile(summary: Detail) -> str:
    """The added CPU time of a call by part, in microseconds."""
    parts = summary["profile"].items()
    return columns([("where added CPU time goes", "us"), *((name, f"{value:.1f}") for name, value in parts)])


def columns(rows: list[tuple[str, ...]]) -> str:
    """Text in aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def contenders(title: str, detail: Detail) -> str:
    """A measurement as a table: medians, and in brackets the range of the middle half of the rounds."""
    rows: list[tuple[str, ...]] = []
    for name, values in detail.items():
        if not rows:
            heads = (f"{key}{part}" for key in values for part in ("", " added"))
            rows.append((title, "toolgate's added cpu / its", *heads))
        spreads = (text for value in values.values() for text in (_shown(value), _shown(value["added"])))
        rows.append((name, _ratio(values.get("cpu", {}).get("toolgate_over_it")), *spreads))
    return columns(rows)


def _shown(spread: dict[str, Any]) -> str:
    return f"{spread['median']:.1f} [{spread['low']:.1f} {spread['high']:.1f}]"


def _ratio(spread: dict[str, Any] | None) -> str:
    return f"{spread['median']:.3f} [{spread['low']:.3f} {spread['high']:.3f}]" if spread else ""


def _profile(detail: Detail) -> dict[str, float]:
    """The cost of each part is the difference between a filter with it and one without it."""
    try:
        permitted = detail["compare"]["permitted"]
        floor, calls, toolgate = (_added(permitted, name) for name in ("floor", "calls", "toolgate"))
    except KeyError:
        return {}
    return {
        "a filter in Wasm that reads the body": round(floor, 1),
        "calls to Envoy: to hear of the request, and to leave evidence of the decision": round(calls - floor, 1),
        "the decision and the record, with code that the processor has to learn anew": round(toolgate - calls, 1),
    }


def _value(source: Callable[[Detail], float], detail: Detail) -> float | None:
    try:
        return round(source(detail), 3)
    except KeyError:
        return None


def _added(detail: Detail, name: str, value: str = "cpu") -> float:
    return float(detail[name][value]["added"]["median"])


def _cpu(detail: Detail, other: str) -> float:
    permitted = detail["compare"]["permitted"]
    return _added(permitted, "toolgate") / _added(permitted, other)


def _response(detail: Detail, what: str) -> float:
    return _paired(detail["responses"][what], "ext_proc")


def _paired(contenders: Detail, other: str) -> float:
    return float(contenders[other]["cpu"]["toolgate_over_it"]["median"])


def _p99(detail: Detail) -> float:
    contenders = detail["latency"]["contenders"]
    return _added(contenders, "toolgate", "p99") / _added(contenders, "ext_authz", "p99")


_SOURCES: dict[str, Callable[[Detail], float]] = {
    "cpu_vs_native_mcp_rbac": lambda detail: _cpu(detail, "native"),
    "cpu_vs_floor": lambda detail: _cpu(detail, "floor"),
    "p99_vs_ext_authz": _p99,
    "cpu_vs_ext_authz": lambda detail: _cpu(detail, "ext_authz"),
    "cpu_vs_before": lambda detail: _paired(detail["compare"]["permitted"], "toolgate_before"),
    "memory_vs_none": lambda detail: 1 / _paired(detail["compare"]["permitted"], "toolgate_remembering"),
    "list_vs_ext_proc": lambda detail: _response(detail, "list"),
    "masked_vs_ext_proc": lambda detail: _response(detail, "masked"),
    "flat_100k": lambda detail: _added(detail["policies"], "toolgate_100000") / _added(detail["policies"], "toolgate"),
    "configure_ms_10k": lambda detail: float(detail["configure"]["10000"]["worker_ms"]),
    "configure_ms_100k": lambda detail: float(detail["configure"]["100000"]["worker_ms"]),
    "push_stall_p999": lambda detail: detail["pushes"]["pushed_p999_us"] / detail["pushes"]["steady_p999_us"],
    "vm_mib_10k": lambda detail: float(detail["memory"]["10000"]["mib"]),
    "vm_mib_100k": lambda detail: float(detail["memory"]["100000"]["mib"]),
}
