"""Seed bugs one at a time, and see that a test catches every one.

    python3 tests/corpora/mutants.py                 all bugs of `mutants.toml`
    python3 tests/corpora/mutants.py --only like     those whose mechanism or text has this in it
    python3 tests/corpora/mutants.py --from 61       goes on after an interruption
    python3 tests/corpora/mutants.py --suites corpora  what one suite catches by itself

All bugs are built into one copy of the tree, below `target/mutants`, each behind a switch that a
variable of the environment turns on. So there is one build, and then as many runs as there are bugs.
For each bug the suites run in turn until one of them fails: the unit tests, the tests of public items,
the property tests against Cedar, and the corpora where TOOLGATE_CORPORA says that they are.

Fails where a bug survives, where its text is no longer in its file, and where a suite fails without
any bug.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COPY = ROOT / "target" / "mutants" / "tree"
BUILD = ROOT / "target" / "mutants" / "build"
VARIABLE = "TOOLGATE_SEEDED_BUG"

# A suite that takes so many times as long as without a bug does not end. Less than a minute says
# nothing: a processor may be shared.
SLOWER = 10
SHORTEST = 60

SWITCH = f"""
/// Whether this bug is the one that is there.
#[doc(hidden)]
pub fn seeded(bug: u32) -> bool {{
    static BUG: std::sync::LazyLock<Option<u32>> =
        std::sync::LazyLock::new(|| std::env::var("{VARIABLE}").ok()?.parse().ok());
    *BUG == Some(bug)
}}
"""


@dataclass(frozen=True)
class Bug:
    """A text that takes the place of another one."""

    number: int
    mechanism: str
    what: str
    unit: tuple[str, ...]
    file: str
    old: str
    new: str

    def place(self) -> tuple[int, int]:
        """Where the old text stands in its file: once, or the list is out of date."""
        text = (ROOT / self.file).read_text()
        if text.count(self.old) != 1:
            sys.exit(f"{self.file} has `{self.old}` {text.count(self.old)} times, not once: {self.what}")
        start = text.index(self.old)
        return start, start + len(self.old)

    def switched(self) -> str:
        """The old text and the new one, and what chooses between them."""
        seeded = f"crate::seeded({self.number})"
        if "SEEDED" in self.new:
            return self.new.replace("SEEDED", seeded)
        choice = f"if {seeded} {{ {self.new} }} else {{ {self.old} }}"
        return choice if self.old.endswith(";") else f"({choice})"


@dataclass(frozen=True)
class Suite:
    """A program that fails where a test of it does."""

    name: str
    run: list[str]
    # In seconds.
    longest: float | None = None

    def timed(self) -> "Suite":
        """The suite with the time that it may take, by what it takes without any bug."""
        start = time.monotonic()
        caught = self.fails(0)
        if caught:
            sys.exit(f"without any bug, {self.name} fails: {caught}")
        return replace(self, longest=max(SHORTEST, SLOWER * (time.monotonic() - start)))

    def fails(self, number: int, only: tuple[str, ...] = ()) -> str:
        """What of the suite fails with a bug; the empty text where nothing does."""
        # Nobody reads the smallest case that fails, which takes long to find.
        environment = os.environ | {VARIABLE: str(number), "PROPTEST_MAX_SHRINK_ITERS": "0"}
        try:
            done = subprocess.run(
                [*self.run, *only], cwd=COPY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", timeout=self.longest,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "does not end"
        if done.returncode == 0:
            return ""
        failed = re.findall(r"^test (\S+)(?: - should panic)? \.\.\. FAILED$", done.stdout, re.MULTILINE)
        failed = failed or re.findall(r"^  DIFFERS ([^\n]+)", done.stdout, re.MULTILINE)
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        return f"{failed[0]}{more}" if failed else f"ends with {done.returncode}"


def main() -> int:
    """Build the bugs, run the suites, and tell which test caught which."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="bugs whose mechanism or text has this in it")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the number of the first bug")
    parser.add_argument("--suites", nargs="+", help="of unit, public, cedar and corpora; all by default")
    arguments = parser.parse_args()
    bugs = listed()
    suites = built(bugs)
    suites = [Suite(name, run) for name, run in suites.items() if name in (arguments.suites or suites)]
    suites = [suite.timed() for suite in suites]
    chosen = [bug for bug in bugs[arguments.first - 1 :] if arguments.only in f"{bug.mechanism} {bug.what}"]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        caught = list(threads.map(lambda bug: tell(bug, suites), chosen))
    survivors = [bug for bug, is_caught in zip(chosen, caught) if not is_caught]
    print(f"{len(chosen)} bugs, {len(chosen) - len(survivors)} caught by {', '.join(suite.name for suite in suites)}")
    for bug in survivors:
        print(f"not caught: {bug.mechanism}: {bug.what} ({bug.file})")
    return 1 if survivors or not chosen else 0


