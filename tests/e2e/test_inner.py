"""Meta-tools: whatever a real server runs inside of a call is what the gate permitted, and nothing else runs."""

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import bundles, decision_header, paths
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import MCP_HEADERS, Request, tool_call
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer
from harness.waiting import wait_until

INNER = paths.CASES / "bundles" / "inner"
SERVER = paths.CLIENTS / "meta_server.py"
META = ("call_tool", "call_text", "call_any")
# The number of bodies for a server of each SDK.
BODIES = {"mcp2": 2000, "mcp1": 1000}
SEED = 20261130


class Bodies:
    """Bodies of calls that run a tool, most of them odd somewhere."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self.body().encode("utf-8", "surrogatepass")

    def odd(self, share: float = 0.15) -> bool:
        """Whether to be odd here."""
        return self.random.random() < share

    def one(self, *choices: str) -> str:
        """One of these."""
        return self.random.choice(choices)

    def spelt(self, text: str) -> str:
        """A string in JSON, some letters of which are escaped."""
        letters = (f"\\u{ord(c):04x}" if self.odd(0.2) else json.dumps(c, ensure_ascii=False)[1:-1] for c in text)
        return f'"{"".join(letters) if self.odd() else json.dumps(text, ensure_ascii=False)[1:-1]}"'

    def space(self) -> str:
        """White space, and sometimes what is none in JSON."""
        if not self.odd():
            return ""
        return self.one(" ", "\n", "\t", "\r\n", "  ") if not self.odd(0.05) else self.one("\u00a0", "\ufeff", "\f", "/**/")

    def members(self, members: list[tuple[str, str]]) -> str:
        """An object with these members: names in JSON, and values."""
        members = list(members)
        if self.odd(0.2):
            self.random.shuffle(members)
        if members and self.odd(0.06):
            members.append(self.random.choice(members))
        if members and self.odd(0.04):
            name, value = self.random.choice(members)
            members.append((self.one(name.capitalize(), name.upper(), f"{name} ", f"{name}\0", f"_{name}"), value))
        written = (f"{self.space()}{self.spelt(name)}{self.space()}:{self.space()}{value}" for name, value in members)
        return "{" + ",".join(written) + self.space() + ("," if self.odd(0.01) else "") + "}"

    def name(self, name: str) -> str:
        """The name of this tool to run, in JSON, or another one."""
        if self.odd(0.08):
            return self.one("null", "5", "true", '["get_note"]', '{"name":"get_note"}', '""', '"get_note', "wipe", "NaN")
        if self.odd(0.08):
            name = self.one(*META, "hub/get_note", "unknown", "executed")
        if self.odd(0.06):
            name = self.one(f"{name} ", f" {name}", name.upper(), f"{name}\0", f"{name}\u200b", name.replace("e", "\uff45"), f"{name}\n")
        return self.spelt(name)

    def arguments(self, tool: str) -> str:
        """Arguments of a tool, as an object."""
        members = [("id", self.spelt(self.one("n-1", "n-2", "é", '"', "\u2028", "x" * 300)))]
        if self.odd(0.96 if tool == "set_note" else 0.03):
            members.append(("text", self.spelt(self.one("a", "b c", "\\", "😀", "" if self.odd() else "z"))))
        if self.odd(0.4 if tool == "set_note" else 0.03):
            members.append(("stars", self.one("0", "1", "2", "3", "3.0", "3e0", "-0", "0e9", "4", "5", "1e400", "9007199254740993", "03", "0x3", "NaN", '"3"', "null", "3.5")))
        if self.odd(0.2 if tool == "set_note" else 0.02):
            members.append(("secret", self.one('"hush"', '"hush\\n"', "null", '"hush\\ud800"', "7")))
        if self.odd(0.06):
            members.append((self.one("more", "toolCallId", "__proto__", "ID", "text\0"), self.one("1", "{}", '[{"a":null}]', "[" * 70 + "]" * 70)))
        return self.members(members)

    def text(self, arguments: str) -> str:
        """A string with JSON text."""
        if self.odd(0.1):
            arguments = self.one(
                f"\ufeff{arguments}", f"{arguments}{arguments}", f"{arguments} x", f"{arguments}\0", f"[{arguments}]",
                json.dumps(arguments), arguments.replace('"', "'"), arguments.replace(":", "="), f"//{arguments}", arguments[:-1],
                "", " ", "null", "{}", "[]", "1", "NaN", f"{arguments}\u00a0", f"\u2003{arguments}",
            )
        return self.spelt(arguments)

    def carried(self, tool: str, inner: str) -> str:
        """The argument of a tool that carries those of the inner one."""
        if self.odd(0.06):
            return self.one("null", "[]", "1", "true", "{}", '"{}"', f"[{self.arguments(inner)}]", "Infinity")
        as_text = {"call_tool": 0.04, "call_text": 0.95}.get(tool, 0.5)
        return self.text(self.arguments(inner)) if self.odd(as_text) else self.arguments(inner)

    def body(self) -> str:
        """A body."""
        tool, inner = self.one(*META), self.one("get_note", "set_note", "set_note", "wipe")
        if self.odd(0.03):
            params = self.members([("name", self.name(inner)), ("arguments", self.arguments(inner))])
        else:
            members = [("name", self.name(inner)), ("arguments", self.carried(tool, inner))]
            if self.odd(0.05):
                members.pop(self.random.randrange(2))
            if self.odd(0.04):
                members.append((self.one("args", "tool", "toolCallId", "context"), self.one("1", '"wipe"', "{}")))
            params = self.members([("name", self.spelt(tool)), ("arguments", self.members(members))])
        return f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'


@pytest.mark.parametrize("environment", BODIES)
def test_what_runs_is_what_was_permitted(environment: str, issuer: TokenIssuer, tmp_path: Path) -> None:
    header = ("x-session-token", f"Bearer {issuer.sign({'sub': 'ann'})}")
    bodies = Bodies(SEED)
    with (
        ToolServer(environment, tmp_path / "server.log", script=SERVER) as server,
        Envoy(
            tmp_path / "envoy", Setup(server.port, issuer.jwks(), tokens=("session",)), bundles.emit(INNER)
        ) as envoy,
        Http1Client(envoy.port) as client,
    ):
        for _, body in zip(range(BODIES[environment]), bodies, strict=False):
            client.send(Request("POST", "/hub/mcp", (*MCP_HEADERS, header), body))
        executed = server.executed()
        ids = [decision_header.parse(call["decision"]).id for call in executed]
        # The record of one more call comes after all others.
        last = client.send(tool_call("/hub/mcp", "wipe", {}).with_header(*header)).header("toolgate-decision")
        wait_for(envoy, {decision_header.parse(last or "").id, *ids})
        records = {record["id"]: record for record in envoy.decision_log(0)}
        assert envoy.complaints() == []
    for call, id in zip(executed, ids, strict=True):
        ran = json.loads(call["ran"])
        told = (records[id]["decision"], records[id]["tool"], inner(records[id]))
        assert told == ("PERMIT", f"hub/{call['tool']}", [shape(each) for each in ran]), (call, records[id])
    assert len(set(ids)) == len(ids)
    assert sum(record["decision"] == "PERMIT" for record in records.values()) == len(ids)
    run = [each["tool"] for call in executed for each in json.loads(call["ran"])]
    assert len(run) > BODIES[environment] / 6
    assert set(run) == {"get_note", "set_note"}
    assert {record["reason"] for record in records.values()} >= {
        *("permitted", "not_permitted", "unknown_tool", "nested_call", "invalid_arguments", "malformed_body", "forbidden")
    }
    assert "hush" not in json.dumps([record["arguments"] for record in records.values()])
    assert "hush" not in json.dumps([record["inner"] for record in records.values()])


def wait_for(envoy: Envoy, ids: set[str]) -> None:
    """Waits for the records with these ids."""
    wait_until(lambda: ids <= {record["id"] for record in envoy.decision_log(0)}, "the records", seconds=20)


def inner(record: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The inner call of a record: its tool, and the digest of its arguments."""
    found = record["inner"]
    return [] if found is None else [(found["tool"], found["arguments_digest"])]


def shape(ran: dict[str, Any]) -> tuple[str, str | None]:
    """The same of a call that the server made."""
    arguments = ran["arguments"]
    digest = None if arguments is None else f"sha256:{hashlib.sha256(canonical(arguments)).hexdigest()}"
    return (f"hub/{ran['tool']}", digest)


def canonical(value: Any) -> bytes:
    """The canonical JSON of arguments, among which there are no numbers with a fraction."""
    return json.dumps(whole(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def whole(value: Any) -> Any:
    """The value with integers for numbers that have no fraction."""
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(element) for element in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
