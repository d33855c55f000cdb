"""Tools of a real server whose names no policy could have, and classes by patterns of names, through Envoy."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import bundles, offers, paths
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.http1 import Http1Client
from harness.messages import Request, Response, tool_call
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

SERVER = '''
import sys

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from starlette.responses import JSONResponse

mcp = FastMCP("Desk & more", port=int(sys.argv[2]), stateless_http=True)
calls = []


@mcp.custom_route("/executed", methods=["GET"])
async def executed(request):
    return JSONResponse(calls)


@mcp.tool(name="Get Weather", annotations=ToolAnnotations(readOnlyHint=True))
def weather(city: str) -> str:
    calls.append(["Get Weather", city])
    return f"rain in {city}"


@mcp.tool(name="github/create_issue", annotations=ToolAnnotations(destructiveHint=False))
def issue(title: str) -> str:
    calls.append(["github/create_issue", title])
    return title
'''

# A tool with a name like that of a tool that only reads.
NEW = '''

@mcp.tool(name="Get/Secrets")
def secrets(name: str) -> str:
    calls.append(["Get/Secrets", name])
    return name
'''

RUN = '''

mcp.run("streamable-http")
'''


@contextmanager
def desk(directory: Path, more: str = "") -> Iterator[ToolServer]:
    """The server, with more tools."""
    script = directory / "desk.py"
    script.write_text(SERVER + more + RUN)
    with ToolServer("mcp1", directory / "server.log", script=script) as server:
        yield server


ROUTE = {"match": {"path": "/mcp"}, "route": {"cluster": "tools", "timeout": "0s"}}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The bundle that `toolgate init` makes for the server."""
    made = tmp_path / "mine"
    with desk(tmp_path) as server:
        run = toolgate("init", made, "--url", f"http://127.0.0.1:{server.port}/mcp", "--format", "json")
    assert run.returncode == 0, run.stderr
    assert (json.loads(run.stdout)["server"], json.loads(run.stdout)["left_out"]) == ("desk-more", [])
    return made


