"""Runs MCP servers that others have published, from npm and PyPI."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from harness import paths
from harness.tool_server import free_port
from harness.waiting import wait_until

# Nothing listens there, so that no call leaves the machine.
NOWHERE = "http://127.0.0.1:9"
OFFLINE = {name: NOWHERE for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
LOCAL = {name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy")}


class Published(NamedTuple):
    """A server; `{port}` and `{directory}` in its command and variables are filled in."""

    package: str
    environment: str
    command: list[str]
    variables: dict[str, str]
    # Whether it speaks Streamable HTTP itself. The others are behind a bridge, `mcp-proxy`.
    has_http: bool


def lark_tools() -> str:
    """Every tool that this server makes from its provider's OpenAPI document, a thousand of them."""
    package = paths.INSTALLED / "servers" / "node_modules" / "@larksuiteoapi" / "lark-mcp"
    files = sorted(package.glob("dist/mcp-tool/tools/en/gen-tools/zod/*.js"))
    return ",".join(name for file in files for name in re.findall(r"^    name: '([\w.]+)',$", file.read_text(), re.M))


def servers() -> list[Published]:
    """The servers, in the order of the page."""
    official = "@modelcontextprotocol/server-"
    account = {"URL": NOWHERE, "USERNAME": "nobody", "API_TOKEN": "none"}
    atlassian = {f"{product}_{key}": account[key] for product in ("JIRA", "CONFLUENCE") for key in account}
    return [
        _http(f"{official}everything", "servers", "mcp-server-everything streamableHttp", PORT="{port}"),
        _stdio(f"{official}filesystem", "servers", "mcp-server-filesystem {directory}"),
        _stdio(f"{official}memory", "servers", "mcp-server-memory", MEMORY_FILE_PATH="{directory}/memory.jsonl"),
        _stdio(f"{official}sequential-thinking", "servers", "mcp-server-sequential-thinking"),
        _stdio("mcp-server-git", "servers2", "mcp-server-git"),
        _stdio("mcp-server-time", "servers2", "mcp-server-time"),
        _stdio("mcp-server-fetch", "servers2", "mcp-server-fetch"),
        _stdio("mcp-server-sqlite", "servers1", "mcp-server-sqlite --db-path {directory}/data.sqlite"),
        _stdio("excel-mcp-server", "servers2", "excel-mcp-server stdio"),
        _stdio("duckduckgo-mcp-server", "servers2", "duckduckgo-mcp-server"),
        _http(
            *("mcp-atlassian", "servers1", "mcp-atlassian --transport streamable-http --port {port}"),
            **({"TOOLSETS": "all", "ALLOW_GLOBAL_CRED_FALLBACK": "true"} | atlassian),
        ),
        _stdio("chrome-devtools-mcp", "servers", "chrome-devtools-mcp --headless --no-usage-statistics"),
        _http("@playwright/mcp", "servers", "playwright-mcp --headless --allowed-hosts 127.0.0.1:{port} --port {port}"),
        _http(
            *("@antv/mcp-server-chart", "servers", "mcp-server-chart -t streamable -p {port}"),
            VIS_REQUEST_SERVER=NOWHERE,
        ),
        _http(
            *("@notionhq/notion-mcp-server", "servers"),
            "notion-mcp-server --transport http --port {port} --unsafe-disable-auth",
            NOTION_TOKEN="none",
        ),
        _stdio("@larksuiteoapi/lark-mcp", "servers", f"lark-mcp mcp -a none -s none -d {NOWHERE} -t {lark_tools()}"),
        _http("fastmcp", "fastmcp", f"python -P {paths.CLIENTS}/weather.py --port {{port}}"),
    ]


def _http(package: str, environment: str, command: str, **variables: str) -> Published:
    return Published(package, environment, command.split(), variables, has_http=True)


def _stdio(package: str, environment: str, command: str, **variables: str) -> Published:
    return Published(package, environment, command.split(), variables, has_http=False)


@contextmanager
def running(server: Published, directory: Path) -> Iterator[str]:
    """The server's URL for Streamable HTTP. It works in a directory of its own."""
    work = directory / "work"
    work.mkdir()
    port = free_port()
    words = {"port": port, "directory": work}
    command = [word.format(**words) for word in _program(server)]
    if not server.has_http:
        bridge = _script("servers1", "mcp-proxy")
        command = [*bridge, "--port", str(port), "--stateless", "--pass-environment", "--", *command]
    variables = {name: value.format(**words) for name, value in server.variables.items()}
    environment = os.environ | OFFLINE | LOCAL | {"HOME": str(work)} | variables
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=work, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: _listens(process, port, log), f"`{server.package}` to listen", seconds=90)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        # The bridge ends its server only if it is asked to end.
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _program(server: Published) -> list[str]:
    name, *arguments = server.command
    if server.environment == "servers":
        script = paths.INSTALLED / "servers" / "node_modules" / ".bin" / name
        return [str(paths.node()), str(script), *arguments]
    if name == "python":
        return [str(paths.python(server.environment)), *arguments]
    return [*_script(server.environment, name), *arguments]


def _script(environment: str, name: str) -> list[str]:
    # Not by its first line, which names the directory in which it was installed.
    python = paths.python(environment)
    return [str(python), str(python.parent / name)]


def _listens(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()}")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
