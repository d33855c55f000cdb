"""Runs libFuzzer on every target, one after the other.

usage: fuzz.py DIRECTORY BINARY SECONDS [TARGET...]

What it learns stays in DIRECTORY/<target>/learnt, for the next run. An input for which an invariant
does not hold is written to DIRECTORY/<target>/findings.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

OPTIONS = ["-max_len=65536", "-len_control=20", "-timeout=30", "-rss_limit_mb=3072", "-print_final_stats=1"]
SOURCE = Path(__file__).parent / "src/targets.rs"


def every_target() -> list[str]:
    return re.findall(r'name: "(\w+)"', SOURCE.read_text())


def run(directory: Path, binary: str, seconds: str, target: str) -> bool:
    seeds, learnt, findings = (directory / target / name for name in ("seeds", "learnt", "findings"))
    for each in seeds, learnt, findings:
        each.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"TOOLGATE_FUZZ": target, "TOOLGATE_FUZZ_SEEDS": str(seeds)}
    command = [binary, *OPTIONS, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/", learnt, seeds]
    log = directory / target / "log"
    with log.open("w") as output:
        done = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False)
    told = log.read_text(errors="replace")
    executed = re.search(r"number_of_executed_units: *(\d+)", told)
    result = "no finding" if done.returncode == 0 else f"FAILED, see {log}"
    print(f"{target:12} {executed.group(1) if executed else '?':>10} runs  {result}", flush=True)
    return done.returncode == 0


def main() -> int:
    directory, binary, seconds, *targets = sys.argv[1:]
    results = [run(Path(directory), binary, seconds, target) for target in targets or every_target()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
