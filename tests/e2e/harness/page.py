"""The tables of `field/README.md`, which tests measure anew."""

import os
from collections.abc import Sequence

from harness import paths

PAGE = paths.E2E / "field" / "README.md"


def holds(heading: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Asserts that the section with this heading ends with exactly this table.

    With `RENEW=1` in the environment, the table is written instead.
    """
    text = PAGE.read_text()
    section = f"\n## {heading}\n"
    before, found, rest = text.partition(section)
    assert found, f"{PAGE.name} has no section `{heading}`"
    words, _, old = rest.partition("\n| ")
    old, _, after = f"| {old}".partition("\n\n")
    new = table(head, rows)
    if os.environ.get("RENEW"):
        PAGE.write_text(f"{before}{section}{words}\n{new}" + (f"\n\n{after}" if after else "\n"))
        return
    assert old.strip() == new, f"the table `{heading}` is not what was measured: `make field RENEW=1` writes it anew"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" if line[0] != "---" else "|---" * len(head) + "|" for line in lines)


def yes(holds: bool) -> str:
    """A cell."""
    return "yes" if holds else "no"
