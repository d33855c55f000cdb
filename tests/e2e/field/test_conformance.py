"""The official conformance suite passes through the gate as it passes without it."""

from pathlib import Path
from typing import Any

import yaml

from harness import bundles, conformance, page, paths, pins, toolgate
from harness.conformance import Score, Suite
from harness.envoy import Envoy
from harness.envoy_config import Files, Setup
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

# By revision of MCP. `None`: each scenario uses a revision of its choice.
OLD = Suite("conformance1", None)
LEGACY = Suite("conformance2", "2025-11-25")
MODERN = Suite("conformance2", "2026-07-28")
# Only here are the scenarios of extensions, which belong to no revision.
EVERYTHING = Suite("conformance2", None)

COLUMNS = (OLD, LEGACY, MODERN)
# A scenario in a column of the table.
Place = tuple[Suite, str]

MUTATION = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
# What the scenarios use besides the lifecycle and tools.
METHODS = [
    *("completion/complete", "prompts/list", "prompts/get", "resources/list", "resources/templates/list"),
    *("resources/read", "resources/subscribe", "resources/unsubscribe", "subscriptions/listen"),
    *("tasks/get", "tasks/update", "tasks/cancel"),
]


def test_scenarios_that_pass_without_the_gate_pass_through_it(tmp_path: Path, issuer: TokenIssuer) -> None:
    with ToolServer("mcp2", tmp_path / "server.log", script=paths.CLIENTS / "conformance" / "server.py") as server:
        bundle = permissive(tmp_path / "conformance", f"http://127.0.0.1:{server.port}/mcp")
        token = issuer.sign({"sub": "suite", "roles": ["operator"]})
        setup = Setup(server.port, issuer.jwks(), shape=signed_in(token))
        with Envoy(tmp_path / "envoy", setup, bundles.emit(bundle)) as envoy:
            ports = {"direct": server.port, "gate": envoy.port}
            scores = {way: measured(port, tmp_path / way) for way, port in ports.items()}
            assert envoy.complaints() == []
    direct, gate = scores["direct"], scores["gate"]
    assert [(place, lost) for place in direct if (lost := gate[place].failed - direct[place].failed)] == []
    page.holds("Conformance", *table(direct, gate))


def measured(port: int, directory: Path) -> dict[Place, Score]:
    """The score of every scenario of every suite."""
    found: dict[Place, Score] = {}
    for suite in (OLD, LEGACY, MODERN, EVERYTHING):
        scores = conformance.run(suite, url(port), directory / f"{suite.environment}-{suite.revision}")
        known = {scenario for _, scenario in found} if suite == EVERYTHING else set()
        column = MODERN if suite == EVERYTHING else suite
        found |= {(column, scenario): scores[scenario] for scenario in scores if scenario not in known}
    return found


def url(port: int) -> str:
    """The suite tests protection from DNS rebinding only on a server that is called by this name."""
    return f"http://localhost:{port}/mcp"


def permissive(directory: Path, server: str) -> Path:
    """A bundle that permits every tool of the server, and the methods of the scenarios."""
    toolgate.run("init", str(directory), "--url", server)
    manifest = directory / "bundle.yaml"
    # Those that the server announces are decided by the policies of `init`.
    decided = {name for each in yaml.safe_load(manifest.read_text())["servers"].values() for name in each.get("methods", {})}
    with manifest.open("a") as file:
        file.write(yaml.safe_dump({"mcp": {"methods": [method for method in METHODS if method not in decided]}}))
    return directory


def signed_in(token: str) -> Any:
    """Every request has this token, since the suite has none."""
    header = {"header": {"key": "authorization", "value": f"Bearer {token}"}}

    def apply(config: dict[str, Any], _: Files) -> None:
        listener = config["static_resources"]["listeners"][0]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        mutation = {"@type": f"type.googleapis.com/{MUTATION}", "mutations": [{"append": header}]}
        extension = {"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": mutation}
        manager["early_header_mutation_extensions"] = [extension]
        [host] = manager["route_config"]["virtual_hosts"]
        host["routes"] = [{"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}]

    return apply


def table(direct: dict[Place, Score], gate: dict[Place, Score]) -> tuple[list[str], list[list[str]]]:
    """A row for every scenario: the checks that pass, directly and through the gate."""
    head = ["scenario"]
    for suite in COLUMNS:
        version = pins.version(suite.environment, conformance.PACKAGE)
        head += [" ".join(filter(None, (version, suite.revision, "direct"))), "gate"]
    rows = []
    for scenario in dict.fromkeys(scenario for _, scenario in direct):
        places = [(suite, scenario) for suite in COLUMNS]
        cells = [str(scores.get(place, "")) for place in places for scores in (direct, gate)]
        rows.append([f"`{scenario}`", *cells])
    return head, rows
