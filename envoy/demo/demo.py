"""Toolgate at work: a real Envoy, real MCP servers and clients, and what came of every call.

    python demo.py              tell the story and check it; the exit status says whether all went as expected
    python demo.py --verbose    the same with whole decision records
    python demo.py --keep       only start everything, say how to use it, and stop on Ctrl-C

Wants Python 3.11 with mcp 2.x and pyjwt[crypto].
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import calls
import sign_in
import story
from stage import BUNDLE, ENVIRONMENT, LOGS, REPOSITORY, Stage, StageError
from story import Scene

# Width of output that is not printed to a terminal.
WIDTH = max(40, min(100, shutil.get_terminal_size(fallback=(100, 24)).columns))
COLOURS = {"PERMIT": 32, "DENY": 31, "SILENCE": 33, "ESCALATE": 35, "strong": 1, "quiet": 2}

# Every field of a record (schema toolgate.decision/1).
RECORD_FIELDS = frozenset(
    "schema time id event_class decision reason detail policies layer mode bundle shadow_decision shadow"
    " candidate_decision candidate principal actor token authority path server tool tool_name method classes data_class"
    " operation cost arguments arguments_digest resource budgets approval capabilities txn trace_id source_ip"
    " environment gate".split()
)


class Demo:
    """Plays scenes on a stage, prints their results, and collects problems."""

    def __init__(self, stage: Stage, *, verbose: bool) -> None:
        self.stage = stage
        self.verbose = verbose
        self.problems: list[str] = []
        self.played: list[Scene] = []
        self.tokens: list[str] = []

    async def tell(self) -> None:
        """Plays the whole story and then checks the logs."""
        for chapter, scenes in story.CHAPTERS.items():
            show_title(chapter)
            for scene in scenes:
                await self.play(scene)
        show_title("A person approves: a new bundle leaves larger refunds to the finance desk")
        self.stage.reload(self.stage.with_approvals)
        for scene in story.APPROVALS:
            await self.play(scene)
        show_title("The emergency brake: a new bundle, while Envoy runs")
        self.quarantine("sales-copilot")
        await self.play(story.BRAKE)
        self.check_logs()

    async def play(self, scene: Scene) -> None:
        """Makes one call, prints it and checks it."""
        if scene.wait:
            await asyncio.sleep(scene.wait)
        self.played.append(scene)
        token = self._token(scene)
        known, executed = len(self.stage.records()), len(self.stage.executed() or [])
        outcome = await calls.make(scene, self.stage.port, token)
        records = await self._records(known, scene.records)
        ran = (self.stage.executed() or [])[executed:]
        show_scene(len(self.played), scene, outcome, records, ran, verbose=self.verbose)
        problems = check(scene, outcome, records, ran)
        for problem in problems:
            show("WRONG", problem, "DENY")
        self.problems += [f"{len(self.played)} {scene.title}: {problem}" for problem in problems]
        print()

    def _token(self, scene: Scene) -> str | None:
        if not scene.person:
            return None
        token = sign_in.token(scene.person, scene.agents)
        if scene.forged:
            # Another person's claims under this signature.
            head, _, signature = token.split(".")
            token = ".".join((head, sign_in.token("bob", scene.agents).split(".")[1], signature))
        self.tokens.append(token)
        return token

    async def _records(self, known: int, count: int) -> list[dict[str, Any]]:
        """The records of the last call; Envoy writes them shortly after its response."""
        deadline = time.monotonic() + 3
        while len(records := self.stage.records()[known:]) < count and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return records

    def quarantine(self, agent: str) -> None:
        """Adds an agent to the bundle's list and activates the new version of the bundle."""
        bundle = self.stage.directory / "bundle"
        shutil.copytree(BUNDLE, bundle)
        edit(bundle / "bundle.yaml", r"^version: (\d+)", lambda found: f"version: {int(found[1]) + 1}")
        list_begins = r'AgentList::"quarantined".*\n  attrs:\n    agents:\n'
        edit(bundle / "entities.yaml", list_begins, lambda found: f"{found[0]}      - {{ type: Agent, id: {agent} }}\n")
        started = time.monotonic()
        self.stage.reload(bundle)
        print(
            f"    a new version of the bundle quarantines {agent}; it is in force after "
            f"{time.monotonic() - started:.1f} s\n"
        )

    def check_logs(self) -> None:
        """Checks that nothing was logged twice, and that no secret was logged."""
        ids = [record["id"] for record in self.stage.records()]
        expected = sum(scene.records for scene in self.played)
        if len(ids) != expected or len(set(ids)) != expected:
            self.problems.append(f"expected {expected} records, got {len(ids)} with {len(set(ids))} different ids")
        # The first part of a token is the same for all tokens and contains no secret.
        parts = {part for token in self.tokens for part in token.split(".")[1:]}
        for name in LOGS:
            text = self.stage.log(name)
            self.problems += [f"{name} contains the redacted value `{s}`" for s in story.SECRETS if s in text]
            if any(part in text for part in parts):
                self.problems.append(f"{name} contains a part of a token")


