"""A token that Envoy itself refuses is answered and recorded as the filter would, and nothing else is."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness import acme, decision_header, paths, raw
from harness.envoy_config import Files
from harness.gateway import Gateway, open_gateway
from harness.messages import Response
from harness.tokens import TokenIssuer

METADATA = "https://tools.acme.example/.well-known/oauth-protected-resource"
CHALLENGE = f'Bearer resource_metadata="{METADATA}"'
INVALID = f'Bearer error="invalid_token", resource_metadata="{METADATA}"'
TRACE = "0af7651916cd43dd8448eb211c80319c"

REFUSED: dict[str, Callable[[TokenIssuer], str]] = {
    "Jwt_is_expired": lambda issuer: issuer.sign(acme.ALICE | {"exp": int(time.time()) - 3600}),
    "Audiences_in_Jwt_are_not_allowed": lambda issuer: issuer.sign(acme.ALICE | {"aud": "https://wiki.acme.example"}),
    "Jwt_issuer_is_not_configured": lambda issuer: issuer.sign(acme.ALICE | {"iss": "https://id.globex.example"}),
    "Jwt_is_not_in_the_form": lambda _: "x",
}


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer, bundle: bytes
) -> Iterator[Callable[[str], Gateway]]:
    """Gateways by the version of Envoy."""
    with ExitStack() as stack:

        @cache
        def start(version: str) -> Gateway:
            directory = tmp_path_factory.mktemp("gateway")
            return stack.enter_context(open_gateway(directory, issuer, bundle, version=version))

        yield start


@pytest.fixture(params=[paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def gateway(request: pytest.FixtureRequest, opened: Callable[[str], Gateway]) -> Gateway:
    """The oldest and the newest Envoy."""
    return opened(request.param)


def record_of(gateway: Gateway, response: Response) -> dict[str, Any]:
    """The record that the response's header names."""
    told = decision_header.parse(response.header("toolgate-decision") or "")
    count = 1
    while True:
        records = gateway.envoy.decision_log(count)
        found = [record for record in records if record["id"] == told.id]
        if found:
            [record] = found
            assert (record["decision"], record["reason"]) == (told.decision, told.reason)
            return record
        count = len(records) + 1


@pytest.mark.parametrize("details", REFUSED)
def test_it_is_answered_like_the_filter_does(details: str, gateway: Gateway, issuer: TokenIssuer) -> None:
    with gateway.client("h1") as client:
        traced = acme.permitted(REFUSED[details](issuer)).with_header("traceparent", f"00-{TRACE}-{'1' * 16}-01")
        refused = client.send(traced)
        by_filter = client.send(acme.permitted(None))
    assert (refused.status, by_filter.status) == (401, 401)
    assert refused.header("www-authenticate") == INVALID
    for name in ("content-type", "cache-control"):
        assert refused.header(name) == by_filter.header(name)
    body, model = refused.json(), by_filter.json()
    assert (body.keys(), body["error"].keys()) == (model.keys(), model["error"].keys())
    assert (body["id"], body["jsonrpc"], body["error"]["code"]) == (None, "2.0", model["error"]["code"])

    record, other = record_of(gateway, refused), record_of(gateway, by_filter)
    assert body["error"]["data"] == {"decision": "DENY", "reason": "unauthenticated", "id": record["id"]}
    assert body["error"]["message"].endswith(f"Decision {record['id']}.")
    assert record.keys() == other.keys()
    assert record["detail"].startswith(f"jwt_authn_access_denied{{{details}")
    assert (record["bundle"], record["gate"]["plugin"]) == (None, "envoy.filters.http.jwt_authn")
    assert (record["trace_id"], record["gate"]["node"]) == (TRACE, other["gate"]["node"])
    for name in ("event_class", "mode", "authority", "path", "source_ip", "policies", "classes"):
        assert record[name] == other[name], name


def test_without_a_token_nothing_is_called_invalid(
    tmp_path: Path, gateway: Gateway, issuer: TokenIssuer, bundle: bytes
) -> None:
    with gateway.client("h1") as client:
        basic = acme.permitted(None).with_header("authorization", "Basic YTpi")
        assert client.send(basic).status == 401
    with open_gateway(tmp_path, issuer, bundle, shape=demanding_tokens) as strict, strict.client("h1") as client:
        missing = client.send(acme.permitted(None))
        assert (missing.status, missing.header("www-authenticate")) == (401, CHALLENGE)
        assert record_of(strict, missing)["detail"] == "jwt_authn_access_denied{Jwt_is_missing}"


def demanding_tokens(config: dict[str, Any], _: Files) -> None:
    """Lets Envoy refuse requests without a token, too."""
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    [rule] = manager["http_filters"][0]["typed_config"]["rules"]
    rule["requires"] = {"provider_name": "session"}


