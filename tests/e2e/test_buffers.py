"""A response that the filter reads goes back through a buffer of Envoy's, whose size the bundle cannot know."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, paths
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.http2 import Http2Client
from harness.messages import Response, mcp_request
from harness.scripted import EVENTS, JSON, Scripted, scripted
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer
from harness.waiting import wait_until

LIST = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
RAISED = {"body_bytes": 8 << 20, "response_bytes": 16 << 20}
# Longer than the buffer of a configuration for the limits of the example bundle.
LONG = 3 << 20
VERSIONS = [paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY]


@pytest.fixture(scope="module")
def raised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example bundle with higher limits."""
    limits = yaml.safe_load((paths.BUNDLE / "bundle.yaml").read_text())["limits"]
    return bundles.variant(tmp_path_factory.mktemp("bundle") / "acme", limits=limits | RAISED)


@pytest.fixture
def upstream() -> Iterator[Scripted]:
    """A tool server."""
    with scripted() as served:
        yield served


def listing(size: int) -> bytes:
    """A list of this many bytes, of which everything is put back."""
    tools = json.loads((paths.BUNDLE / "tools" / "crm.json").read_text())["tools"]
    seen = [tool for tool in tools if tool["name"] != "delete_contact"]

    def filled(filler: str) -> bytes:
        result = {"tools": seen, "cacheScope": "private", "_meta": {"filler": filler}}
        return json.dumps({"jsonrpc": "2.0", "id": 7, "result": result}).encode()

    return filled("x" * (size - len(filled(""))))


def asked(envoy: Envoy, token: str) -> Response:
    """The answer to a list, the same over both versions of HTTP."""
    request = mcp_request("/crm/mcp", LIST, token)
    with Http1Client(envoy.port) as first, Http2Client(envoy.port) as second:
        one, other = first.send(request), second.send(request)
    assert (one.status, len(one.body)) == (other.status, len(other.body))
    return one


def reason(response: Response) -> str | None:
    """Why a list was refused; nothing if it was not."""
    answer = response.json()
    assert answer["id"] == 7
    if "error" not in answer:
        assert len(answer["result"]["tools"]) == 3
        return None
    return str(answer["error"]["data"]["reason"])


def configured(upstream: Scripted, issuer: TokenIssuer, bundle: Path, directory: Path) -> Setup:
    """A gateway whose configuration is that for a bundle."""
    directory.mkdir(exist_ok=True)
    keys = directory / "keys.json"
    keys.write_text(issuer.jwks())
    options = ("--issuer", ISSUER, "--audience", AUDIENCE, "--jwks", str(keys))
    shape = bundles.emitted("--upstream", f"127.0.0.1:{upstream.port}", *options, bundle=bundle)
    return Setup(upstream.port, issuer.jwks(), shape=shape)


@pytest.mark.parametrize("version", VERSIONS)
def test_raised_limits_alone_raise_no_buffer(
    version: str, upstream: Scripted, raised: Path, issuer: TokenIssuer, alice: str, tmp_path: Path
) -> None:
    with Envoy(
        tmp_path / "envoy",
        configured(upstream, issuer, paths.BUNDLE, tmp_path / "issuer"),
        bundles.emit(paths.BUNDLE),
        version=version,
    ) as envoy:
        envoy.push(bundles.emit(raised))
        envoy.wait_for_success(2)
        for size, expected in ((2 << 20, None), ((2 << 20) + 1, "response_too_large"), (LONG, "response_too_large")):
            upstream.answer(listing(size), piece=1 << 16)
            assert reason(asked(envoy, alice)) == expected
        records = [each for each in envoy.decision_log(4) if each["reason"] == "response_too_large"]
        assert {each["detail"] for each in records} == {"the body is longer than the buffer of Envoy's listener"}
        # Envoy passes events on without a limit.
        upstream.answer(b"data: " + listing(12 << 20) + b"\n\n", headers=EVENTS, piece=1 << 16)
        events = asked(envoy, alice).body
        assert len(json.loads(events.removeprefix(b"data: "))["result"]["tools"]) == 3
        upstream.answer(listing(1000), headers=JSON)
        assert reason(asked(envoy, alice)) is None
        assert envoy.complaints() == []
        assert [value for name, value in envoy.vms().items() if "reload" in name and value] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_configuration_for_the_limits_has_the_room(
    version: str, upstream: Scripted, raised: Path, issuer: TokenIssuer, alice: str, tmp_path: Path
) -> None:
    setup = configured(upstream, issuer, raised, tmp_path / "issuer")
    with Envoy(tmp_path / "envoy", setup, bundles.emit(raised), version=version) as envoy:
        for size in (LONG, 8 << 20):
            upstream.answer(listing(size), piece=1 << 16)
            assert reason(asked(envoy, alice)) is None
        assert envoy.complaints() == []


def test_a_listener_that_tells_nothing_has_the_room_that_is_usual(
    upstream: Scripted, raised: Path, issuer: TokenIssuer, alice: str, tmp_path: Path
) -> None:
    def silent(config: dict[str, Any], _: Any) -> None:
        [listener] = config["static_resources"]["listeners"]
        del listener["metadata"], listener["per_connection_buffer_limit_bytes"]

    setup = Setup(upstream.port, issuer.jwks(), shape=silent)
    with Envoy(tmp_path / "envoy", setup, bundles.emit(raised)) as envoy:
        for size, expected in ((1 << 20, None), ((1 << 20) + 1, "response_too_large")):
            upstream.answer(listing(size), piece=1 << 16)
            assert reason(asked(envoy, alice)) == expected
        refused = [each for each in envoy.decision_log(2) if each["reason"] == "response_too_large"]
        [detail] = {each["detail"] for each in refused}
        assert detail == "the body is longer than 1 MiB, and the listener's metadata has no `buffer_bytes`"
        assert envoy.complaints() == []
