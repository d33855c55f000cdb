"""Parses the `toolgate-decision` header, an RFC 9651 list: an item with parameters for each call of a request."""

import re
from typing import NamedTuple

_PARAMETER = re.compile(
    r';(?P<key>[a-z*][a-z0-9_.*-]*)=(?:"(?P<string>(?:[^"\\]|\\["\\])*)"|(?P<token>[A-Za-z*][^\s;,"]*))'
)
# A comma outside of strings, which have no line breaks and are always closed.
_COMMA = re.compile(r', (?=(?:[^"]*"(?:[^"\\]|\\["\\])*")*[^"]*$)')


class Decision(NamedTuple):
    """The decision in the header."""

    decision: str
    reason: str
    policies: frozenset[str]
    bundle: str
    id: str


def parse_all(header: str) -> list[Decision]:
    """Parses the header of a request with several calls."""
    return [parse(item) for item in _COMMA.split(header)]


def decisive(decisions: list[Decision]) -> Decision:
    """The call that decided the request: the first that was refused by itself, else all of them."""
    refused = [each for each in decisions if each.reason != "batch_refused" and each.decision != "PERMIT"]
    if refused:
        return refused[0]
    return decisions[0]._replace(policies=frozenset().union(*(each.policies for each in decisions)))


def parse(header: str) -> Decision:
    """Parses the header of a request with one call; raises a `ValueError` for anything but exactly one such item."""
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
    if end != len(rest) or decision not in ("permit", "deny", "silence", "escalate"):
        raise ValueError(f"not a decision header: `{header}`")
    return Decision(
        decision.upper(),
        parameters["reason"],
        frozenset(parameters.get("policy", "").split()),
        # Envoy's own refusal names no bundle.
        parameters.get("bundle", ""),
        parameters["id"],
    )
