"""Policy test files as real exchanges: the same cases that `toolgate test` runs, sent through Envoy."""

import base64
import dataclasses
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness import paths
from harness.envoy_config import token_header
from harness.messages import Request, tool_call
from harness.tokens import TokenIssuer


@dataclasses.dataclass(frozen=True)
class Case:
    """One case of a file: who asks, what, and what must come of it."""

    name: str
    bundle: Path
    identity: dict[str, Any]
    request: Request
    expect: dict[str, Any]
    # The moment the case pretends it to be; Envoy's clock cannot be set.
    time: str | None
    # All token names of the bundle's cases: each is a provider that Envoy must know.
    tokens: tuple[str, ...]

    def signed(self, issuer: TokenIssuer) -> Request:
        """The request with a token for each set of claims."""
        request = self.request
        for name, claims in self.identity.get("tokens", {}).items():
            request = request.with_header(token_header(name), f"Bearer {issuer.sign(claims)}")
        return request

    @property
    def spiffe(self) -> str | None:
        """The SPIFFE id of the client certificate, if the case has one."""
        return self.identity.get("spiffe")


def load() -> list[Case]:
    """All cases of the repository."""
    files = [
        *sorted(paths.POLICIES.glob("*/tests/*.yaml")),
        *sorted(paths.CASES.glob("*.yaml")),
        *sorted(paths.CASES.glob("bundles/*/tests/*.yaml")),
    ]
    return [case for file in files for case in _read(file)]


def _read(file: Path) -> Iterator[Case]:
    document = yaml.safe_load(file.read_text())
    bundle = _bundle(file)
    identities = document.get("identities", {})
    for case in document["cases"]:
        yield Case(
            name=f"{file.relative_to(paths.REPOSITORY)}: {case['name']}",
            bundle=bundle,
            identity=identities[case["as"]] if "as" in case else {},
            request=_request(case),
            expect=case["expect"],
            time=case.get("time"),
            tokens=_tokens(bundle),
        )


def _bundle(file: Path) -> Path:
    """The bundle that the file lies in, or the example bundle for cases that lie in none."""
    within = (parent for parent in file.parents if (parent / "bundle.yaml").is_file())
    return next(within, paths.POLICIES / "acme")


@cache
def _tokens(bundle: Path) -> tuple[str, ...]:
    document = yaml.safe_load((bundle / "bundle.yaml").read_text())
    return tuple(document["identity"]["principal"]["tokens"])


def _request(case: dict[str, Any]) -> Request:
    if call := case.get("call"):
        return tool_call(call["path"], call["tool"], call.get("arguments", {}))
    request = case["request"]
    headers = request.get("headers", {})
    return Request(
        method=request.get("method", "POST"),
        path=request["path"],
        headers=tuple((name, str(value)) for name, values in headers.items() for value in _as_list(values)),
        body=_body(request),
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _body(request: dict[str, Any]) -> bytes:
    if "body_base64" in request:
        return base64.b64decode(request["body_base64"])
    if "json" in request:
        return json.dumps(request["json"]).encode()
    return str(request.get("body", "")).encode()
