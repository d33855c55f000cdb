"""Reads `through_envoy.yaml`: the cases whose outcome differs because Envoy processes the request before the filter."""

from functools import cache
from typing import Any

import yaml

from harness import cases, paths
from harness.cases import Case

FILE = paths.E2E / "through_envoy.yaml"
AS_WRITTEN = "as written"
RESET = "reset"
PROTOCOLS = ("h1", "h2")


def outcomes(case: Case) -> dict[str, list[Any]]:
    """The outcomes of a case by protocol: its own, unless the table has a status of Envoy's or another outcome."""
    expected = {protocol: [case.expect] for protocol in PROTOCOLS}
    entry = _table().get((case.file, case.name), {})
    for protocol, given in entry.items():
        if protocol in PROTOCOLS:
            alternatives = given if isinstance(given, list) else [given]
            expected[protocol] = [case.expect if each == AS_WRITTEN else each for each in alternatives]
    return expected


@cache
def _table() -> dict[tuple[str, str], dict[str, Any]]:
    """The table by file and name; an entry for a case that does not exist, or a duplicate, is an error."""
    table: dict[tuple[str, str], dict[str, Any]] = {}
    known = {(case.file, case.name) for case in cases.load()}
    for file, groups in yaml.safe_load(FILE.read_text()).items():
        for group in groups:
            for name in group["cases"]:
                if (file, name) not in known or (file, name) in table:
                    raise ValueError(f"{FILE.name}: `{name}` is not a case of {file}, or stands there twice")
                table[file, name] = group
    return table