def toolgate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command."""
    command = [str(paths.TOOLGATE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def operator(issuer: TokenIssuer, tool: str, arguments: dict[str, Any]) -> Request:
    """A call by an operator, who may call everything."""
    token = issuer.sign({"sub": "olga", "roles": ["operator"]})
    return tool_call("/mcp", tool, arguments, token)


def reason(response: Response) -> str:
    """The reason of a refusal."""
    refusal: dict[str, str] = response.json()["result"]["_meta"]["dev.toolgate/refusal"]
    return refusal["reason"]


def test_a_tool_is_called_by_its_own_name_and_recorded_by_both(
    bundle: Path, tmp_path: Path, issuer: TokenIssuer
) -> None:
    checked = toolgate("check", bundle, "--deny-warnings")
    assert checked.returncode == 0, checked.stdout
    assert toolgate("test", bundle).returncode == 0
    with (
        desk(tmp_path) as server,
        Envoy(tmp_path / "envoy", Setup(server.port, issuer.jwks(), routes=(ROUTE,)), bundles.emit(bundle)) as envoy,
        Http1Client(envoy.port, None) as client,
    ):
        oslo = {"city": "Oslo"}
        permitted = client.send(operator(issuer, "Get Weather", oslo).with_header("mcp-name", "Get Weather"))
        assert b"rain in Oslo" in permitted.body
        visitor = tool_call("/mcp", "github/create_issue", {"title": "x"}, issuer.sign({"sub": "vic"}))
        assert reason(client.send(visitor)) == "not_permitted"
        assert reason(client.send(operator(issuer, "Get_Weather", oslo))) == "unknown_tool"
        named = client.send(operator(issuer, "Get Weather", oslo).with_header("mcp-name", "Get_Weather"))
        assert named.status == 400
        assert reason(client.send(operator(issuer, "Get\n\x1b[2JWeather", oslo))) == "unknown_tool"
        assert server.executed() == [["Get Weather", "Oslo"]]
        records = envoy.decision_log(5)
        log = envoy.files.decision_log.read_text()
        counted = envoy.admin("/stats/prometheus?filter=toolgate.calls")
    assert [(each["reason"], each["tool"], each["tool_name"]) for each in records] == [
        ("permitted", "desk-more/Get_Weather", "Get Weather"),
        ("not_permitted", "desk-more/github_create_issue", "github/create_issue"),
        ("unknown_tool", "desk-more/Get_Weather", None),
        ("header_mismatch", "desk-more/Get_Weather", "Get Weather"),
        ("unknown_tool", "desk-more/Get\\n\\u{1b}[2JWeather", None),
    ]
    assert "\x1b" not in log
    assert len(log.splitlines()) == len(records)
    assert 'toolgate_tool="desk-more/Get_Weather"' in counted
    assert "Get Weather" not in counted


def test_a_tool_is_in_a_class_by_its_name_once_it_is_listed(
    bundle: Path, tmp_path: Path, issuer: TokenIssuer
) -> None:
    file = bundle / "bundle.yaml"
    manifest = yaml.safe_load(file.read_text())
    live = manifest["servers"]["desk-more"]
    live["classes"] = {"lookup": ["Get_*"]}
    (bundle / "org" / "tools.cedar").write_text(
        '@id("clerks-look-up")\npermit (principal in Role::"clerk", action in Action::"class:lookup", resource);\n'
    )
    (bundle / "tests" / "tools.yaml").unlink()
    file.write_text(yaml.safe_dump(manifest))
    checked = toolgate("check", bundle)
    assert checked.returncode == 3
    assert "the class `lookup`" in checked.stdout
    clerk = issuer.sign({"sub": "cleo", "roles": ["clerk"]})
    secret = tool_call("/mcp", "Get/Secrets", {"name": "key"}, clerk)
    with desk(tmp_path, NEW) as server:
        url = f"http://127.0.0.1:{server.port}/mcp"
        # The server has the new tool, which nobody has reviewed.
        compared = toolgate("inventory", bundle, "--server", "desk-more", "--url", url, "--compare")
        assert (compared.returncode, "Get/Secrets" in compared.stdout) == (1, True)
        reviewed = toolgate("inventory", bundle, "--server", "desk-more", "--url", url, "--skip", "Get/Secrets")
        assert "desk-more/Get_Weather enters the class lookup\n" in reviewed.stderr
        assert toolgate("check", bundle).returncode == 0
        setup = Setup(server.port, issuer.jwks(), routes=(ROUTE,))
        with Envoy(tmp_path / "envoy", setup, bundles.emit(bundle)) as envoy, Http1Client(envoy.port, None) as client:
            assert b"rain in Oslo" in client.send(tool_call("/mcp", "Get Weather", {"city": "Oslo"}, clerk)).body
            assert reason(client.send(secret)) == "unknown_tool"
            [record, _] = envoy.decision_log(2)
            assert (record["policies"], record["classes"]) == (["clerks-look-up"], ["read", "lookup"])

            # With an alias it is a tool of the bundle, and in the class only once that is listed.
            taken = toolgate("inventory", bundle, "--server", "desk-more", "--url", url)
            assert "enters" not in taken.stderr
            live["tools"]["Get_Secrets"] = {"name": "Get/Secrets"}
            file.write_text(yaml.safe_dump(manifest))
            unlisted = toolgate("check", bundle)
            assert (unlisted.returncode, "desk-more/Get_Secrets" in unlisted.stdout) == (3, True), unlisted.stdout
            assert toolgate("build", bundle).returncode == 3
            listed = toolgate("inventory", bundle, "--server", "desk-more", "--url", url)
            assert "desk-more/Get_Secrets enters the class lookup\n" in listed.stderr
            envoy.push(bundles.emit(shutil.copytree(bundle, tmp_path / "listed")))
            envoy.wait_for_success(2)
            client.send(secret)
            assert server.executed() == [["Get Weather", "Oslo"], ["Get/Secrets", "key"]]
