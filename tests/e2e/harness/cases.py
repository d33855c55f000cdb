"""Sends the policy test cases that `toolgate test` runs through Envoy, as real exchanges."""

import base64
import dataclasses
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness import paths
from harness.envoy_config import token_header
from harness.messages import MCP_HEADERS, Request
from harness.tokens import TokenIssuer

AUTHORITY = "tools.example"
# A string that is only a date, and how near it must be to its case's time to be relative to it, such as "yesterday".
DAY = re.compile(rb'"(\d{4}-\d\d-\d\d)"')
NEAR = timedelta(days=7)
# The revision of methods that only it has.
MODERN_REVISION = "2026-07-28"
MODERN = ("tasks/update", "subscriptions/listen")
# Longer than it takes to send one case.
MARGIN = timedelta(seconds=20)


@dataclasses.dataclass(frozen=True)
class Case:
    """One case of a file: the identity, the request, and the expected outcome."""

    file: str
    name: str
    bundle: Path
    identity: dict[str, Any]
    request: Request
    expect: dict[str, Any]
    day: date | None

    def signed(self, issuer: TokenIssuer) -> Request:
        """The request with a token for each set of claims; dates are moved to the same distance from today."""
        request = self._moved()
        for name, claims in self.identity.get("tokens", {}).items():
            token = issuer.sign_bytes(json.dumps(claims).encode())
            request = request.with_header(token_header(name), f"Bearer {token}")
        return request

    def _moved(self) -> Request:
        """Moves dates near the time of the case to today, since Envoy's clock cannot be set to that time."""
        if self.day is None:
            return self.request
        case, today = self.day, _today()

        def move(found: re.Match[bytes]) -> bytes:
            try:
                away = date.fromisoformat(found[1].decode()) - case
            except ValueError:
                return found[0]
            return f'"{today + away}"'.encode() if abs(away) <= NEAR else found[0]

        return dataclasses.replace(self.request, body=DAY.sub(move, self.request.body))

    @property
    def spiffe(self) -> str | tuple[str, ...] | None:
        """The SPIFFE id of the client certificate, or all its URIs, if the case has one."""
        uris = self.identity.get("spiffe")
        return tuple(uris) if isinstance(uris, list) else uris


@cache
def load() -> list[Case]:
    """Loads all cases of the repository."""
    files = [
        *sorted(paths.POLICIES.glob("*/tests/*.yaml")),
        *sorted(paths.CASES.glob("*.yaml")),
        *sorted(paths.CASES.glob("bundles/*/tests/*.yaml")),
    ]
    return [case for file in files for case in _read(file)]


@cache
def tokens(bundle: Path) -> tuple[str, ...]:
    """The names of all tokens in the bundle's cases: Envoy needs a provider for each."""
    used = (name for case in load() if case.bundle == bundle for name in case.identity.get("tokens", {}))
    return tuple(sorted(set(used)))


def _read(file: Path) -> Iterator[Case]:
    document = yaml.safe_load(file.read_text())
    bundle = _bundle(file)
    identities = document.get("identities", {})
    if _counts_calls(bundle):
        return
    for case in document["cases"]:
        # What comes before some of them cannot be an hour ago.
        if "after" in case:
            continue
        # Of these, a service is asked: `test_approvals.py` is about them.
        if "approved" in case or case["expect"]["decision"] == "ESCALATE":
            continue
        yield Case(
            file=str(file.relative_to(paths.REPOSITORY)),
            name=case["name"],
            bundle=bundle,
            identity=identities[case["as"]] if "as" in case else {},
            request=_request(case, bundle),
            # The upstream here answers always the same: `test_results.py` is about results.
            expect={key: value for key, value in case["expect"].items() if key != "result"},
            day=case["time"].astimezone(UTC).date() if "time" in case else None,
        )


def _counts_calls(bundle: Path) -> bool:
    """Whether each case would change the outcome of others; `test_budgets.py` is about such bundles."""
    manifest = yaml.safe_load((bundle / "bundle.yaml").read_text())
    return bool({"budgets", "runaway"} & manifest.keys())


def _today() -> date:
    """The current date. If the day is about to end, waits for the next one."""
    now = datetime.now(UTC)
    soon = now + MARGIN
    while now.date() < soon.date():
        time.sleep(1)
        now = datetime.now(UTC)
    return now.date()


def _bundle(file: Path) -> Path:
    """The bundle with this file, or the example bundle for cases outside of any bundle."""
    within = (parent for parent in file.parents if (parent / "bundle.yaml").is_file())
    return next(within, paths.BUNDLE)


@cache
def _names(bundle: Path) -> dict[str, str]:
    """The names on the wire of the bundle's tools that have another name there."""
    servers = yaml.safe_load((bundle / "bundle.yaml").read_text())["servers"].values()
    entries = (entry for server in servers for entry in server.get("tools", {}).items())
    return {name: marks["name"] for name, marks in entries if "name" in marks}


def _of_tool(call: dict[str, Any], bundle: Path) -> Request:
    name = _names(bundle).get(call["tool"], call["tool"])
    params = {"name": name} | {key: call[key] for key in ("arguments",) if key in call}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Request("POST", call["path"], MCP_HEADERS, _json(message))


def _of_method(call: dict[str, Any]) -> Request:
    """A request of a method, in the only revision that has it if that is the newest."""
    method, params = call["method"], dict(call.get("arguments", {}))
    headers = MCP_HEADERS
    if method in MODERN:
        headers = tuple(field for field in headers if field[0] != "mcp-protocol-version")
        headers += (("mcp-protocol-version", MODERN_REVISION), ("mcp-method", method))
        headers += tuple(("mcp-name", params[key]) for key in ("taskId",) if key in params)
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": MODERN_REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return Request("POST", call["path"], headers, _json(message))


def _request(case: dict[str, Any], bundle: Path) -> Request:
    if call := case.get("call"):
        request = _of_method(call) if "method" in call else _of_tool(call, bundle)
        return request.with_header("host", call.get("authority", AUTHORITY))
    request = case["request"]
    headers = request.get("headers", {})
    return Request(
        method=request.get("method", "POST"),
        path=request["path"],
        headers=tuple((name, str(value)) for name, values in headers.items() for value in _as_list(values)),
        body=_body(request),
    ).with_header("host", request.get("authority", AUTHORITY))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _body(request: dict[str, Any]) -> bytes:
    if "body_base64" in request:
        return base64.b64decode(request["body_base64"])
    if "json" in request:
        return _json(request["json"])
    return str(request.get("body", "")).encode()


def _json(value: Any) -> bytes:
    """JSON without unnecessary bytes, since bundles limit the size."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
