"""Approvals that one proxy asks for, and all of them accept: a rate limit service says which were used."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import bundles, envoy_config, paths
from harness.approvals import GATE_KEY, ApprovalService, approved, cluster
from harness.gateway import open_gateway
from harness.rate_limits import OK, OVER_LIMIT, RateLimits
from harness.tokens import TokenIssuer
from test_approvals import BUNDLE, Escalating
from test_global_budgets import cluster as rate_limit_cluster


def across_proxies(directory: Path) -> Path:
    """The bundle, whose approvals are for all proxies."""
    bundle = bundles.plain(BUNDLE, directory)
    manifest = bundle / "bundle.yaml"
    service = "rate_limit_service: { cluster: rate_limits, timeout_ms: 2000 }\n"
    manifest.write_text(service + manifest.read_text().replace("cluster: approvals", "cluster: approvals\n  across_proxies: true"))
    return bundle


@contextmanager
def open_proxies(directory: Path, issuer: TokenIssuer, bundle: Path, limits: int) -> Iterator[list[Escalating]]:
    """Two Envoys that share a key and an approval service, and a rate limit service at a port."""
    with ExitStack() as stack:
        service = stack.enter_context(ApprovalService())

        def shape(config: dict[str, Any], _: envoy_config.Files) -> None:
            config["static_resources"]["clusters"] += [cluster(service.port), rate_limit_cluster(limits)]

        resource = bundles.emit(bundle)
        route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}

        def envoy(version: str) -> Escalating:
            options: dict[str, Any] = {"version": version, "routes": (route,), "shape": shape}
            (directory / version).mkdir()
            gateway = stack.enter_context(open_gateway(directory / version, issuer, resource, **options))
            return Escalating(gateway, service, issuer)

        yield [envoy(paths.ENVOY_VERSIONS[0]), envoy(paths.NEWEST_ENVOY)]


class Proxies(NamedTuple):
    """Two Envoys, and a rate limit service that says what a test wants."""

    envoys: list[Escalating]
    limits: RateLimits


@pytest.fixture
def proxies(tmp_path: Path, issuer: TokenIssuer) -> Iterator[Proxies]:
    bundle = across_proxies(tmp_path / "bundle")
    with RateLimits() as limits, open_proxies(tmp_path, issuer, bundle, limits.port) as envoys:
        yield Proxies(envoys, limits)


def test_an_approval_is_used_once_by_whichever_proxy(proxies: Proxies) -> None:
    [first, second] = proxies.envoys
    signed = approved(first.request())
    assert proxies.limits.requests == [], "nothing is used yet"
    proxies.limits.says(OK)
    assert second.reason(5000, signed) == "permitted"
    [asked] = proxies.limits.requests
    request = first.service.asked[-1][2]["binding_token"]
    assert GATE_KEY.read(request)["jti"].encode() in asked.body
    proxies.limits.says(OVER_LIMIT)
    # The one has used it and knows so itself; the other asks.
    assert second.reason(5000, signed) == "approval_used"
    assert len(proxies.limits.requests) == 1
    assert first.reason(5000, signed) == "approval_used"
    assert len(proxies.limits.requests) == 2
    assert [len(envoy.gateway.recorder.requests) for envoy in (first, second)] == [0, 1]


def test_without_an_answer_no_approval_is_used(proxies: Proxies) -> None:
    [first, second] = proxies.envoys
    signed = approved(first.request())
    proxies.limits.sends(b"", status=14)
    assert second.reason(5000, signed) == "approval_unavailable"
    proxies.limits.sends(b"\xff")
    assert second.reason(5000, signed) == "approval_unavailable"
    # It was not used, as far as the service says.
    proxies.limits.says(OK)
    assert first.reason(5000, signed) == "permitted"
    assert [len(envoy.gateway.recorder.requests) for envoy in (first, second)] == [1, 0]


def test_an_approval_is_for_no_other_call_at_another_proxy(proxies: Proxies) -> None:
    [first, second] = proxies.envoys
    signed = approved(first.request())
    assert second.reason(5001, signed) == "approval_mismatch"
    assert second.reason(5000, signed, to="mallory") == "approval_mismatch"
    assert second.reason(5000, signed, claims={"sub": "bob"}) == "approval_mismatch"
    assert proxies.limits.requests == []