def listed() -> list[Bug]:
    """All bugs in the order of the list."""
    mechanisms = tomllib.loads((HERE / "mutants.toml").read_text())["mechanism"]
    bugs = [(mechanism["name"], tuple(mechanism["unit"]), bug) for mechanism in mechanisms for bug in mechanism["bugs"]]
    return [Bug(number, name, unit=unit, **bug) for number, (name, unit, bug) in enumerate(bugs, start=1)]


def built(bugs: list[Bug]) -> dict[str, list[str]]:
    """Build a copy of the tree with all bugs, and return how each suite is run."""
    copy()
    for file in sorted({bug.file for bug in bugs}):
        seed(COPY / file, [bug for bug in bugs if bug.file == file])
    library = COPY / "src" / "lib.rs"
    library.write_text(f"#![allow(warnings)]\n{library.read_text()}{SWITCH}")
    command = "cargo test --locked --no-run --package toolgate --package corpora --message-format=json"
    environment = os.environ | {"CARGO_TARGET_DIR": str(BUILD)}
    done = subprocess.run(command.split(), cwd=COPY, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("the tree with all bugs does not build")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    targets = [message for message in messages if message.get("profile", {}).get("test")]
    programs = {test["target"]["name"]: test["executable"] for test in targets if test["target"]["kind"] != ["bin"]}
    tests = programs["tests"]
    suites = {"unit": [programs["toolgate"]], "public": [tests, "json::", "mcp::"], "cedar": [tests, "cedar::"]}
    if os.environ.get("TOOLGATE_CORPORA"):
        suites["corpora"] = [programs["sample"]]
    else:
        print("without the corpora: TOOLGATE_CORPORA names no directory", flush=True)
    return suites


def copy() -> None:
    """Copy what git knows or would add. Files that did not change keep their time."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    shutil.rmtree(COPY, ignore_errors=True)
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)


def seed(file: Path, bugs: list[Bug]) -> None:
    """Put the bugs of a file into it."""
    text = file.read_text()
    after = len(text)
    for (start, end), bug in sorted(((bug.place(), bug) for bug in bugs), key=lambda it: it[0], reverse=True):
        if end > after:
            sys.exit(f"{bug.file} has two bugs in one place: {bug.what}")
        text = text[:start] + bug.switched() + text[end:]
        after = start
    file.write_text(text)


def tell(bug: Bug, suites: list[Suite]) -> bool:
    """Run the suites until one catches a bug, and say which."""
    start = time.monotonic()
    for suite in suites:
        caught = suite.fails(bug.number, bug.unit if suite.name == "unit" else ())
        if caught:
            took = time.monotonic() - start
            print(f"{bug.number:3} {bug.mechanism}: {bug.what}\n      {suite.name}: {caught} ({took:.0f} s)", flush=True)
            return True
    print(f"{bug.number:3} {bug.mechanism}: {bug.what}\n      NOT CAUGHT", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
