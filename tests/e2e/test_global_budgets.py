"""Budgets that a rate limit service counts, whatever it answers, or does not."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import bundles, decision_header, envoy_config, paths, raw
from harness.gateway import Gateway, open_gateway, unharmed
from harness.messages import MANNERS, MCP_HEADERS, Manner, Request, Response
from harness.rate_limits import OK, OVER_LIMIT, RateLimits
from harness.tokens import TokenIssuer

BUNDLE = paths.CASES / "bundles" / "global"
# The wait that the bundle gives the service, in seconds.
WAIT = 2


def cluster(port: int) -> dict[str, Any]:
    """The cluster of the service, as the bundle names it."""
    protocol = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "name": "rate_limits",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            protocol: {
                "@type": f"type.googleapis.com/{protocol}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "rate_limits",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


class Limited(NamedTuple):
    """An Envoy whose budgets a service counts."""

    gateway: Gateway
    service: RateLimits
    issuer: TokenIssuer

    def call(
        self, tool: str, *, person: str = "ann", protocol: str = "h1", manner: Manner | None = None, **arguments: Any
    ) -> Response:
        """The response to a call."""
        with self.gateway.client(protocol) as client:
            return client.send(request(self.issuer, person, [message(tool, arguments)], manner))

    def reason(self, tool: str, **options: Any) -> str | None:
        """Why a call is refused; none if it is not."""
        return reason(self.call(tool, **options))


def message(tool: str, arguments: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def request(issuer: TokenIssuer, person: str, messages: list[dict[str, Any]], manner: Manner | None = None) -> Request:
    token = issuer.sign({"sub": person, "tenant": person, "act": {"sub": "helper"}})
    body = json.dumps(messages[0] if len(messages) == 1 else messages).encode()
    # The only revision that has batches.
    fields = dict(MCP_HEADERS) | ({"mcp-protocol-version": "2025-03-26"} if len(messages) > 1 else {})
    headers = (*fields.items(), ("authorization", f"Bearer {token}"))
    return Request("POST", "/mcp", headers, body, manner or MANNERS["whole"])


def reason(response: Response) -> str | None:
    decision = response.header("toolgate-decision")
    return decision_header.decisive(decision_header.parse_all(decision)).reason if decision else None


@pytest.fixture(scope="module", params=[paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def limited(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer
) -> Iterator[Limited]:
    with RateLimits() as service:

        def shape(config: dict[str, Any], _: envoy_config.Files) -> None:
            config["static_resources"]["clusters"].append(cluster(service.port))

        route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
        directory = tmp_path_factory.mktemp("limited")
        bundle = bundles.emit(BUNDLE)
        options: dict[str, Any] = {"version": request.param, "routes": (route,), "shape": shape}
        with open_gateway(directory, issuer, bundle, **options) as gateway, unharmed(gateway):
            yield Limited(gateway, service, issuer)


@pytest.fixture(autouse=True)
def fresh(limited: Limited) -> None:
    limited.service.says(OK)
    limited.service.answers = True
    limited.service.take()
    limited.gateway.recorder.take()


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("manner", MANNERS)
def test_a_call_waits_for_the_service(limited: Limited, protocol: str, manner: str) -> None:
    options: dict[str, Any] = {"protocol": protocol, "manner": MANNERS[manner], "amount": 12.34}
    assert limited.reason("transfer", **options) is None
    [passed] = limited.gateway.recorder.requests
    assert json.loads(passed.body)["params"]["arguments"] == {"amount": 12.34}
    limited.service.says(OVER_LIMIT, until_reset=42)
    refusal = limited.call("transfer", **options)
    assert (reason(refusal), refusal.header("retry-after")) == ("budget_exceeded", "42")
    assert limited.service.asked() == [("transfers", 1234)] * 2
    assert len(limited.gateway.recorder.requests) == 1


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"", 0),
        (b"\x08\x00", 0),
        (b"\x08\x03", 0),
        (b"\x08", 0),
        (b"\xff" * 20, 0),
        (b"\x08\x01", 14),
        (b"\x08\x01", 2),
        (b"\x12\x02\x08\x01", 0),
    ],
    ids=["empty", "unknown", "other-code", "cut", "garbage", "unavailable", "failed", "status-alone"],
)
def test_only_an_explicit_ok_is_one(limited: Limited, message: bytes, status: int) -> None:
    limited.service.sends(message, status)
    assert limited.reason("transfer", amount=1) == "budget_unavailable"
    assert limited.gateway.recorder.requests == []


def test_a_service_that_does_not_answer_is_waited_for_as_long_as_the_bundle_says(limited: Limited) -> None:
    limited.service.answers = False
    began = time.monotonic()
    assert limited.reason("transfer", amount=1) == "budget_unavailable"
    assert WAIT <= time.monotonic() - began < WAIT + 2
    assert limited.gateway.recorder.requests == []


def test_without_the_service_this_envoy_counts_where_the_bundle_says_so(limited: Limited) -> None:
    limited.service.sends(b"", 14)
    reasons = [limited.reason("look_up", person="local") for _ in range(4)]
    assert reasons == [None, None, None, "budget_exceeded"]


def test_of_a_batch_every_call_is_paid_or_none_runs(limited: Limited) -> None:
    calls = [message("transfer", {"amount": amount}, amount) for amount in (1, 2)]
    with limited.gateway.client("h1") as client:
        assert reason(client.send(request(limited.issuer, "ann", calls))) is None
        assert limited.service.asked() == [("transfers", 100), ("transfers", 200)]
        limited.service.says(OVER_LIMIT)
        assert reason(client.send(request(limited.issuer, "ann", calls))) == "budget_exceeded"
    assert len(limited.gateway.recorder.requests) == 1


def test_nobody_is_asked_about_what_is_not_spent(limited: Limited) -> None:
    limited.service.answers = False
    assert limited.reason("transfer", amount=0) is None
    assert limited.reason("transfer", amount=-1) == "invalid_arguments"
    assert limited.reason("transfer", amount=5000.01) == "budget_exceeded"
    assert limited.service.asked() == []


def test_a_caller_who_leaves_harms_nobody(limited: Limited) -> None:
    limited.service.answers = False
    for _ in range(5):
        sent = request(limited.issuer, "leaver", [message("transfer", {"amount": 1})])
        raw.send_and_hang_up(limited.gateway, raw.whole(sent))
    time.sleep(WAIT)
    limited.service.answers = True
    assert limited.reason("transfer", amount=1) is None
    assert len(limited.gateway.recorder.requests) == 1


def test_a_cluster_that_envoy_does_not_have_is_a_service_that_does_not_answer(
    tmp_path: Path, issuer: TokenIssuer
) -> None:
    route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
    with open_gateway(tmp_path, issuer, bundles.emit(BUNDLE), routes=(route,)) as gateway, unharmed(gateway):
        limited = Limited(gateway, RateLimits(), issuer)
        assert limited.reason("transfer", amount=1) == "budget_unavailable"
        assert limited.reason("look_up") is None
        [refused, _] = gateway.envoy.decision_log(2)
        assert refused["reason"] == "budget_unavailable"
        assert refused["detail"].startswith("budget `transfers`: ")
