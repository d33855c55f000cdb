"""Generates bundle directories for organisations of any size.

Ten policies are about the calls of the benchmark and are the same everywhere; each further one is about another
person, group, tool or payment. All files are JSON, which is also YAML: the sidecar reads the same directory.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from harness import paths

from parts import places

Json = dict[str, Any]

OWN_POLICIES = 10
# Placeholder for the path of the filter in cached files.
ANY_FILTER = "/any/toolgate.wasm"
SERVERS = 20
TOOLS = 5
LARGEST_BODY = 2 * 1024 * 1024

SCHEMA = """\
entity Role in [Role];
entity Group;
entity User in [Role, Group] { tenant: String };
entity AgentClass;
entity Agent in [AgentClass];
entity Server;
entity Payment;
"""

# The policies about the calls of the benchmark.
OWN = """\
@id("rep-moves-money")
permit (principal in Role::"rep", action in Action::"class:money", resource)
when { context.actor in AgentClass::"support" };

@id("manager-moves-money")
permit (principal in Role::"manager", action in Action::"server:payments", resource);

@id("limit")
forbid (principal, action in Action::"class:money", resource)
unless { context.input.amount.lessThan(decimal("500.0")) };

@id("own-tenant")
forbid (principal, action, resource)
unless { context.input.account == principal.tenant };

@id("frozen")
forbid (principal in Group::"frozen", action, resource);

@id("trainees-only-read")
forbid (principal, action in Action::"class:write", resource)
when { context.actor in AgentClass::"trainee" };

@id("goodwill-is-small")
forbid (principal, action == Action::"payments/refund", resource)
when {
    context.input.reason == payments::refund::Input::reason::"goodwill" &&
    context.input.amount.greaterThan(decimal("100.0"))
};

@id("no-long-chains")
forbid (principal, action in Action::"class:money", resource)
when { context.delegation.depth > 3 };

@id("no-passwords-in-notes")
forbid (principal, action in Action::"server:payments", resource)
when { context.input has note && context.input.note like "*password*" };

@id("test-payments")
forbid (principal, action in Action::"class:money", resource)
when { context.input.payment_id like "test-*" };
"""

# The parts of a practically empty bundle.
NO_OTHER = """\
@id("rep-moves-money")
permit (principal in Role::"rep", action in Action::"class:money", resource);
"""


@cache
def resource(directory: Path, wasm: Path = paths.TOOLGATE_WASM, command: Path = paths.TOOLGATE) -> bytes:
    """The ECDS resource of a bundle's directory, for this build of the filter, made by this build of the command."""
    file = directory.with_suffix(f".{hashlib.sha256(bytes(command)).hexdigest()[:8]}.json")
    sources = (places.BENCH / "parts").glob("*.py")
    made_by = hashlib.sha256(b"".join(each.read_bytes() for each in (command, *sorted(sources)))).hexdigest()
    stamp = file.with_suffix(".stamp")
    if not file.exists() or not stamp.exists() or stamp.read_text() != made_by:
        arguments = ["emit", "ecds", str(directory), "--wasm", ANY_FILTER, "--output", str(file)]
        subprocess.run([str(command), *arguments], stdout=subprocess.DEVNULL, check=True)
        stamp.write_text(made_by)
    return file.read_bytes().replace(ANY_FILTER.encode(), str(wasm).encode())


# What a bundle says that remembers, and a policy that reads it. Nobody reaches a limit.
REMEMBERED: Json = {
    "history": {"windows": {"recent": "10m", "hour": "1h"}},
    "budgets": {
        "calls": {"per": ["principal", "actor"], "limit": 10**9, "window": "1h", "kind": "fixed"},
        "money": {
            "of": ["class:money"],
            "per": ["principal", "actor"],
            "amount": {"argument": "amount"},
            "limit": 10**11,
            "window": "24h",
            "kind": "fixed",
        },
    },
}
READER = """\
@id("not-too-often")
forbid (principal, action in Action::"class:money", resource)
when { context.history.recent.classes.money.calls > 1000000000 };
"""


@cache
def bundle(policies: int, *, remembers: bool = False) -> Path:
    """The directory of a bundle with this many policies."""
    servers = {
        server: {"tools_from": f"tools/{server}.json", "tools": {tool: _marks(tool) for tool in tools}}
        for server, tools in _servers().items()
    }
    tools = {server: [_tool(name) for name in names] for server, names in _servers().items()}
    others = (_policy(number) for number in range(max(policies - OWN_POLICIES, 0)))
    sources = {"own": OWN if policies else NO_OTHER, "others": "\n".join(others)}
    written = manifest(servers, version=policies + 1)
    if remembers:
        return write(f"{policies}-remembering", written | REMEMBERED, tools, sources | {"reader": READER})
    return write(str(policies), written, tools, sources)