@pytest.mark.parametrize("version", [paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def test_keys_that_cannot_be_fetched_are_no_reason_to_log_in(
    version: str, tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str
) -> None:
    with (
        open_gateway(tmp_path, issuer, bundle, version=version, shape=fetching_keys) as gateway,
        gateway.client("h1") as client,
    ):
        response = client.send(acme.permitted(alice))
        assert response.status == 500
        assert "invalid_token" not in (response.header("www-authenticate") or "")
        assert record_of(gateway, response)["reason"] == "internal"


def fetching_keys(config: dict[str, Any], _: Files) -> None:
    """Lets Envoy fetch the keys from where nobody listens."""
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    provider = manager["http_filters"][0]["typed_config"]["providers"]["session"]
    del provider["local_jwks"]
    uri = {"uri": "https://id.acme.example/jwks.json", "cluster": "nowhere", "timeout": "1s"}
    provider["remote_jwks"] = {"http_uri": uri}
    cluster = {"name": "nowhere", "type": "STATIC", "load_assignment": {"cluster_name": "nowhere", "endpoints": []}}
    config["static_resources"]["clusters"].append(cluster)


def test_other_replies_of_envoy_stay_as_they_are(
    tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str
) -> None:
    with open_gateway(tmp_path, issuer, bundle, shape=without_upstream) as gateway, gateway.client("h1") as client:
        spelled = client.send(acme.permitted(alice).to("/crm%2fmcp"))
        unreachable = client.send(acme.permitted(alice))
        records = gateway.envoy.decision_log(1)
    assert (spelled.status, unreachable.status) == (400, 503)
    for response in (spelled, unreachable):
        assert response.header("www-authenticate") is None
        assert "jsonrpc" not in response.body.decode()
    assert [record["reason"] for record in records] == ["permitted"]


def without_upstream(config: dict[str, Any], _: Files) -> None:
    """Leaves the tool servers without an address."""
    config["static_resources"]["clusters"][0]["load_assignment"]["endpoints"] = []


HOSTILE = [
    b'/crm/mcp"}x?token=secret',
    b"/crm/mcp\\u202e",
    "/crm/mcp\u202e\u2028".encode(),
    b"/%CEL(request.headers)%",
    b"/crm/mcp\xff",
]


@pytest.mark.parametrize("target", HOSTILE)
def test_the_caller_cannot_write_the_record(target: bytes, gateway: Gateway) -> None:
    own = "019aa5c0-0000-7000-8000-000000000000"
    head = [
        b"POST " + target + b" HTTP/1.1",
        *(b"host: a", b"authorization: Bearer x", b"content-length: 0", b"x-envoy-original-path: /elsewhere"),
        *(f"{name}: {own}".encode() for name in ("x-request-id", "toolgate-decision", "toolgate-id")),
        *(b'traceparent: 00-", "decision": "PERMIT', b"connection: close", b"", b""),
    ]
    before = len(gateway.envoy.decision_log(0))
    received = raw.exchange(gateway, b"\r\n".join(head))
    [status] = raw.statuses(received)
    assert status in (400, 401)
    if status == 401:
        text = (gateway.envoy.files.decision_log).read_bytes
        record = gateway.envoy.decision_log(before + 1)[-1]
        assert (record["decision"], record["trace_id"]) == ("DENY", None)
        assert own not in json.dumps(record)
        assert "secret" not in json.dumps(record)
        assert record["path"] != "/elsewhere"
        assert text().splitlines()[-1].isascii()


def test_the_commands_read_the_record(tmp_path: Path, gateway: Gateway) -> None:
    with gateway.client("h1") as client:
        record = record_of(gateway, client.send(acme.permitted("x")))
    log = tmp_path / "log"
    log.write_text(json.dumps(record))
    explained = toolgate("explain", str(paths.BUNDLE), "--record", str(log))
    assert explained.returncode == 2
    assert "refused by Envoy, before any bundle was asked" in explained.stdout + explained.stderr
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", str(paths.BUNDLE), str(other)], check=True)
    manifest = other / "bundle.yaml"
    manifest.write_text(manifest.read_text().replace("depth: 32", "depth: 33"))
    compared = json.loads(
        toolgate("diff", str(paths.BUNDLE), str(other), "--log", str(log), "--format", "json").stdout
    )
    assert compared["log"]["refused_by_both_before_policy"] == 1
    assert compared["log"]["not_written_by_old"] == 0


def toolgate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command."""
    return subprocess.run([str(paths.TOOLGATE), *arguments], capture_output=True, text=True, check=False)
