"""Everything that clients and servers of the official SDKs do with each other is the same through the gate."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, page, tours
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.relay import PIECES, relay
from harness.tokens import TokenIssuer
from harness.toolgate import run as toolgate
from harness.tours import CLIENTS, SERVERS, STEPS, Client, Outcomes, Tour

PATHS = ("/mcp/", "/json/")
# What a server does not announce, and `init` leaves out.
METHODS = [
    *("resources/subscribe", "resources/unsubscribe", "subscriptions/listen"),
    *("tasks/get", "tasks/result", "tasks/list", "tasks/cancel"),
]
POLICIES = """
@id("nobody-erases")
forbid (principal, action == Action::"tour/erase", resource);

@id("nobody-reads-secrets")
forbid (principal, action == Action::"tour/resources/read", resource in ResourcePattern::"tour/safe");

@id("nobody-confesses")
forbid (principal, action == Action::"tour/prompts/get", resource) when { context.input.name == "confession" };

@id("hr-sees-people")
permit (principal in Role::"hr", action in Action::"reveal:pii", resource);
"""
HIDDEN = {"erase", "secret", "confession"}
WITHHELD = "[withheld: pii]"
# What the tool that runs as a task returns.
TASK_RESULT = "10"


@pytest.fixture(scope="module")
def columns() -> dict[tuple[str, Client], dict[str, str]]:
    """The cells of each pairing that was tried."""
    return {}


@pytest.mark.parametrize("server", SERVERS)
def test_every_step_is_the_same_through_the_gate(
    server: str, tmp_path: Path, issuer: TokenIssuer, columns: dict[tuple[str, Client], dict[str, str]]
) -> None:
    claims = {"sub": "bob", "act": {"sub": "agent"}}
    operator, hr = (issuer.sign(claims | {"roles": roles}) for roles in (["operator"], ["operator", "hr"]))
    with tours.server(server, tmp_path / "server.log") as port, relay(port) as between:
        routes = [{"match": {"path": path}, "route": {"cluster": "tools", "timeout": "0s"}} for path in PATHS]
        setup = Setup(between.port, issuer.jwks(), routes=tuple(routes))
        with Envoy(tmp_path / "envoy", setup, bundles.emit(labelled(tmp_path / "tour", port))) as envoy:
            direct, gate = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{envoy.port}"
            known = [Tour(f"{direct}{path}", "none", path == "/json/") for path in PATHS]
            asked = [
                Tour(f"{gate}{path}{query}", token, path == "/json/")
                for path in PATHS
                for query in ("", f"?{PIECES}")
                # To one who sees everything, results pass unread, and JSON is no other way than a stream.
                for token in ((operator, hr) if path == "/mcp/" else (operator,))
            ]

            def taken(client: Client) -> list[Outcomes]:
                return tours.take(client, server, [*known, *asked])

            with ThreadPoolExecutor(2) as pool:
                found = dict(zip(CLIENTS, pool.map(taken, CLIENTS), strict=True))
            assert envoy.complaints() == []
            assert [line for line in envoy.access_log(1) if line["status"] == 503] == [], "a connection was lost"
    differences: dict[tuple[Client, str, bool], str] = {}
    for client, (streams, answers, *through) in found.items():
        for tour, seen in zip(asked, through, strict=True):
            should = expected(answers if tour.as_json else streams, is_revealed=tour.token == hr)
            for step, outcome in should.items():
                became = normal(step, seen.get(step, {}), is_revealed=tour.token == hr)
                if outcome != became:
                    differences[client, step, tour.token == hr] = f"at {tour.url}: {outcome} became {became}"
    unknown = [f"{place[0].sign}, {place[1]} {told}" for place, told in differences.items() if not is_known(*place[1:])]
    assert not unknown, "\n".join(unknown)
    for client, (streams, *_) in found.items():
        differs = {step: [(client, step, way) in differences for way in (False, True)] for step in STEPS}
        columns[server, client] = {step: cell(streams.get(step), *differs[step]) for step in STEPS}
    broken = [client for client, (streams, *_) in found.items() if "hang_up" in streams]
    assert between.resumed >= 4 * len(broken), "a broken stream was not resumed"


def labelled(bundle: Path, port: int) -> Path:
    """A bundle with which lists are filtered, and a part of a result is withheld from some."""
    toolgate("init", str(bundle), "--url", f"http://127.0.0.1:{port}/mcp/", "--server", "tour")
    file = bundle / "bundle.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["channels"] = [{"path": path, "server": "tour"} for path in PATHS]
    tour = manifest["servers"]["tour"]
    tour["tools"].setdefault("find_person", {})["labels"] = {"pii": ["email"]}
    tour["resources"] = {"safe": "note://safe/*"}
    methods = tour.setdefault("methods", {})
    methods |= {method: methods.get(method, {}) for method in ("resources/read", "prompts/get")}
    manifest["mcp"] = {"bind_sessions": True, "methods": [method for method in METHODS if method not in methods]}
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    (bundle / "org" / "tour.cedar").write_text(POLICIES)
    return bundle


def expected(direct: Outcomes, *, is_revealed: bool) -> Outcomes:
    """What a caller should see of these outcomes through the gate."""
    should = {}
    for step, outcome in direct.items():
        seen = shown(outcome) if step in ("tools", "resources", "prompts") else outcome
        should[step] = normal(step, seen if is_revealed else withheld(step, seen), is_revealed=is_revealed)
    return should


def shown(pages: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """The pages of a list without what nobody may use, and without the schema of a result that can have gaps."""
    kept = [[dict(entry) for entry in entries if entry["name"] not in HIDDEN] for entries in pages]
    for entry in (entry for entries in kept for entry in entries if entry["name"] == "find_person"):
        entry.pop("outputSchema", None)
    return kept


def withheld(step: str, outcome: Any) -> Any:
    """An outcome without what the label withholds."""
    match step:
        case "find_person":
            result = {member: value for member, value in outcome["result"].items() if member != "_meta"}
            person = result["structuredContent"] | {"email": WITHHELD}
            text = {"type": "text", "text": json.dumps(person)}
            return outcome | {"result": result | {"structuredContent": person, "content": [text]}}
        case "hang_up":
            # On a stream that is resumed, the gate does not know of which tool a result is.
            return outcome | {"result": outcome["result"] | {"content": [{"type": "text", "text": WITHHELD}]}}
        case "task":
            return json.loads(json.dumps(outcome).replace(TASK_RESULT, WITHHELD))
    return outcome


def normal(step: str, outcome: Any, *, is_revealed: bool) -> Any:
    """An outcome in the form in which it is compared."""
    if step == "find_person" and "result" in outcome:
        # Texts that are JSON have no order and no spaces.
        content = [block | {"text": json.loads(block["text"])} for block in outcome["result"]["content"]]
        return outcome | {"result": outcome["result"] | {"content": content}}
    if step == "hang_up" and "progress" in outcome and not is_revealed:
        # Its words are withheld if the server sends it on the second stream.
        return outcome | {"progress": len(outcome["progress"])}
    return outcome


def is_known(step: str, is_revealed: bool) -> bool:
    """Whether the gate is known to change a step, as the page says."""
    return step == "subscribe" and not is_revealed


def cell(outcome: Any, differs_if_withheld: bool, differs: bool) -> str:
    """Whether a step works without the gate, and with it."""
    if outcome is None:
        return ""
    if differs:
        return "no"
    if differs_if_withheld:
        return "if nothing is withheld"
    if "error" in outcome:
        return "refused as directly"
    # What a client has waited for in vain.
    return "no, as directly" if None in (outcome.values() if isinstance(outcome, dict) else outcome) else "yes"


def test_the_page_shows_the_tour(columns: dict[tuple[str, Client], dict[str, str]]) -> None:
    if len(columns) < len(SERVERS) * len(CLIENTS):
        pytest.skip("not every pairing was tried")
    head = ["step", *(f"{client.sign} → {server}" for server, client in columns)]
    rows = [[words, *(cells[step] for cells in columns.values())] for step, words in STEPS.items()]
    page.holds("Tour", head, rows)
