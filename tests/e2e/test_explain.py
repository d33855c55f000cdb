"""`toolgate explain` repeats decisions of Envoy from their records."""

import json
import subprocess
from pathlib import Path
from typing import Any

from harness import cases, paths
from harness.cases import Case
from harness.gateway import open_gateway
from harness.tokens import TokenIssuer

# Reasons from policies. Other refusals happen before policy evaluation, and are reported as recorded.
BY_POLICY = {"permitted": 0, "forbidden": 2, "not_permitted": 2}


def explain(record: dict[str, Any], case: Case, sent: bytes, directory: Path) -> tuple[int, dict[str, Any]]:
    """Explains one record, which has all arguments except redacted ones: exit code and output."""
    log, arguments = (directory / name for name in ("record.ndjson", "arguments.json"))
    log.write_text(json.dumps(record) + "\n")
    arguments.write_text(json.dumps(json.loads(sent)["params"].get("arguments", {})))
    command = [paths.TOOLGATE, "explain", case.bundle, "--record", log, "--arguments", arguments]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_records_are_explained_as_they_were_decided(tmp_path: Path, issuer: TokenIssuer, bundle: bytes) -> None:
    policies = paths.BUNDLE.relative_to(paths.REPOSITORY)
    told = [case for case in cases.load() if case.file.startswith(str(policies)) and case.expect["reason"] in BY_POLICY]
    assert len({case.expect["reason"] for case in told}) == len(BY_POLICY)
    single = [case for case in told if isinstance(json.loads(case.request.body), dict)]
    names = cases.tokens(paths.BUNDLE)
    with open_gateway(tmp_path, issuer, bundle, tokens=names) as gateway, gateway.client("h1") as client:
        sent = [case.signed(issuer) for case in single]
        for request in sent:
            client.send(request)
        records = gateway.envoy.decision_log(len(single))
    for case, request, record in zip(single, sent, records, strict=True):
        status, answer = explain(record, case, request.body, tmp_path)
        assert answer["recorded"]["same"], case.name
        assert (answer["decision"], answer["reason"]) == (record["decision"], record["reason"]), case.name
        assert status == BY_POLICY[record["reason"]], case.name
