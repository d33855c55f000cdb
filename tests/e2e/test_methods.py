"""Methods besides `tools/call` in front of a real server: what is permitted, what reaches it, and what lists have."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import bundles, paths, toolgate
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Response, mcp_request
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer
from harness.waiting import wait_until

LIBRARY = paths.CASES / "bundles" / "library"
PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"sub": "ann", "roles": ["reader"]},
    "eve": {"sub": "eve", "roles": ["editor"]},
    "both": {"sub": "both", "roles": ["reader", "editor"]},
    "nobody": {"sub": "nobody", "roles": []},
}
URIS = ["book://shelf/a", "book://shelf/b", "book://drafts/ann/1", "book://drafts/eve/1", "file:///srv/notes/a.md"]
PROMPTS = {"summary": {"book": "a"}, "greeting": {}, "farewell": {}}
# Spellings that the SDKs, or a file system behind them, could take for a resource that somebody may not read.
ODD = [
    "book://shelf/../drafts/eve/1",
    "book://shelf/%2e%2e/drafts/eve/1",
    "book://shelf/..%2Fdrafts%2Feve%2F1",
    "BOOK://drafts/eve/1",
    "book://Drafts/eve/1",
    "book://drafts/eve/%31",
    "book://x@drafts/eve/1",
    "book://drafts//eve/1",
    "book://drafts/eve/1#a",
    "book://drafts/eve/1?",
    "book:/drafts/eve/1",
    " book://drafts/eve/1",
    "book://drafts/eve/1\n",
    "book:\t//drafts/eve/1",
    "book:\\\\drafts\\eve\\1",
    "file://localhost/srv/notes/a.md",
    "file:///srv/./notes/a.md",
    "file:///srv/notes/%61.md",
]


class Served(NamedTuple):
    """An Envoy in front of the server."""

    envoy: Envoy
    server: ToolServer
    tokens: dict[str, str]

    def send(self, who: str, method: str, params: dict[str, Any]) -> Response:
        """The answer to a request."""
        message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        request = mcp_request("/mcp", message).with_header("x-session-token", f"Bearer {self.tokens[who]}")
        with Http1Client(self.envoy.port) as client:
            return client.send(request)

    def result(self, who: str, method: str, params: dict[str, Any]) -> Any:
        """The result of a request, or its error."""
        response = self.send(who, method, params)
        lines = [line[5:] for line in response.body.splitlines() if line.startswith(b"data: {")]
        message = json.loads(lines[-1] if lines else response.body)
        return message.get("result") or message["error"]

    def passes(self, who: str, method: str, params: dict[str, Any]) -> bool:
        """Whether a request reaches the server, which then has it in its log."""
        before = len(self.server.executed())
        refused = self.send(who, method, params).header("toolgate-decision") is not None
        assert len(self.server.executed()) - before == (0 if refused else 1), (who, method, params)
        return not refused

    def record(self, who: str, uri: str) -> dict[str, Any]:
        """The record of reading a resource."""
        self.passes(who, "resources/read", {"uri": uri})

        def record() -> dict[str, Any] | None:
            lines = self.envoy.decision_log(1)
            about = (each for each in lines if each["arguments"] == {"uri": uri} and each["principal"]["id"] == who)
            return next(about, None)

        return wait_until(record, "the record")


@pytest.fixture(scope="module", params=["mcp1", "mcp2"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer
) -> Iterator[Served]:
    """The server with each generation of the SDK."""
    directory = tmp_path_factory.mktemp("methods")
    tokens = {who: issuer.sign(claims) for who, claims in PEOPLE.items()}
    with ToolServer(request.param, directory / "server.log", script=paths.CLIENTS / "library.py") as server:
        bundle = bundles.plain(LIBRARY, directory / "library")
        url = f"http://127.0.0.1:{server.port}/mcp"
        taken = toolgate.attempt("inventory", str(bundle), "--server", "shelf", "--url", url)
        assert taken.returncode == 0, taken.stderr
        setup = Setup(server.port, issuer.jwks(), tokens=("session",))
        with Envoy(directory / "envoy", setup, bundles.emit(bundle)) as envoy:
            yield Served(envoy, server, tokens)
            assert envoy.complaints() == []


@pytest.mark.parametrize(
    ("who", "readable", "gettable"),
    [
        ("ann", [0, 1, 2], ["summary", "greeting"]),
        ("eve", [4], []),
        ("both", [0, 1, 2, 3, 4], ["summary", "greeting"]),
        ("nobody", [], []),
    ],
)
def test_lists_have_what_can_be_read_and_got(served: Served, who: str, readable: list[int], gettable: list[str]) -> None:
    listed = [entry["uri"] for entry in served.result(who, "resources/list", {})["resources"]]
    assert sorted(listed) == sorted(URIS[position] for position in readable)
    assert sorted(uri for uri in URIS if served.passes(who, "resources/read", {"uri": uri})) == sorted(listed)
    prompts = [entry["name"] for entry in served.result(who, "prompts/list", {})["prompts"]]
    assert sorted(prompts) == sorted(gettable)
    params = {name: {"name": name, "arguments": arguments} for name, arguments in PROMPTS.items()}
    assert sorted(name for name in PROMPTS if served.passes(who, "prompts/get", params[name])) == sorted(prompts)
    templates = served.result(who, "resources/templates/list", {})["resourceTemplates"]
    assert len(templates) == (0 if who == "nobody" else 1)
    tools = [entry["name"] for entry in served.result(who, "tools/list", {})["tools"]]
    assert tools == (["lend"] if who in ("ann", "both") else [])


@pytest.mark.parametrize("uri", ODD)
@pytest.mark.parametrize("who", ["ann", "both"])
def test_a_uri_has_one_spelling(served: Served, who: str, uri: str) -> None:
    """Even somebody who may read everything reads nothing by another spelling."""
    assert not served.passes(who, "resources/read", {"uri": uri})


def test_a_completion(served: Served) -> None:
    def completion(argument: str) -> dict[str, Any]:
        return {"ref": {"type": "ref/prompt", "name": "summary"}, "argument": {"name": argument, "value": "a"}}

    assert served.result("ann", "completion/complete", completion("book"))["completion"]["values"] == ["book"]
    assert not served.passes("ann", "completion/complete", completion("reader"))
    assert not served.passes("eve", "completion/complete", completion("book"))


def test_what_comes_back_is_the_servers(served: Served) -> None:
    contents = served.result("ann", "resources/read", {"uri": "book://shelf/a"})["contents"]
    assert [content["text"] for content in contents] == ["book://shelf/a"]
    refused = served.result("ann", "resources/read", {"uri": "book://drafts/eve/1"})
    assert (refused["code"], refused["data"]["reason"]) == (-31403, "forbidden")
    assert "A draft is for editors" in refused["message"]


def test_the_record(served: Served) -> None:
    record = served.record("ann", "book://drafts/ann/1")
    assert {key: record[key] for key in ("method", "tool", "resource", "decision", "policies", "data_class", "cost")} == {
        "method": "resources/read",
        "tool": "shelf/resources/read",
        "resource": 'ResourcePattern::"shelf/mine"',
        "decision": "PERMIT",
        "policies": ["books"],
        "data_class": "books",
        "cost": 2,
    }


@pytest.mark.parametrize("uri", ["book://drafts/eve/1", "book://shelf/b", "book://shelf/../drafts/eve/1"])
def test_a_record_is_decided_again(served: Served, uri: str, tmp_path: Path) -> None:
    """The record has all that the decision depends on."""
    record = served.record("ann", uri)
    file = tmp_path / "record.ndjson"
    file.write_text(json.dumps(record) + "\n")
    explained = toolgate.attempt("explain", str(LIBRARY), "--record", str(file), "--format", "json")
    answer = json.loads(explained.stdout)
    assert answer["recorded"]["same"]
    assert answer["reason"] == record["reason"]