def check(scene: Scene, outcome: calls.Outcome, records: list[dict[str, Any]], ran: list[dict[str, Any]]) -> list[str]:
    """All problems of one call."""
    header = (ran[0]["decision"] if ran else outcome.header) or ""
    pairs = [
        ("HTTP status", scene.status, outcome.status),
        ("refusal shown", not scene.permitted, outcome.refused),
        ("number of records", scene.records, len(records)),
        ("asked to open a page", scene.records > 1, bool(outcome.page)),
        # What a caller cannot call, with any arguments, it does not see.
        ("tool listed", True, not (scene.permitted and outcome.tools) or scene.name in outcome.tools),
        ("tools that ran", [scene.tool] * scene.permitted, [f"{run['server']}/{run['tool']}" for run in ran]),
        (f"caller reads `{scene.told}`", True, scene.told in outcome.text),
        # The refusal must not even contain the name of the other tenant.
        ("refusal names a tenant", False, outcome.refused and "globex" in outcome.text),
    ]
    if ran and scene.person:
        tenant = sign_in.PEOPLE[scene.person]["tenant"]
        identity = f'principal="User::\\"{scene.person}\\"", actor="Agent::\\"{scene.agents[0]}\\"", tenant="{tenant}"'
        pairs.append(("identity told to the tool", identity, ran[0]["identity"]))
    # Whoever is approved was refused first.
    pairs += [("first decision", "ESCALATE", record.get("decision")) for record in records[:-1]]
    for record in records[-1:]:
        pairs += [
            ("decision", scene.decision, record.get("decision")),
            ("reason", scene.reason, record.get("reason")),
            ("policies", list(scene.policies), record.get("policies")),
            ("missing fields", set(), set(RECORD_FIELDS - record.keys())),
            ("decision in the header", scene.decision.lower(), header.partition(";")[0]),
            ("id of the record in the header", True, f'id="{record.get("id")}"' in header),
        ]
    return [f"{what}: expected {wanted}, got {got}" for what, wanted, got in pairs if wanted != got]


def edit(file: Path, pattern: str, change: Callable[[re.Match[str]], str]) -> None:
    """Replaces the only match of a pattern in a file."""
    text, count = re.subn(pattern, change, file.read_text(), flags=re.MULTILINE)
    if count != 1:
        raise StageError(f"{file}: the pattern `{pattern}` occurs {count} times")
    file.write_text(text)


# ---- the page -------------------------------------------------------------------------------


def show_title(text: str) -> None:
    """Prints a chapter's title."""
    print(paint("strong", f"── {text} {'─' * max(0, WIDTH - len(text) - 4)}") + "\n", flush=True)


def show_scene(
    number: int,
    scene: Scene,
    outcome: calls.Outcome,
    records: list[dict[str, Any]],
    ran: list[dict[str, Any]],
    *,
    verbose: bool,
) -> None:
    """Prints one call on a few lines."""
    print(paint("strong", f"{number:2}  {scene.title}"))
    show("who", f"{describe(scene.person)} via {' for '.join(scene.agents)}" if scene.person else "nobody")
    arguments = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in scene.arguments.items())
    show("call", f"{scene.tool}({arguments})")
    if scene.client == "raw":
        show("sent", " ".join([*(f"{name}: {value}" for name, value in scene.headers.items()), scene.body]))
    for record in records:
        show("decision", "  ".join((record["decision"], record["reason"], *record["policies"])), record["decision"])
    if outcome.page:
        said = f", where dave says: {scene.approved}" if scene.approved else ", and does not"
        show("asked", f"to open {outcome.page}{said}")
    if outcome.tools:
        show("sees", ", ".join(outcome.tools), "quiet")
    show("caller", f"{outcome.status}  {' '.join(outcome.text.split())}")
    # Permitted calls carry the header to the tool, refusals carry it to the caller.
    show("header", (ran[0]["decision"] if ran else outcome.header) or "-", "quiet")
    for record in records:
        if verbose:
            print(json.dumps(record, indent=2, ensure_ascii=False))
        else:
            show("record", compact(record), "quiet")


def show(label: str, text: str, colour: str = "", *, lines: int = 2) -> None:
    """Prints a labelled text within the width of the page, limited to a number of lines."""
    # The start of a digest is enough to distinguish two of them by eye.
    text = re.sub(r"(sha256:\w{12})\w+", r"\1…", text)
    wrapped = textwrap.wrap(text, WIDTH - 14, max_lines=lines, placeholder=" …", break_on_hyphens=False)
    for line in wrapped or [""]:
        print(f"    {label:<10}{paint(colour, line)}", flush=True)
        label = ""


def describe(person: str) -> str:
    """A person with the claims of their token."""
    claims = sign_in.PEOPLE[person]
    return f"{person} ({', '.join(claims['roles']) or 'no role'}, {claims['tenant']})"


def compact(record: dict[str, Any]) -> str:
    """The fields of a record that the lines above omit."""
    names = ("event_class", "arguments", "classes", "data_class", "arguments_digest")
    return " ".join(f"{name}={json.dumps(record.get(name), ensure_ascii=False)}" for name in names)


