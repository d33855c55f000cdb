"""A tool is hidden from a caller exactly if the solver proves that no call of it is permitted."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import paths
from test_prove import toolgate

SERVERS = ("crm", "payments", "mail")
# Who is who beyond the token: a manager is a rep, too.
ROLES = {"rep": {"rep"}, "manager": {"rep", "manager"}, "accountant": {"accountant"}}
SUITES = [paths.BUNDLE / "tests" / name for name in ("agents.yaml", "contacts.yaml")]
# The claims of each caller whose agent acts alone, and where they stand.
CALLERS: dict[str, tuple[Path, dict[str, Any]]] = {
    name: (suite, identity["tokens"]["session"])
    for suite in SUITES
    for name, identity in yaml.safe_load(suite.read_text())["identities"].items()
    if "act" not in identity["tokens"]["session"]["act"]
}


def bundle(directory: Path, rule: str) -> Path:
    """The example bundle with one more rule for everybody."""
    copied = shutil.copytree(paths.BUNDLE, directory)
    (copied / "org" / "rule.cedar").write_text(f'@id("rule")\nforbid (principal, action, resource) {rule};\n')
    return copied


def is_caller(claims: dict[str, Any]) -> str:
    """The condition that this caller alone fulfils, with the agent that acts alone."""
    held = set().union(*(ROLES[role] for role in claims["roles"]))
    roles = [f'{"" if role in held else "!"}(principal in Role::"{role}")' for role in ROLES]
    agent = f'Agent::"{claims["act"]["sub"]}"'
    conditions = [
        *(f'principal == User::"{claims["sub"]}"', f'principal.tenant == "{claims["tenant"]}"', *roles),
        *(f'principal in Account::"{claims["tenant"]}"', f"context.actor == {agent}"),
        *("context.delegation.depth == 1", f"context.delegation.agents == [{agent}]"),
    ]
    return " && ".join(conditions)


def shown(caller: str) -> set[str]:
    """The tools that the caller's lists have."""
    tools: set[str] = set()
    for server in SERVERS:
        suite, _ = CALLERS[caller]
        _, answer = toolgate("explain", paths.BUNDLE, "--list", server, "--identity", suite, "--as", caller)
        tools |= {f"{server}/{tool['tool']}" for tool in answer["tools"] if tool["shown"]}
    return tools


@pytest.mark.parametrize("caller", CALLERS)
def test_what_is_hidden_cannot_be_called(caller: str, tmp_path: Path, solver: Path) -> None:
    _, claims = CALLERS[caller]
    nothing = bundle(tmp_path / "nothing", "")
    theirs = bundle(tmp_path / "theirs", f"unless {{ {is_caller(claims)} }}")
    _, answer = toolgate("diff", nothing, theirs, "--prove", CVC5=str(solver))
    assert answer["proof"]["unavailable"] is None
    pairs = answer["proof"]["pairs"]
    assert {pair["verdict"] for pair in pairs} <= {"equal", "wider"}, pairs
    assert {pair["tool"] for pair in pairs if pair["verdict"] == "wider"} == shown(caller)
