"""A tool that its server changes while it runs is hidden, and its calls are refused, until it is reviewed."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, offers, paths
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Response, mcp_request, tool_call
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer
from harness.toolgate import attempt as toolgate
from harness.waiting import wait_until

# The servers that change on a signal change both at once.
CHANGES = [
    *(("mcp1", "description"), ("mcp1", "schema"), ("mcp2", "description"), ("mcp2", "schema")),
    *(("ts1", ""), ("ts2", ""), ("rmcp", "")),
]
CHANGING = paths.CLIENTS / "changing.py"
# On connections of their own, which Envoy spreads over its workers.
CALLS = 24


class Changing:
    """A real server with the tool `read_note`, and Envoy with a bundle for it."""

    def __init__(self, directory: Path, port: int, change: Callable[[], None], issuer: TokenIssuer) -> None:
        self.bundle = directory / "notes"
        self.url = f"http://127.0.0.1:{port}/mcp"
        self.change = change
        assert toolgate("init", str(self.bundle), "--url", self.url, "--server", "notes").returncode == 0
        self._token = issuer.sign({"sub": "alice", "roles": ["operator"], "act": {"sub": "agent"}})
        route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
        setup = Setup(port, issuer.jwks(), routes=(route,))
        self.envoy = Envoy(directory / "envoy", setup, bundles.emit(self.bundle), workers=3)
        self._pushes = 1

    def tools(self) -> list[str]:
        """The tools that the caller sees, by name: a server may list a tool that it changed last."""
        response = self._send(mcp_request("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, self._token))
        data = response.body.split(b"data: ")[-1].split(b"\n")[0] if b"data: " in response.body else response.body
        return sorted(tool["name"] for tool in json.loads(data)["result"]["tools"])

    def reasons(self) -> set[str | None]:
        """Why calls of `read_note` are refused."""
        call = tool_call("/mcp", "read_note", {"id": "n-1"}, self._token)
        return {refusal(self._send(call)) for _ in range(CALLS)}

    def push(self, **changes: Any) -> None:
        """Pushes the bundle with these changes to its server's entry, as a new version."""
        file = self.bundle / "bundle.yaml"
        manifest = yaml.safe_load(file.read_text())
        manifest["version"] += 1
        manifest["servers"]["notes"] |= changes
        file.write_text(yaml.safe_dump(manifest, sort_keys=False))
        bundles.emit.cache_clear()
        self.envoy.push(bundles.emit(self.bundle))
        self._pushes += 1
        self.envoy.wait_for_success(self._pushes)
        version = f"notes@{manifest['version']} "
        wait_until(lambda: all(version in bundle for bundle in self._deciding()), "all workers to have the bundle")

    def _deciding(self) -> list[str]:
        unknown = tool_call("/mcp", "no_such_tool", {}, self._token)
        return [self._send(unknown).header("toolgate-decision") or "" for _ in range(CALLS)]

    def records(self, reason: str) -> list[dict[str, Any]]:
        """The records with this reason about lists, of which there is at least one."""

        def records() -> list[dict[str, Any]]:
            logged = self.envoy.decision_log(1)
            return [each for each in logged if (each["reason"], each["method"]) == (reason, "tools/list")]

        return wait_until(records, "the record")

    def _send(self, request: Any) -> Response:
        with Http1Client(self.envoy.port) as client:
            return client.send(request)


def refusal(response: Response) -> str | None:
    """The reason of a refusal; none if the call passed."""
    decision = response.header("toolgate-decision")
    return decision.split("reason=")[1].split(";")[0] if decision else None


@contextmanager
def changing(kind: str, directory: Path, issuer: TokenIssuer, how: str = "description") -> Iterator[Changing]:
    """A server of this SDK behind Envoy."""
    if not kind.startswith("mcp"):
        with offers.NoteServer(kind) as notes:
            served = Changing(directory, notes.port, notes.change, issuer)
            with served.envoy:
                yield served
        return
    with ToolServer(kind, directory / "server.log", script=CHANGING) as server:

        def change(how: str = how) -> None:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/change", how.encode(), timeout=5).close()

        served = Changing(directory, server.port, change, issuer)
        with served.envoy:
            yield served


@pytest.mark.parametrize(("kind", "how"), CHANGES)
def test_a_changed_tool_is_refused_on_every_worker_until_it_is_reviewed(
    kind: str, how: str, tmp_path: Path, issuer: TokenIssuer
) -> None:
    with changing(kind, tmp_path, issuer, how) as served:
        before = served.tools()
        assert "read_note" in before and served.reasons() == {None}
        old = pin(served.bundle)
        served.change()
        # Nobody has seen the change, and the server would run the call.
        assert served.reasons() == {None}
        assert served.tools() == [name for name in before if name != "read_note"]
        assert served.reasons() == {"tool_changed"}
        [record] = served.records("tool_changed")
        assert record["tool"] == "notes/read_note" and record["detail"].endswith(f"pinned as {old}")

        served.push()
        assert served.reasons() == {"tool_changed"}, "a push of the same pins is no review"
        # The change is known, and has no second record.
        assert "read_note" not in served.tools() and len(served.records("tool_changed")) == 1

        taken = toolgate("inventory", str(served.bundle), "--server", "notes", "--url", served.url)
        assert taken.returncode == 0, taken.stderr
        new = pin(served.bundle)
        assert record["detail"].startswith(f"its server lists it as {new}")
        served.push()
        assert served.reasons() == {None}
        assert served.tools() == before
        assert served.envoy.complaints() == []


def test_a_change_that_is_taken_back_needs_a_review_too(tmp_path: Path, issuer: TokenIssuer) -> None:
    with changing("ts2", tmp_path, issuer) as served:
        before = served.tools()
        served.change()
        served.tools()
        served.change()
        assert "read_note" not in served.tools()
        assert served.reasons() == {"tool_changed"}
        served.push(reviewed=1)
        assert (served.tools(), served.reasons()) == (before, {None})


def test_a_bundle_can_only_warn(tmp_path: Path, issuer: TokenIssuer) -> None:
    with changing("mcp2", tmp_path, issuer) as served:
        before = served.tools()
        served.push(changed_tools="warn")
        served.change()
        assert (served.tools(), served.reasons()) == (before, {None})
        served.tools()
        [record] = served.records("change_tolerated")
        assert (record["decision"], record["event_class"], record["tool"]) == ("PERMIT", "discovery", "notes/read_note")
        counters = served.envoy.counters("toolgate.*change_tolerated")
        assert sum(counters.values()) == 2, counters
        # What a bundle tolerated is known to the next one.
        served.push(changed_tools="refuse")
        assert served.reasons() == {"tool_changed"}


def pin(bundle: Path) -> str:
    """The pin of `read_note` in a bundle."""
    [file] = (bundle / "tools").glob("*.json")
    return str(json.loads(file.read_text())["pins"]["read_note"])
