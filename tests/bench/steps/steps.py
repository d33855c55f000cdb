"""Count the instructions of every step of an exchange, and compare them with `baseline.json`.

Callgrind counts, so the counts are those of the code and not of the machine's mood; the hash tables'
random seeds move them by about a percent. Needs `valgrind`, and the program `steps` built.

    python3 tests/bench/steps/steps.py            count and compare; fails where a step got worse
    python3 tests/bench/steps/steps.py --renew    count and write the baseline

What was counted stays in `target/bench/callgrind`, one file per step, for `callgrind_annotate`.
The program also decides side by side with Cedar's authorizer; how many times as long that takes goes
to `target/bench/steps.json`.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[2] / "target"
PROGRAM = TARGET / "release" / "steps"
COUNTED = TARGET / "bench" / "callgrind"
BASELINE = HERE / "baseline.json"

# The allowed variation: random seeds and the processor's variants of `memcpy` change the counts of unchanged code.
TOLERANCE = 0.03


def main(arguments: list[str]) -> int:
    """Counts, compares or renews, and times the gate's decision and Cedar's authorizer."""
    if arguments not in ([], ["--renew"]):
        print(__doc__, file=sys.stderr)
        return 2
    counts = count()
    worse = compare(counts, json.loads(BASELINE.read_text()) if BASELINE.is_file() else {})
    print(beside_cedar())
    if arguments == ["--renew"]:
        BASELINE.write_text(json.dumps(counts, indent=2) + "\n")
        return 0
    if worse:
        print(f"worse than {BASELINE.name} by more than {TOLERANCE:.0%}, or not in it: {', '.join(worse)}", file=sys.stderr)
    return 1 if worse else 0


def count() -> dict[str, int]:
    """Runs every step under callgrind, which writes one file per step, in their order."""
    shutil.rmtree(COUNTED, ignore_errors=True)
    COUNTED.mkdir(parents=True)
    result = subprocess.run(
        [
            *("valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={COUNTED / 'part'}"),
            *("--toggle-collect=*counted_step*", "--dump-after=*written_step*", PROGRAM, "count"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    counts = {}
    for part, line in enumerate(result.stdout.splitlines(), start=1):
        times, name = line.split(" ", 1)
        path = (COUNTED / f"part.{part}").rename(COUNTED / re.sub(r"\W+", "-", name))
        total = re.search(r"^totals: (\d+)$", path.read_text(), re.MULTILINE)
        counts[name] = round(int(total[1]) / int(times))
    (COUNTED / "part").unlink(missing_ok=True)
    return counts


def compare(counts: dict[str, int], baseline: dict[str, int]) -> list[str]:
    """Prints a table and returns the steps that got worse."""
    print(f"{'step':<28}{'instructions':>16}{'baseline':>16}{'ratio':>8}")
    worse = []
    for name, now in counts.items():
        before = baseline.get(name)
        ratio = now / before if before else None
        told = f"{before:>16,}{ratio:>8.3f}" if before else f"{'none':>16}{'':>8}"
        print(f"{name:<28}{now:>16,}{told}")
        if not ratio or ratio > 1 + TOLERANCE:
            worse.append(name)
    return worse


def beside_cedar() -> str:
    """Times the gate's decision and Cedar's authorizer in turns."""
    result = subprocess.run([PROGRAM, "versus"], stdout=subprocess.PIPE, text=True, check=True)
    (TARGET / "bench" / "steps.json").write_text(result.stdout)
    ratios = json.loads(result.stdout)
    return "\n".join(f"{name:<52}{ratio:>16,.1f}" for name, ratio in ratios.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
