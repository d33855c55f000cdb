"""`toolgate init` makes a bundle for real servers: it checks, its cases pass, and Envoy decides by it."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, offers
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Request, mcp_request, tool_call
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer
from harness.toolgate import attempt as toolgate

# A FastMCP server as its documentation shows one, with arguments that are hard to type.
FAST = '''
import sys

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from starlette.responses import JSONResponse

mcp = FastMCP("Weather & more", port=int(sys.argv[2]), stateless_http=True)


@mcp.custom_route("/executed", methods=["GET"])
async def executed(request):
    return JSONResponse([])


@mcp.tool(annotations=ToolAnnotations(readOnlyHint=True))
def forecast(city: str, days: int = 3) -> str:
    """The weather of the next days."""
    return f"{days} days of rain in {city}"


@mcp.tool()
def subscribe(address: str, password: str, options: dict) -> str:
    """Sends the forecast every day."""
    return address


@mcp.tool(annotations=ToolAnnotations(destructiveHint=True))
def forget(addresses: list[str]) -> int:
    """Forgets subscribers."""
    return len(addresses)


mcp.run("streamable-http")
'''


def server(kind: str, directory: Path) -> AbstractContextManager[Any]:
    """A real server; it has a `port`."""
    if kind.startswith("ts"):
        return offers.NoteServer(kind)
    if kind == "fastmcp":
        script = directory / "fast.py"
        script.write_text(FAST)
        return ToolServer("mcp1", directory / "server.log", script=script)
    return ToolServer(kind, directory / "server.log")


def _request(call: dict[str, Any], token: str) -> Request:
    if "tool" in call:
        return tool_call(call["path"], call["tool"], call["arguments"], token)
    message = {"jsonrpc": "2.0", "id": 1, "method": call["method"], "params": call.get("arguments", {})}
    return mcp_request(call["path"], message, token)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("mcp1", "/crm/mcp"),
        ("mcp1", "/payments/mcp"),
        ("mcp1", "/mail/mcp"),
        ("mcp2", "/crm/mcp"),
        ("mcp2", "/payments/mcp"),
        ("mcp2", "/mail/mcp"),
        ("fastmcp", "/mcp"),
        ("ts1", "/mcp"),
        ("ts2", "/mcp"),
    ],
)
def test_a_bundle_for_a_real_server(kind: str, path: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    bundle = tmp_path / "mine"
    with server(kind, tmp_path) as running:
        made = toolgate("init", str(bundle), "--url", f"http://127.0.0.1:{running.port}{path}", "--format", "json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["left_out"] == []
        checked = toolgate("check", str(bundle), "--deny-warnings")
        assert checked.returncode == 0, checked.stdout
        tested = toolgate("test", str(bundle))
        assert tested.returncode == 0, tested.stdout

        route = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}
        setup = Setup(running.port, issuer.jwks(), routes=(route,))
        suite = yaml.safe_load((bundle / "tests" / "tools.yaml").read_text())
        decided = set()
        with (
            Envoy(tmp_path / "envoy", setup, bundles.emit(bundle)) as envoy,
            Http1Client(envoy.port, None) as client,
        ):
            for case in suite["cases"]:
                token = issuer.sign(suite["identities"][case["as"]]["tokens"]["session"])
                call = case["call"]
                answer = client.send(_request(call, token))
                refused = answer.header("toolgate-decision") is not None
                assert refused == (case["expect"]["decision"] != "PERMIT"), (case, answer.body)
                # A server may announce a method and have nothing for it.
                assert answer.status == 200 or "method" in call, (case, answer.body)
                assert (b"dev.toolgate/refusal" in answer.body) == (refused and "tool" in call), (case, answer.body)
                decided.add(case["expect"]["decision"])
        assert {"PERMIT", "SILENCE"} <= decided