def paint(colour: str, text: str, stream: TextIO = sys.stdout) -> str:
    """Adds colour on terminals unless it is disabled (https://no-color.org)."""
    if colour not in COLOURS or not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def say(text: str) -> None:
    """Prints progress, which is not part of the story."""
    print(paint("quiet", f"… {text}", sys.stderr), file=sys.stderr, flush=True)


# ---- the program ----------------------------------------------------------------------------


def keep(stage: Stage) -> None:
    """Keeps everything running and prints how to use it."""
    where, bundle = shown(stage.directory), shown(BUNDLE)
    sign_in_script = shown(Path(sign_in.__file__))
    print(
        f"""
Envoy     http://127.0.0.1:{stage.port}/crm/mcp, /payments/mcp and /mail/mcp
admin     http://127.0.0.1:{stage.admin_port}
executed  http://127.0.0.1:{stage.tools_port}/executed lists the calls that reached a tool
logs      {where}: decisions.ndjson, access.log, envoy.log, server.log
people    {", ".join(sign_in.PEOPLE)} ({sign_in_script})
agents    those in {bundle}/entities.yaml

Call a tool:

  TOKEN=$({shown(Path(sys.executable))} {sign_in_script} alice --agent support-bot)
  curl -i http://127.0.0.1:{stage.port}/crm/mcp \\
    -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -H 'accept: application/json, text/event-stream' -H 'mcp-protocol-version: 2025-11-25' \\
    -d '{story.READ_ADA}'

Change a policy in {bundle}/org and put it into force:

  {shown(stage.toolgate)} emit ecds {bundle} --environment {ENVIRONMENT} \\
    --wasm {stage.wasm} --output {shown(stage.bundle_file)}

The same with {shown(stage.with_approvals)} leaves refunds of 500 EUR and more to dave,
who approves them at {stage.approvals_url}

Ctrl-C stops everything.""",
        flush=True,
    )
    stage.watch()


def shown(path: Path) -> str:
    """A path as typed in the current directory. Links are not resolved, since a venv is one."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def finish(demo: Demo) -> int:
    """Prints the result and the next steps."""
    if demo.problems:
        print(f"{len(demo.problems)} things were not as expected:")
        print("\n".join(f"  {problem}" for problem in demo.problems))
        print(f"The logs are in {shown(demo.stage.directory)}.")
        return 1
    permitted = sum(scene.permitted for scene in demo.played)
    bundle, toolgate = shown(BUNDLE), shown(demo.stage.toolgate)
    print(f"""All as expected: {len(demo.played)} calls, of which {permitted} were permitted and ran, and no other.
Each left one record, also the one that Envoy itself stopped, and two where a person was asked;
no log shows a token or a redacted value.

What to try next:
  the records of this run           less {shown(demo.stage.directory)}/decisions.ndjson
  calls of your own                 make run, which begins new logs
  the bundle, to copy and change    less {bundle}/bundle.yaml
  what it decides, without Envoy    {toolgate} test {bundle} --environment {ENVIRONMENT}
  why it decides one call so        {toolgate} explain --help""")
    return 0


def options() -> argparse.Namespace:
    """The command line; the environment provides defaults from the Makefile."""
    built = REPOSITORY / "target"
    envoys = sorted(built.glob("e2e/envoy-*/lib/python*/site-packages/envoy/_bin/envoy"))
    envoy = os.environ.get("ENVOY") or (envoys[-1] if envoys else shutil.which("envoy"))
    wasm = os.environ.get("TOOLGATE_WASM", built / "toolgate.wasm")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envoy", type=Path, default=envoy, required=not envoy, help="the Envoy binary ($ENVOY)")
    parser.add_argument("--wasm", type=Path, default=wasm, help="the filter ($TOOLGATE_WASM)")
    parser.add_argument(
        "--toolgate",
        type=Path,
        default=os.environ.get("TOOLGATE", built / "debug" / "toolgate"),
        help="the CLI ($TOOLGATE)",
    )
    parser.add_argument("--keep", action="store_true", help="start everything and leave it running")
    parser.add_argument("--verbose", action="store_true", help="show whole records")
    return parser.parse_args()


def present(file: Path) -> Path:
    """A file that must already be built or installed."""
    if not file.is_file():
        raise StageError(f"there is no `{file}`; it is built or installed before the demo runs")
    return file.absolute()


def main() -> int:
    """Plays the story, or keeps everything running."""
    chosen = options()
    # Handles a supervisor's stop signal like Ctrl-C, so that no process is left running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Stage(present(chosen.envoy), present(chosen.toolgate), present(chosen.wasm), say) as stage:
            if chosen.keep:
                keep(stage)
            demo = Demo(stage, verbose=chosen.verbose)
            asyncio.run(demo.tell())
            return finish(demo)
    except StageError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 0 if chosen.keep else 130


if __name__ == "__main__":
    sys.exit(main())
