"""A crowd that fills the memory of an Envoy several times over, and what is remembered then."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from harness import bundles
from harness.envoy import Envoy
from harness.envoy_config import Files, Setup
from harness.flood import flood
from harness.tokens import FastIssuer
from harness.tool_server import free_port

MEBIBYTE = 2**20
# What Envoy and its VMs may take for anything else during a flood, such as connections and the filter's caches.
OVERHEAD = 16 * MEBIBYTE
# After which parts of the crowd memory is looked at; it has room for all of the first.
PARTS = (0.05, 0.25, 0.5, 0.75, 1.0)
# How many people of each kind are looked at, and how many of those who call all the time.
PEOPLE, REGULARS = 200, 5
# One call in so many is by a regular.
REGULAR_EVERY = 200
# What all calls of the crowd attach, so that an account takes more space, and memory is full sooner.
LABELS = [f"label_{number}" for number in range(4)]

POLICIES = """@id("everybody") permit (principal, action, resource);

@id("one-export") forbid (principal, action == Action::"desk/export", resource)
when { context.history.day.tools["desk/export"].calls >= 1 };

@id("no-mail-after-customers") forbid (principal, action == Action::"desk/mail", resource)
when { context.history.labels.customer_data.attached };

@id("only-after-one-look") forbid (principal, action == Action::"desk/again", resource)
unless { context.history.day.tools["desk/look_up"].calls == 1 };
"""

# Calls that the past of the people forbids, and what each used up.
USED = ("read_customer", "export", "transfer")
LIMITED = {"mail": "forbidden", "export": "forbidden", "transfer": "budget_exceeded"}
TOOLS = ("export", "transfer", "mail", "again", "weekly")


class Size(NamedTuple):
    """How much memory the process has, and how much of it Envoy uses outside of VMs; in bytes."""

    resident: int
    allocated: int


class Flooded(NamedTuple):
    """What was seen during a flood and after it."""

    # Before the flood, and after each part.
    sizes: list[Size]
    # Of the crowd's own calls.
    crowd: Counter[str]
    # The last of the crowd, after each part: calls that are permitted if exactly one call is remembered.
    newest: list[Counter[str]]
    # Those who call all the time, after each part: calls that they may make only once, and calls that they may make.
    regulars: list[tuple[Counter[str], Counter[str]]]
    # Limited calls of people from before the flood, by tool; attackers make a call without a limit before.
    victims: dict[str, Counter[str]]
    attackers: dict[str, Counter[str]]
    # Calls of people whose calls count for longer than those of the crowd.
    kept: Counter[str]
    complaints: list[str]


def emit(directory: Path, memory: int) -> bytes:
    """The bundle, with so many bytes of memory."""
    tools: dict[str, dict[str, object]] = {name: {} for name in TOOLS}
    tools |= {"look_up": {"carries": LABELS}, "read_customer": {"carries": ["customer_data"]}}

    def budget(window: str, tool: str) -> dict[str, object]:
        return {"of": [f"desk/{tool}"], "per": ["principal"], "limit": 1, "window": window}

    written = bundles.small(
        directory,
        POLICIES,
        tools,
        memory={"bytes": memory},
        # Longer than any flood.
        history={"windows": {"day": "24h"}, "labels": dict.fromkeys(["customer_data", *LABELS], "24h")},
        budgets={"transfers": budget("24h", "transfer"), "weekly": budget("7days", "weekly")},
    )
    return bundles.emit(written)


def run(directory: Path, crowd: int, memory: int) -> Flooded:
    """Lets a crowd call through one Envoy, each person once, and looks at what is remembered."""
    issuer = FastIssuer()

    def tokens(kind: str, people: range, **claims: str) -> list[str]:
        return [issuer.sign({"sub": f"{kind}-{number}", "act": {"sub": "helper"}} | claims) for number in people]

    victims, attackers, keepers = (tokens(kind, range(PEOPLE)) for kind in ("victim", "attacker", "keeper"))
    regulars = tokens("regular", range(REGULARS))

    def callers(people: range) -> Iterator[str]:
        for number in people:
            # What is done in a transaction is remembered for it, too.
            yield from tokens("person", range(number, number + 1), txn="only")
            if number % REGULAR_EVERY == 0:
                yield regulars[number // REGULAR_EVERY % REGULARS]

    with Envoy(directory / "envoy", _setup(issuer), emit(directory / "bundle", memory)) as envoy:

        def call(callers: list[str], tool: str) -> Counter[str]:
            return flood(envoy.port, callers, tool)

        for tool in USED:
            assert call(victims + attackers, tool) == {"permitted": 2 * PEOPLE}
        assert call(keepers, "weekly") == {"permitted": PEOPLE}
        assert call(regulars, "export") == {"permitted": REGULARS}
        regular, newest, seen = [], [], Counter[str]()
        sizes = [_size(envoy)]
        for begin, end in pairwise((0.0, *PARTS)):
            people = range(int(crowd * begin), int(crowd * end))
            seen += flood(envoy.port, callers(people), "look_up")
            sizes.append(_size(envoy))
            regular.append((call(regulars, "export"), call(regulars, "mail")))
            newest.append(call(tokens("person", people[-PEOPLE:]), "again"))
        # A call that needs no history gives somebody who had to give way a new account, not a new past.
        seen += call(attackers, "look_up")
        return Flooded(
            sizes=sizes,
            crowd=seen,
            newest=newest,
            regulars=regular,
            victims={tool: call(victims, tool) for tool in LIMITED},
            attackers={tool: call(attackers, tool) for tool in LIMITED},
            kept=call(keepers, "weekly"),
            complaints=envoy.complaints(),
        )


def check(flooded: Flooded, memory: int) -> None:
    """Asserts that memory was full and bounded, and that nobody has gained anything."""
    assert set(flooded.crowd) == {"permitted"}, flooded.crowd
    assert flooded.complaints == []
    before, *_, last, end = flooded.sizes
    for size in flooded.sizes:
        assert size.allocated - before.allocated < memory + OVERHEAD, flooded.sizes
        # Between values whose sizes change all the time, the allocator keeps up to half as much again.
        assert size.resident - before.resident < memory * 3 // 2 + OVERHEAD, flooded.sizes
    # Memory is full, and the last quarter of the crowd makes it hardly fuller.
    assert end.allocated - before.allocated > memory // 2, flooded.sizes
    assert end.resident - last.resident < memory // 8, flooded.sizes
    assert end.allocated - last.allocated < memory // 8, flooded.sizes
    # Most of those who were there before had to give way, and none of them may do again what they may do once.
    for tool, reason in LIMITED.items():
        for seen in (flooded.victims[tool], flooded.attackers[tool]):
            assert set(seen) <= {reason, "history_incomplete"}, f"{tool}: {seen}"
            assert seen["history_incomplete"] > PEOPLE // 2, f"{tool}: {seen}"
    # A history that is remembered is right.
    assert flooded.newest[0]["permitted"] > PEOPLE * 9 // 10, flooded.newest
    assert all(set(seen) <= {"permitted", "history_incomplete"} for seen in flooded.newest), flooded.newest
    exact = (Counter(forbidden=REGULARS), Counter(permitted=REGULARS))
    assert flooded.regulars == [exact] * len(PARTS), flooded.regulars
    assert flooded.kept == {"budget_exceeded": PEOPLE}, flooded.kept


def _setup(issuer: FastIssuer) -> Setup:
    """Envoy answers by itself, and logs nothing, so that the gate has most of the work."""

    def shape(config: dict[str, Any], _: Files) -> None:
        [listener] = config["static_resources"]["listeners"]
        listener["filter_chains"][0]["filters"][0]["typed_config"]["access_log"] = []

    answer = {"status": 200, "body": {"inline_string": "{}"}}
    route = {"match": {"path": "/mcp"}, "direct_response": answer}
    return Setup(free_port(), issuer.jwks(), routes=(route,), shape=shape)


def _size(envoy: Envoy) -> Size:
    lines = Path(f"/proc/{envoy.pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS")]
    return Size(int(line.split()[1]) * 1024, int(json.loads(envoy.admin("/memory"))["allocated"]))
