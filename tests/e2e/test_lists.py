"""Lists of tools have what their caller could call, over every transport, and never disagree with calls."""

import dataclasses
import json
import secrets
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import acme, bundles, cases, paths
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Request, Response, mcp_request, tool_call
from harness.scripted import EVENTS, JSON, Scripted, scripted
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer
from harness.waiting import wait_until

SERVERS = ("crm", "payments", "mail")
LIST = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
# What a sales representative can call in the address book through the support agent.
ALICES = ["get_contact", "search_contacts", "update_contact"]
# What a call about the other company of the example bundle has instead.
OTHER_TENANT = {"account": "globex", "contact_id": "c-3"}
PIECES = [None, 100, 1000]


@dataclasses.dataclass
class Served:
    """An Envoy in front of a scripted upstream."""

    envoy: Envoy
    upstream: Scripted

    def record(self, request: Request) -> tuple[Response, dict[str, Any]]:
        """The answer to a request, and the record that it leaves."""
        trace = secrets.token_hex(16)
        response = self.send(request.with_header("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))

        def record() -> dict[str, Any] | None:
            return next((each for each in self.envoy.decision_log(1) if each["trace_id"] == trace), None)

        return response, wait_until(record, "the record")

    def send(self, request: Request) -> Response:
        """The answer to a request on a connection of its own."""
        with Http1Client(self.envoy.port) as client:
            return client.send(request)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example bundle, which also records lists."""
    return bundles.variant(tmp_path_factory.mktemp("bundle") / "acme", mcp={"record_lists": True})


@pytest.fixture(scope="module")
def served(recording: Path, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer) -> Iterator[Served]:
    """An Envoy with that bundle."""
    with (
        scripted() as upstream,
        Envoy(
            tmp_path_factory.mktemp("envoy"), Setup(upstream.port, issuer.jwks()), bundles.emit(recording)
        ) as envoy,
    ):
        yield Served(envoy, upstream)
        assert envoy.complaints() == []


def offered(server: str = "crm") -> list[dict[str, Any]]:
    """What a server offers."""
    return json.loads((paths.BUNDLE / "tools" / f"{server}.json").read_text())["tools"]


def listing(tools: list[dict[str, Any]], **more: Any) -> bytes:
    """An answer to `tools/list`."""
    return json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"tools": tools, **more}}).encode()


def names(answer: Any) -> list[str]:
    """The names in an answer to `tools/list`; none if there is an error."""
    return [tool["name"] for tool in answer["result"]["tools"]] if "result" in answer else []


def messages(response: Response) -> list[Any]:
    """The messages of an event stream."""
    events = response.body.replace(b"\r\n", b"\n").split(b"\n\n")
    data = [line[5:] for event in events for line in event.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(each) for each in data]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("sized", [True, False], ids=["sized", "chunked"])
def test_a_json_list_is_filtered(served: Served, alice: str, piece: int | None, sized: bool) -> None:
    body = listing(offered(), nextCursor="more", cacheScope="public", _meta={"a": 1})
    served.upstream.answer(body, piece=piece, sized=sized)
    request = mcp_request("/crm/mcp", LIST, alice).with_header("accept-encoding", "gzip, br")
    response, record = served.record(request)
    answer = response.json()
    assert names(answer) == ALICES
    assert {key: answer["result"][key] for key in ("nextCursor", "cacheScope", "_meta")} == {
        "nextCursor": "more",
        "cacheScope": "private",
        "_meta": {"a": 1},
    }
    assert answer["result"]["tools"] == [tool for tool in offered() if tool["name"] in ALICES]
    assert response.header("content-length") == str(len(response.body))
    assert ("accept-encoding", "identity") in [(name.lower(), value) for name, value in served.upstream.requests[-1].headers]
    assert (record["event_class"], record["reason"], record["method"]) == ("discovery", "listed", "tools/list")
    assert record["detail"] == "3 shown, 1 hidden: crm/delete_contact"


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_list_on_a_stream_is_filtered(served: Served, alice: str, piece: int | None, method: str) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
    stream = (
        b": open\n\nid: 1\ndata: " + json.dumps(note).encode() + b"\n\nevent: message\r\nid: 2\r\ndata: "
        + listing(offered())
        + b"\r\n\r\nevent: other\ndata: x\n\n"
    )
    served.upstream.answer(stream, headers=EVENTS, piece=piece)
    request = mcp_request("/crm/mcp", LIST, alice)
    if method == "GET":
        request = dataclasses.replace(request, method="GET", body=b"", headers=(("accept", "text/event-stream"), ("authorization", f"Bearer {alice}"), ("last-event-id", "1")))
    response = served.send(request)
    first, listed = messages(response)[0], json.loads(response.body.split(b"id: 2\ndata: ")[1].split(b"\n")[0])
    assert first == note
    assert names(listed) == ALICES
    assert response.body.startswith(b": open\n\nid: 1\n")
    assert response.body.endswith(b"event: other\ndata: x\n\n")


def test_a_result_of_a_call_passes_as_it_is(served: Served, alice: str) -> None:
    body = b'{"jsonrpc" : "2.0","id":1,"result":{"tools":[{"name":"delete_contact"}],"content":[]}}'
    served.upstream.answer(body)
    response = served.send(acme.permitted(alice).with_header("accept-encoding", "gzip"))
    assert response.body == body
    assert ("accept-encoding", "gzip") in [(name.lower(), value) for name, value in served.upstream.requests[-1].headers]


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (listing(offered())[1:], JSON, "unreadable_response"),
        (listing(offered()).replace(b'"id": 7', b'"id": 7, "id": 8'), JSON, "unreadable_response"),
        (listing(offered()), (*JSON, ("content-encoding", "gzip")), "unreadable_response"),
        (listing(offered()), (("content-type", "text/html"),), "unreadable_response"),
        (listing(offered()) + b" " * (4 << 20), JSON, "response_too_large"),
        # Longer than Envoy's buffer for a response that is put back.
        (listing(offered()) + b" " * (3 << 20), JSON, "response_too_large"),
    ],
    ids=["broken", "twice", "encoded", "html", "long", "longer-than-the-buffer"],
)
@pytest.mark.parametrize("sized", [True, False], ids=["sized", "chunked"])
def test_a_list_that_cannot_be_read_is_refused(
    served: Served, alice: str, body: bytes, headers: Any, reason: str, sized: bool
) -> None:
    served.upstream.answer(body, headers=headers, piece=65536, sized=sized)
    response, record = served.record(mcp_request("/crm/mcp", LIST, alice))
    answer = response.json()
    assert (response.status, answer["id"]) == (200, 7)
    assert answer["error"]["data"]["reason"] == reason
    assert response.header("content-encoding") is None
    assert b"delete_contact" not in response.body
    assert record["reason"] == reason


def test_an_error_of_the_server_reaches_the_client(served: Served, alice: str) -> None:
    served.upstream.answer(b"no such session", headers=(("content-type", "text/plain"),))
    served.upstream.status = "404 Not Found"
    response = served.send(mcp_request("/crm/mcp", LIST, alice))
    assert (response.status, response.body) == (404, b"no such session")


def test_trailers_do_not_lose_a_list(served: Served, alice: str) -> None:
    served.upstream.answer(listing(offered()), piece=1000)
    served.upstream.trailers = (("x-end", "1"), ("toolgate-decision", "forged"))
    response = served.send(mcp_request("/crm/mcp", LIST, alice))
    assert names(response.json()) == ALICES
    assert not any(name.lower() == "toolgate-decision" for name, _ in response.trailers)


@pytest.mark.parametrize("environment", ["mcp1", "mcp2"])
def test_lists_and_calls_never_disagree(
    environment: str,
    issuer: TokenIssuer,
    bundle: bytes,
    tmp_path: Path,
) -> None:
    """Everybody in the cases lists every server, and makes every call of the cases by every tool."""
    people, calls = corpus()
    outcomes: dict[tuple[str, str, str], tuple[bool, bool]] = {}
    with (
        # Of its own, since the calls delete and change what other tests read.
        ToolServer(environment, tmp_path / "server.log") as server,
        Envoy(tmp_path / "envoy", Setup(server.port, issuer.jwks()), bundle) as envoy,
        Http1Client(envoy.port) as client,
    ):
        for who, claims in people.items():
            signed = issuer.sign(claims)
            for name in SERVERS:
                response = client.send(mcp_request(f"/{name}/mcp", LIST, signed))
                [answer] = messages(response) if b"data:" in response.body else [response.json()]
                for tool in offered(name):
                    permitted = any(
                        client.send(tool_call(f"/{name}/mcp", tool["name"], arguments, signed)).header("toolgate-decision") is None
                        for arguments in calls[name, tool["name"]]
                    )
                    outcomes[who, name, tool["name"]] = (tool["name"] in names(answer), permitted)
        assert envoy.complaints() == []
    disagreeing = {key: outcome for key, outcome in outcomes.items() if outcome[0] != outcome[1]}
    assert disagreeing == {}
    assert {outcome for outcome in outcomes.values()} == {(True, True), (False, False)}


def corpus() -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], list[dict[str, Any]]]]:
    """The claims of the people of the example bundle's cases, and the arguments of its calls."""
    people: dict[str, dict[str, Any]] = {}
    calls: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for case in cases.load():
        if case.bundle != paths.BUNDLE or not case.file.startswith("policies/"):
            continue
        tokens = case.identity.get("tokens", {})
        if list(tokens) == ["session"] and case.spiffe is None:
            people[json.dumps(tokens["session"])] = tokens["session"]
        try:
            message = json.loads(case.request.body)
            name, arguments = message["params"]["name"], message["params"].get("arguments", {})
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(arguments, dict):
            other = {key: value for key, value in OTHER_TENANT.items() if key in arguments}
            calls[case.request.path.split("/")[1], name] += [arguments, arguments | other]
    return people, calls


def test_the_longest_list_goes_back_through_the_buffer(served: Served, alice: str) -> None:
    limit = yaml.safe_load((paths.BUNDLE / "bundle.yaml").read_text())["limits"]["body_bytes"]
    body = listing(offered(), filler="x" * (limit - 8000))
    served.upstream.answer(body.ljust(limit), piece=65536)
    assert names(served.send(mcp_request("/crm/mcp", LIST, alice)).json()) == ALICES
