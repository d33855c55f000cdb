"""The two logs and the counters for operators."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from harness import acme, paths
from harness.envoy_config import Files
from harness.gateway import Gateway, open_gateway
from harness.tokens import TokenIssuer

# Keys of the traffic log that the filter fills, and the keys of the record that they must equal.
SHARED = {"toolgate.id": "id", "toolgate.decision": "decision", "toolgate.reason": "reason"}


@pytest.fixture(params=[paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def gateway(request: pytest.FixtureRequest, tmp_path: Path, issuer: TokenIssuer, bundle: bytes) -> Iterator[Gateway]:
    """A separate gateway, since these tests count lines."""
    with open_gateway(tmp_path, issuer, bundle, version=request.param) as opened:
        yield opened


def test_every_decision_leaves_one_record_and_nothing_else_does(gateway: Gateway, alice: str) -> None:
    requests = (acme.housekeeping(alice), acme.permitted(alice), acme.housekeeping(alice), acme.forbidden(alice))
    with gateway.client("h1") as client:
        for request in requests:
            client.send(request)
    traffic = gateway.envoy.access_log(len(requests))
    records = gateway.envoy.decision_log(2)
    assert [line["status"] for line in traffic] == [200, 200, 200, 200]
    assert [(each["decision"], each["reason"], each["tool"]) for each in records] == [
        ("PERMIT", "permitted", "crm/get_contact"),
        ("DENY", "forbidden", "payments/refund"),
    ]
    assert {each["schema"] for each in records} == {"toolgate.decision/1"}
    for line, record in zip((traffic[1], traffic[3]), records, strict=True):
        assert {key: line[key] for key in SHARED} == {key: record[name] for key, name in SHARED.items()}
        assert line["toolgate.tool"] == record["tool"]
    assert records[0]["principal"]["parents"] == ['Account::"acme"', 'Role::"rep"']
    assert records[0]["principal"]["attributes"] == {"tenant": "acme"}
    claims = jwt.decode(alice, options={"verify_signature": False})
    canonical = json.dumps(claims, sort_keys=True, separators=(",", ":")).encode()
    assert records[0]["token"] == {
        "name": "session",
        "issuer": claims["iss"],
        "scopes": [],
        "profiles": [],
        "client_profiles": [],
        "txn": None,
        "expires": datetime.fromtimestamp(claims["exp"], UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "jti": None,
        "claims_digest": f"sha256:{hashlib.sha256(canonical).hexdigest()}",
    }
    # Messages that are not calls are traffic without a decision.
    assert traffic[0]["toolgate.id"] is None


def test_counters_carry_decision_reason_and_tool_as_labels(gateway: Gateway, alice: str) -> None:
    with gateway.client("h1") as client:
        client.send(acme.permitted(alice))
        client.send(acme.forbidden(alice))
        client.send(acme.forbidden(alice))
    metrics = gateway.envoy.admin("/stats/prometheus?filter=toolgate.calls").splitlines()
    labels = 'toolgate_calls{{toolgate_decision="{}",toolgate_reason="{}",toolgate_tool="{}"}} {}'
    assert labels.format("permit", "permitted", "crm/get_contact", 1) in metrics
    assert labels.format("deny", "forbidden", "payments/refund", 2) in metrics


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
def test_log_formats_read_one_object(
    version: str, tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str
) -> None:
    with open_gateway(tmp_path, issuer, bundle, version=version, shape=reading_the_object) as gateway:
        with gateway.client("h1") as client:
            for request in (acme.permitted(alice), acme.forbidden(alice), acme.housekeeping(alice)):
                client.send(request)
        permitted, forbidden, housekeeping = gateway.envoy.access_log(3)
        records = gateway.envoy.decision_log(2)
    for line, record in zip((permitted, forbidden), records, strict=True):
        assert line["toolgate"] == {
            "id": record["id"],
            "decision": record["decision"],
            "reason": record["reason"],
            "policy": " ".join(record["policies"]),
            "tool": record["tool"],
            "principal": 'User::"alice"',
            "actor": 'Agent::"support-bot"',
        }
    assert housekeeping["toolgate"] is None


def reading_the_object(config: dict[str, Any], _: Files) -> None:
    """Logs the whole object as nested JSON."""
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    log = chain["filters"][0]["typed_config"]["access_log"][0]["typed_config"]["log_format"]
    log["json_format"]["toolgate"] = "%TYPED_CEL(filter_state['wasm.toolgate'])%"


def test_an_access_log_filter_reads_the_object(
    tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str
) -> None:
    with open_gateway(tmp_path, issuer, bundle, shape=logging_denials) as gateway:
        with gateway.client("h1") as client:
            for request in (acme.permitted(alice), acme.housekeeping(alice), acme.forbidden(alice)):
                client.send(request)
        gateway.envoy.access_log(3)
        assert [record["decision"] for record in gateway.envoy.decision_log(1)] == ["DENY"]


def logging_denials(config: dict[str, Any], _: Files) -> None:
    """Logs only records of denials."""
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    log = chain["filters"][0]["typed_config"]["access_log"][1]
    denied = "'wasm.toolgate' in filter_state && filter_state['wasm.toolgate'].decision == 'DENY'"
    log["filter"]["extension_filter"]["typed_config"]["expression"] = denied
