"""Bundles as Envoy gets them: built by the CLI, and swapped the way an operator would."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness import paths


@cache
def emit(bundle: Path, *options: str) -> bytes:
    """The ECDS resource file of a bundle, as `toolgate emit ecds` writes it."""
    return _toolgate("emit ecds", bundle, "--wasm", str(paths.TOOLGATE_WASM), *options)


def build(bundle: Path, *options: str) -> bytes:
    """The document of a bundle, as `toolgate build` writes it."""
    return _toolgate("build", bundle, *options)


def _toolgate(verb: str, bundle: Path, *options: str) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        given = plain(bundle, Path(directory) / "bundle") if bundle.is_dir() else bundle
        command = [str(paths.TOOLGATE), *verb.split(), str(given), *options]
        result = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` of {bundle} failed:\n{result.stderr.decode()}")
    return result.stdout


def documents(target: str, *options: str, bundle: Path = paths.BUNDLE) -> list[dict[str, Any]]:
    """What `toolgate emit` writes for a control plane, by the documents in it."""
    return list(yaml.safe_load_all(_toolgate(f"emit {target}", bundle, *options)))


def plain(bundle: Path, directory: Path) -> Path:
    """A copy of a bundle, in `directory`, that is for no environment: the cases are those of every one."""
    return Path(shutil.copytree(bundle, directory, ignore=shutil.ignore_patterns("environments")))


def variant(directory: Path, **changes: Any) -> Path:
    """A copy of the test bundle, in `directory`, with top-level keys of its bundle.yaml replaced."""
    copied = plain(paths.BUNDLE, directory)
    file = copied / "bundle.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes, sort_keys=False))
    return copied


def damaged(resource: bytes, damage: Callable[[dict[str, Any]], None]) -> bytes:
    """The same resource with its filter configuration changed, as an error or an attacker would."""
    document = json.loads(resource)
    [extension] = document["resources"]
    value = extension["typed_config"]["config"]["configuration"]
    configuration = json.loads(value["value"])
    damage(configuration)
    value["value"] = json.dumps(configuration)
    return json.dumps(document).encode()


def install(resource: bytes, file: Path) -> None:
    """Replace the watched file in one step, so that Envoy never reads half of one."""
    # Written outside the watched directory: one push is one event there.
    handle, name = tempfile.mkstemp(dir=file.parent.parent)
    with os.fdopen(handle, "wb") as temporary:
        temporary.write(resource)
    os.replace(name, file)