def write(name: str, manifest: Json, tools: dict[str, list[Json]], policies: dict[str, str]) -> Path:
    """Writes the directory of a bundle with the entities and the schema of every bundle here."""
    directory = places.TARGET / "bundles" / name
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "org").mkdir(parents=True)
    (directory / "tools").mkdir()
    (directory / "schema.cedarschema").write_text(SCHEMA)
    _write(directory / "bundle.yaml", manifest)
    _write(directory / "entities.yaml", _entities(manifest["servers"]))
    for server, listed in tools.items():
        _write(directory / "tools" / f"{server}.json", {"tools": listed})
    for file, source in policies.items():
        (directory / "org" / f"{file}.cedar").write_text(source)
    return directory


def _write(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=1))


def _servers() -> dict[str, list[str]]:
    others = {f"server_{number}": [f"tool_{each}" for each in range(TOOLS)] for number in range(1, SERVERS)}
    return {"payments": ["refund", "payout", "tool_0", "tool_1", "tool_2"]} | others


def manifest(servers: Json, *, version: int) -> Json:
    """The `bundle.yaml` of a bundle with these servers."""
    return {
        "name": "bench",
        "version": version,
        "layers": {"unknown_tenant": "org"},
        "identity": {
            "principal": {
                "tokens": ["session"],
                "type": "User",
                "attributes": {"tenant": {"claim": "tenant", "type": "String"}},
                "parents": [{"claim": "roles", "type": "Role"}, {"claim": "groups", "type": "Group", "optional": True}],
                "tenant": "tenant",
            },
            "actor": {"type": "Agent"},
        },
        "channels": [{"path": f"/{server}/mcp", "server": server} for server in servers],
        "servers": servers,
        "limits": {"body_bytes": LARGEST_BODY},
    }


def _marks(tool: str) -> Json:
    if tool in ("refund", "payout"):
        resource = {"type": "Payment", "argument": "payment_id", "unknown": "evaluate"}
        return {"classes": ["write", "money"], "resource": resource}
    return {"classes": ["read" if tool.endswith(("0", "1")) else "write"]}


def _tool(name: str) -> Json:
    properties = {
        "account": {"type": "string"},
        "payment_id": {"type": "string"},
        "amount": {"type": "number"},
        "reason": {"type": "string", "enum": ["duplicate", "damaged", "goodwill"]},
        "note": {"type": "string"},
    }
    required = ["account", "payment_id", "amount", "reason"]
    schema = {"type": "object", "properties": properties, "required": required}
    return {"name": name, "description": "A tool of the benchmark.", "inputSchema": schema}


def _entities(names: Iterable[str]) -> list[Json]:
    servers = [{"uid": f'Server::"{name}"'} for name in names]
    classes = [{"uid": f'AgentClass::"{name}"'} for name in ("support", "finance", "trainee")]
    roles: list[Json] = [{"uid": 'Role::"rep"'}, {"uid": 'Role::"manager"', "parents": ['Role::"rep"']}]
    agents = [
        {"uid": 'Agent::"support-bot"', "parents": ['AgentClass::"support"']},
        {"uid": 'Agent::"finance-bot"', "parents": ['AgentClass::"finance"']},
        {"uid": 'Agent::"intern-bot"', "parents": ['AgentClass::"support"', 'AgentClass::"trainee"']},
    ]
    return [*servers, *classes, *roles, *agents]


def _policy(number: int) -> str:
    """A policy that is not about the calls of the benchmark."""
    server = f"server_{number % (SERVERS - 1) + 1}"
    tool = f"{server}/tool_{number // 7 % TOOLS}"
    amount = number % 900 + 100
    shapes = (
        f'permit (principal in Group::"group-{number}", action == Action::"{tool}", resource == Server::"{server}")\n'
        f'when {{ context.actor in AgentClass::"support" && '
        f'context.input.amount.lessThan(decimal("{amount}.0")) }};',
        f'forbid (principal == User::"user-{number}", action in Action::"class:write", resource)\n'
        'unless { context.actor in AgentClass::"finance" };',
        f'permit (principal in Role::"role-{number}", action in [Action::"{tool}", Action::"class:read"], resource)\n'
        "when { context.input.account == principal.tenant };",
        f'forbid (principal, action == Action::"{tool}", resource)\n'
        f'when {{ principal.tenant == "tenant-{number}" && '
        f'context.input.amount.greaterThan(decimal("{amount}.0")) }};',
        f'forbid (principal in Group::"group-{number}", action in Action::"server:{server}", resource)\n'
        f'when {{ context.input.account != "account-{number}" }};',
        f'forbid (principal, action, resource == Payment::"payment-{number}")\n'
        'unless { context.actor in AgentClass::"finance" && context.delegation.depth == 1 };',
    )
    return f'@id("policy-{number}")\n{shapes[number % len(shapes)]}\n'
