"""Reads the `toolgate-decision` header, an RFC 9651 item with parameters."""

import re
from typing import NamedTuple

_PARAMETER = re.compile(
    r';(?P<key>[a-z*][a-z0-9_.*-]*)=(?:"(?P<string>(?:[^"\\]|\\["\\])*)"|(?P<token>[A-Za-z*][^\s;,"]*))'
)


class Decision(NamedTuple):
    """What the header says."""

    decision: str
    reason: str
    policies: frozenset[str]
    bundle: str
    id: str


def parse(header: str) -> Decision:
    """Parse the header; anything that is not exactly such an item is a `ValueError`."""
    decision, semicolon, rest = header.partition(";")
    rest = semicolon + rest
    parameters = {}
    end = 0
    for match in _PARAMETER.finditer(rest):
        if match.start() != end:
            break
        end = match.end()
        string, token = match["string"], match["token"]
        parameters[match["key"]] = token if string is None else re.sub(r"\\(.)", r"\1", string)
    if end != len(rest) or decision not in ("permit", "deny", "silence"):
        raise ValueError(f"not a decision header: `{header}`")
    return Decision(
        decision.upper(),
        parameters["reason"],
        frozenset(parameters.get("policy", "").split()),
        parameters["bundle"],
        parameters["id"],
    )
