"""The versions that `bootstrap.py` installs."""

import json
import re

from harness import paths


def version(environment: str, package: str) -> str:
    """The pinned version of a package in an environment."""
    file = paths.REQUIREMENTS / f"{environment}.txt"
    if file.exists():
        [pinned] = re.findall(rf"^{re.escape(package)}==(.+)$", file.read_text(), re.MULTILINE)
    else:
        pinned = json.loads((paths.CLIENTS / environment / "package.json").read_text())["dependencies"][package]
    return str(pinned)
