"""Parser differentials: no ambiguous input makes a real server run a call that was not permitted."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from harness import acme
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Headers, Request, tool_call
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

SERVERS = ["mcp1", "mcp2"]
JSON: Headers = (("content-type", "application/json"), ("accept", "application/json, text/event-stream"))
MODERN = "2026-07-28"
LEGACY = "2025-11-25"

# Alice is permitted to read contacts but not to delete them, and to refund less than 500 EUR; both contact tools take
# the same arguments.
SAFE, EVIL = "get_contact", "delete_contact"
ARGUMENTS = '{"account":"acme","contact_id":"c-2"}'
SAFE_PARAMS, EVIL_PARAMS = (f'{{"name":"{name}","arguments":{ARGUMENTS}}}' for name in (SAFE, EVIL))
EVIL_CALL = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{EVIL_PARAMS}}}'
SAFE_CALL = EVIL_CALL.replace(EVIL, SAFE)
LEGACY_CALL: Headers = (("mcp-protocol-version", LEGACY), ("mcp-method", "tools/call"))
MODERN_CALL: Headers = (("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"))
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}


def crm(params: str, method: str = '"method":"tools/call"') -> bytes:
    """A message to the contacts server, with these params as text."""
    return f'{{"jsonrpc":"2.0","id":1,{method},"params":{params}}}'.encode()


def named(members: str) -> bytes:
    """A call with these members in place of the name."""
    return crm(f'{{{members},"arguments":{ARGUMENTS}}}')


def refund(amount: str) -> bytes:
    """A refund of this amount, in this spelling."""
    return crm(
        '{"name":"refund","arguments":'
        f'{{"account":"acme","payment_id":"p-2","reason":"damaged","amount":{amount}}}}}'
    )


# Bodies in an ordinary request with UTF-8 JSON.
BODIES: dict[str, bytes] = {
    "duplicate-name": named(f'"name":"{SAFE}","name":"{EVIL}"'),
    "duplicate-name-first": named(f'"name":"{EVIL}","name":"{SAFE}"'),
    "duplicate-name-escaped": named(f'"name":"{SAFE}","n\\u0061me":"{EVIL}"'),
    "duplicate-name-escaped-first": named(f'"n\\u0061me":"{EVIL}","name":"{SAFE}"'),
    "duplicate-name-behind": crm(f'{{"name":"{SAFE}","arguments":{ARGUMENTS},"name":"{EVIL}"}}'),
    "duplicate-params": crm(f'{SAFE_PARAMS},"params":{EVIL_PARAMS}'),
    "duplicate-method": crm(EVIL_PARAMS, '"method":"tools/list","method":"tools/call"'),
    "duplicate-method-first": crm(EVIL_PARAMS, '"method":"tools/call","method":"ping"'),
    "capital-name": named(f'"name":"{SAFE}","Name":"{EVIL}"'),
    "capital-name-alone": named(f'"NAME":"{EVIL}"'),
    "capital-params": crm(f'{SAFE_PARAMS},"Params":{EVIL_PARAMS}'),
    "long-s-in-params": crm(f'{SAFE_PARAMS},"param\u017f":{EVIL_PARAMS}'),
    "wide-name": named(f'"name":"{SAFE}","\uff4eame":"{EVIL}"'),
    "name-and-nul": named(f'"name":"{SAFE}","name\\u0000":"{EVIL}"'),
    "name-ends-in-nul": named(f'"name":"{EVIL}\\u0000"'),
    "name-in-capitals": named(f'"name":"{EVIL.upper()}"'),
    "name-and-space": named(f'"name":" {EVIL} "'),
    "name-escaped": named(f'"name":"{EVIL.replace("d", chr(92) + "u0064")}"'),
    "byte-order-mark": b"\xef\xbb\xbf" + EVIL_CALL.encode(),
    "utf-16": EVIL_CALL.encode("utf-16"),
    "utf-16-little-endian": EVIL_CALL.encode("utf-16-le"),
    "utf-16-big-endian": EVIL_CALL.encode("utf-16-be"),
    "utf-32": EVIL_CALL.encode("utf-32"),
    "utf-32-little-endian": EVIL_CALL.encode("utf-32-le"),
    "overlong": EVIL_CALL.encode().replace(b"delete", b"\xc1\xa4elete"),
    "invalid-utf-8": named(f'"name":"{SAFE}","x":"?"').replace(b"?", b"\xff\xfe") + EVIL_CALL.encode(),
    "lone-surrogate": named(f'"name":"{SAFE}","name\\ud800":"{EVIL}"'),
    "batch": f"[{SAFE_CALL},{EVIL_CALL}]".encode(),
    "batch-of-one": f"[{EVIL_CALL}]".encode(),
    "batch-in-a-batch": f"[[{EVIL_CALL}]]".encode(),
    "trailing-call": (SAFE_CALL + EVIL_CALL).encode(),
    "trailing-line": f"{SAFE_CALL}\n{EVIL_CALL}".encode(),
    "trailing-nul": EVIL_CALL.encode() + b"\0",
    "comment": SAFE_CALL.replace(f'"{SAFE}"', f'"{SAFE}"/*,"name":"{EVIL}"*/').encode(),
    "line-comment": named(f'"name":"{SAFE}"//\n,"name":"{EVIL}"\n'),
    "trailing-comma": EVIL_CALL[:-1].encode() + b",}",
    "single-quotes": EVIL_CALL.replace('"', "'").encode(),
    "raw-control-character": named(f'"name":"{SAFE}","a\n":1,"name":"{EVIL}"'),
    "deep": named(f'"name":"{EVIL}","x":{"[" * 2000}{"]" * 2000}'),
    "no-id": EVIL_CALL.replace('"id":1,', "").encode(),
    "null-id": EVIL_CALL.replace('"id":1', '"id":null').encode(),
    "fraction-id": EVIL_CALL.replace('"id":1', '"id":1.5').encode(),
    "exponent-id": EVIL_CALL.replace('"id":1', '"id":1e0').encode(),
    "no-jsonrpc": EVIL_CALL.replace('"jsonrpc":"2.0",', "").encode(),
    "params-in-an-array": crm(f'["{EVIL}",{ARGUMENTS}]'),
    "result-too": crm(f'{EVIL_PARAMS},"result":{{}}'),
    "method-in-capitals": EVIL_CALL.replace("tools/call", "TOOLS/CALL").encode(),
    "method-escaped": EVIL_CALL.replace("tools/call", r"tools\/c\u0061ll").encode(),
    "empty": b"",
}

# Spellings of amounts that a policy on `amount` must not miss; the limit is below 500.
AMOUNTS = [
    *("500", "500.0", "5e2", "0.5e3", "50000e-2", "1e400", "1e308", "-1", "-0", "0", "0.0", "NaN", "Infinity"),
    *("499.99999999999999999", "9007199254740993", "18446744073709551617", "4294967297", "922337203685477.5807"),
    *('"500"', '"1"', "null", "true", "[1]", '{"a":1}', '1,"amount":500', '1,"\\u0061mount":500', '1,"Amount":500'),
    *('1,"amount\\u0000":500', "0x1", "01", "+1", "1_000", "1.", ".5", "１"),
]  # fmt: skip

# Headers that contradict the body.
HEADERS: dict[str, Headers] = {
    "none": (),
    "legacy": (("mcp-protocol-version", LEGACY),),
    "safe-name-in-a-legacy-version": (*LEGACY_CALL, ("mcp-name", SAFE)),
    "safe-name": (*MODERN_CALL, ("mcp-name", SAFE)),
    "two-names": (*MODERN_CALL, ("mcp-name", SAFE), ("mcp-name", EVIL)),
    "another-method": (("mcp-protocol-version", LEGACY), ("mcp-method", "ping")),
    "two-versions": (("mcp-protocol-version", "2025-06-18"), ("mcp-protocol-version", MODERN)),
    "unknown-version": (("mcp-protocol-version", "2099-01-01"),),
    "batches": (("mcp-protocol-version", "2025-03-26"),),
    "gzip-in-name-only": (("content-encoding", "gzip"),),
    "another-http-method": (("x-http-method-override", "GET"),),
}

# Other content types, and encodings that Envoy or the server might decode.
CONTENTS: dict[str, tuple[str | None, Headers, bytes]] = {
    "capital-type": ("APPLICATION/JSON", (), EVIL_CALL.encode()),
    "utf-16-charset": ("application/json; charset=utf-16le", (), EVIL_CALL.encode("utf-16-le")),
    "utf-7-charset": ("application/json; charset=utf-7", (), EVIL_CALL.replace('"', "+ACI-").encode()),
    "text": ("text/plain", (), EVIL_CALL.encode()),
    "no-type": (None, (), EVIL_CALL.encode()),
    "json-suffix": ("application/problem+json", (), EVIL_CALL.encode()),
    "form": ("application/x-www-form-urlencoded", (), EVIL_CALL.encode()),
    "two-types": ("text/plain, application/json", (), EVIL_CALL.encode()),
    "gzip": ("application/json", (("content-encoding", "gzip"),), gzip.compress(EVIL_CALL.encode())),
    "deflate": ("application/json", (("content-encoding", "deflate"),), zlib.compress(EVIL_CALL.encode())),
    "gzip-unsaid": ("application/json", (), gzip.compress(EVIL_CALL.encode())),
}


class Attempt(NamedTuple):
    """One request with a description of the attempt."""

    name: str
    request: Request


def attempts() -> Iterator[Attempt]:
    """All attempts from the tables above."""
    for name, body in BODIES.items():
        for version in (None, "2025-03-26", "2025-06-18", LEGACY, MODERN):
            versioned = () if version is None else (("mcp-protocol-version", version),)
            yield Attempt(f"{name} {version}", Request("POST", "/crm/mcp", JSON + versioned, body))
    for amount in AMOUNTS:
        yield Attempt(f"amount {amount}", Request("POST", "/payments/mcp", JSON, refund(amount)))
    for name, headers in HEADERS.items():
        yield Attempt(name, Request("POST", "/crm/mcp", JSON + headers, EVIL_CALL.encode()))
        modern = EVIL_CALL.replace('"params":{', f'"params":{{"_meta":{json.dumps(META)},')
        yield Attempt(f"{name} modern", Request("POST", "/crm/mcp", JSON + headers, modern.encode()))
    for name, (content_type, headers, body) in CONTENTS.items():
        typed = () if content_type is None else (("content-type", content_type),)
        yield Attempt(name, Request("POST", "/crm/mcp", JSON[1:] + typed + headers, body))
    for method in ("GET", "DELETE", "PUT", "OPTIONS"):
        yield Attempt(method, Request(method, "/crm/mcp", JSON, EVIL_CALL.encode()))


class Guarded(NamedTuple):
    """A real server, and a client of the Envoy in front of it."""

    server: ToolServer
    client: Http1Client


@pytest.fixture(scope="module", params=SERVERS)
def guarded(
    request: pytest.FixtureRequest,
    tool_servers: Callable[[str], ToolServer],
    tmp_path_factory: pytest.TempPathFactory,
    issuer: TokenIssuer,
    bundle: bytes,
) -> Iterator[Guarded]:
    """One Envoy for all attempts."""
    server = tool_servers(request.param)
    setup = Setup(server.port, issuer.jwks())
    with (
        Envoy(tmp_path_factory.mktemp("parsers"), setup, bundle) as envoy,
        Http1Client(envoy.port) as client,
    ):
        yield Guarded(server, client)


@pytest.mark.parametrize("attempt", list(attempts()), ids=lambda attempt: attempt.name)
def test_what_is_not_permitted_does_not_run(attempt: Attempt, guarded: Guarded, alice: str) -> None:
    before = len(guarded.server.executed())
    guarded.client.send(attempt.request.with_header("authorization", f"Bearer {alice}"))
    ran = guarded.server.executed()[before:]
    assert all(is_permitted(call) for call in ran), ran


@pytest.mark.parametrize("server", SERVERS)
def test_a_call_that_runs_is_seen(server: str, tool_servers: Callable[[str], ToolServer]) -> None:
    opened = tool_servers(server)
    with Http1Client(opened.port) as client:
        client.send(tool_call("/crm/mcp", EVIL, {"account": "acme", "contact_id": "c-9"}))
    assert not is_permitted(opened.executed()[-1])


def test_permitted_calls_do_run(guarded: Guarded, alice: str) -> None:
    before = len(guarded.server.executed())
    guarded.client.send(acme.permitted(alice))
    guarded.client.send(tool_call("/payments/mcp", "refund", dict(acme.REFUND[1], amount=1), alice))
    assert [call["tool"] for call in guarded.server.executed()[before:]] == [SAFE, "refund"]


def is_permitted(call: dict[str, Any]) -> bool:
    """Whether Alice is permitted to make the executed call."""
    if call["tool"] == "refund":
        return 0 < Decimal(str(call["arguments"]["amount"])) < 500
    return bool(call["tool"] == SAFE)
