"""Approvals that several Envoys accept, whose use Limitador counts, with Redis."""

import concurrent.futures
from pathlib import Path

from harness.approvals import approved
from harness.limitador import Limitador, Redis
from harness.tokens import TokenIssuer
from test_approvals_across_proxies import across_proxies, open_proxies

RACES = 100


def test_of_two_envoys_one_uses_an_approval(tmp_path: Path, issuer: TokenIssuer) -> None:
    bundle = across_proxies(tmp_path / "bundle")
    with (
        Redis(tmp_path / "redis") as redis,
        Limitador(tmp_path / "limitador", redis, bundle) as service,
        open_proxies(tmp_path, issuer, bundle, service.port) as [first, second],
        concurrent.futures.ThreadPoolExecutor(4) as pool,
    ):
        for race in range(RACES):
            signed = approved((first, second)[race % 2].request())
            racers = [first, second, first, second]
            reasons = sorted(pool.map(lambda envoy: envoy.reason(5000, signed), racers))  # noqa: B023
            assert reasons == ["approval_used"] * 3 + ["permitted"]

        signed = approved(first.request())
        assert second.reason(5000, signed) == "permitted"
        redis.kill()
        assert first.reason(5000, signed) == "approval_unavailable"
        redis.__enter__()
        first.gateway.envoy.kill()
        first.gateway.envoy.restart()
        second.gateway.envoy.kill()
        second.gateway.envoy.restart()
        # Neither knows by itself that it was used.
        assert {envoy.reason(5000, signed) for envoy in (first, second)} == {"approval_used"}
        forwarded = [len(envoy.gateway.recorder.requests) for envoy in (first, second)]
        assert sum(forwarded) == RACES + 1
