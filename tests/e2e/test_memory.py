"""One call of permitted size does not exhaust a VM, with any schema of its tool."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, decision_header
from harness.gateway import Gateway, open_gateway
from harness.messages import mcp_request
from harness.tokens import TokenIssuer

MEBIBYTE = 2**20
# The default limit for the body.
BODY = MEBIBYTE
# The limit from SECURITY.md. A process grows by it once, regardless of the kinds of calls.
MOST = 80 * MEBIBYTE

# Forces evaluation by Cedar, so that the arguments are converted to Cedar values, too.
POLICY = """@id("all") permit (principal, action, resource)
when { context.request.time > datetime("2020-01-01T00:00:00Z") };
"""

INTEGER = {"type": "integer"}
EITHER = {"anyOf": [INTEGER, {"type": "number"}, {"type": "integer", "minimum": -5}]}
LIST = {"type": "array", "items": INTEGER}
# The schema of an argument, and the form of one element; `{}` is a number that makes elements distinct.
SCHEMAS: dict[str, tuple[dict[str, Any], str]] = {
    "numbers": (INTEGER, "{}"),
    "decimals": ({"type": "number"}, "{}.5"),
    "unions": (EITHER, "{}"),
    "unions_of_unions": ({"anyOf": [EITHER, {"type": "array", "items": EITHER}]}, "[{}]"),
    "lists": (LIST, "[{}]"),
    "lists_of_lists": ({"type": "array", "items": LIST}, "[[{}]]"),
    "empty_lists": (LIST, "[]"),
    "objects": ({"type": "object", "properties": {"a": INTEGER}}, '{{"a":{}}}'),
    "empty_objects": ({"type": "object", "properties": {"a": INTEGER}}, "{{}}"),
    "texts": ({"type": "string"}, '"{}"'),
    "escaped_texts": ({"type": "string"}, '"\\n{}"'),
    "dates": ({"type": "string", "format": "date"}, '"2026-01-01"'),
    "addresses": ({"type": "string", "format": "ipv4"}, '"10.0.0.1"'),
    "pairs": ({"type": "array", "prefixItems": [INTEGER, INTEGER], "items": False}, "[1,{}]"),
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer) -> Iterator[Gateway]:
    """A gateway with a tool that has an argument of every kind."""
    directory = tmp_path_factory.mktemp("bundle")
    properties = {name: {"type": "array", "items": items} for name, (items, _) in SCHEMAS.items()}
    properties |= {"unique": {"type": "array", "uniqueItems": True, "items": INTEGER}}
    properties |= {"map": {"type": "object", "additionalProperties": True}, "opaque": {}, "text": {"type": "string"}}
    properties |= {"copies": {"anyOf": [{"type": "string", "minLength": least} for least in range(12)]}}
    tools = {"tools": [{"name": "take", "inputSchema": {"type": "object", "properties": properties}}]}
    manifest = {
        "name": "memory",
        "version": 1,
        "identity": {
            "principal": {"tokens": ["session"], "type": "User"},
            "actor": {"type": "Agent", "required": False},
        },
        "channels": [{"path": "/crm/mcp", "server": "lab"}],
        "servers": {"lab": {"tools_from": "tools/lab.json", "tools": {"take": {"opaque": ["opaque", "map"]}}}},
    }
    files = {
        "bundle.yaml": yaml.safe_dump(manifest),
        "schema.cedarschema": "entity User;\nentity Agent;\nentity Server;\n",
        "entities.yaml": "- uid: 'Server::\"lab\"'\n",
        "org/all.cedar": POLICY,
        "tools/lab.json": json.dumps(tools),
    }
    for name, text in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    with open_gateway(tmp_path_factory.mktemp("gateway"), issuer, bundles.emit(directory)) as opened:
        yield opened


@pytest.fixture(scope="module")
def before(gateway: Gateway) -> int:
    """The memory of Envoy before the first call."""
    return peak(gateway)


# The start, the repeated element, and the end of a whole argument.
WHOLE = {name: ("[", element, "]") for name, (_, element) in SCHEMAS.items()}
WHOLE |= {"unique": ("[", "{}", "]"), "map": ("{", '"{}":{{}}', "}"), "opaque": ("[", "[{}]", "]")}
WHOLE |= {"text": ('"', "x", '"'), "copies": ('"', "x", '"')}


@pytest.mark.parametrize("argument", WHOLE)
def test_the_largest_call_of_a_kind(argument: str, gateway: Gateway, before: int, alice: str) -> None:
    start, element, end = WHOLE[argument]
    separator = "" if start == '"' else ","
    elements = fitting(element, separator)

    def reason(count: int) -> str:
        value = start + separator.join(elements[:count]) + end
        params = f'{{"name":"take","arguments":{{"{argument}":{value}}}}}'
        body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'.encode()
        assert len(body) <= BODY
        with gateway.client("h1") as client:
            response = client.send(dataclasses.replace(mcp_request("/crm/mcp", None, alice), body=body))
        header = response.header("toolgate-decision")
        return "permitted" if header is None else decision_header.parse(header).reason

    # A call close to the largest permitted one, and one that is just too large.
    permitted, refused = 0, len(elements)
    if reason(refused) == "permitted":
        permitted = refused
    while refused - permitted > len(elements) // 32:
        middle = (permitted + refused) // 2
        if reason(middle) == "permitted":
            permitted = middle
        else:
            assert reason(middle) == "too_many_values"
            refused = middle
    assert permitted > 1000
    assert gateway.envoy.complaints() == []
    assert peak(gateway) - before < MOST


def fitting(element: str, separator: str) -> list[str]:
    """As many distinct elements as fit into a body."""
    found: list[str] = []
    left = BODY - 1000
    while left > 0:
        found.append(element.format(len(found)))
        left -= len(found[-1]) + len(separator)
    return found[:-1]


def peak(gateway: Gateway) -> int:
    """The peak memory of Envoy, its VMs included."""
    lines = Path(f"/proc/{gateway.envoy.pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
