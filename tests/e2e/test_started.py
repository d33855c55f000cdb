"""When Envoy dies during a call, the start log still has the line about forwarding the call to its tool server."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import acme, decision_header, paths
from harness.gateway import open_gateway
from harness.messages import Request
from harness.recorder import Recorder
from harness.tokens import TokenIssuer

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
def test_a_call_whose_answer_is_open_when_envoy_dies_has_a_line(
    version: str, tmp_path: Path, issuer: TokenIssuer, alice: str, bundle: bytes
) -> None:
    with open_gateway(tmp_path, issuer, bundle, version=version) as gateway:
        with gateway.client("h1") as client:
            for request in (acme.permitted(alice), acme.forbidden(alice), acme.housekeeping(alice)):
                assert client.send(request).status == 200
        records = gateway.envoy.decision_log(2)
        with unanswered(gateway.recorder), calling(gateway.envoy.port, acme.permitted(alice)):
            started = gateway.envoy.start_log(2)
            gateway.envoy.kill()
        assert gateway.envoy.decision_log(2) == records, "the record is written when the call has ended"
        assert gateway.envoy.start_log(2) == started, "housekeeping, refusals and ends of calls have no line"
    [ended, open_] = [decision_header.parse(line["decision"]) for line in started]
    assert [record["decision"] for record in records] == ["PERMIT", "DENY"]
    assert ended.id == records[0]["id"]
    assert open_.id not in {record["id"] for record in records}
    assert (open_.decision, open_.reason, open_.policies) == ("PERMIT", "permitted", ended.policies)
    assert sorted(open_.policies) == sorted(records[0]["policies"])
    line = started[1]
    assert 'principal="User::\\"alice\\""' in line["identity"]
    assert (line["path"], line["traceparent"]) == ("/crm/mcp", TRACE)
    assert line["upstream"].endswith(str(gateway.recorder.port))


@contextmanager
def unanswered(recorder: Recorder) -> Iterator[None]:
    """The upstream does not respond to requests in this block."""
    recorder.answers = False
    yield
    recorder.answers = True


@contextmanager
def calling(port: int, request: Request) -> Iterator[None]:
    """A call that waits for its response."""
    head = "".join(f"{name}: {value}\r\n" for name, value in (*request.headers, ("traceparent", TRACE)))
    length = f"host: a\r\ncontent-length: {len(request.body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 15) as connection:
        connection.sendall(f"POST {request.path} HTTP/1.1\r\n{head}{length}".encode() + request.body)
        yield
