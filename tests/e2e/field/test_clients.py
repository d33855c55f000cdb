"""What published clients see of the gate."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from harness import page, pins, sessions
from harness.envoy import Envoy
from harness.envoy_config import Setup
from harness.sdk import ENVIRONMENTS
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer

PACKAGES = {
    "py1": "mcp",
    "py2": "mcp",
    "ts1": "@modelcontextprotocol/sdk",
    "ts2": "@modelcontextprotocol/client",
    "inspector": "@modelcontextprotocol/inspector",
    "fastmcp": "fastmcp",
    "langchain": "langchain-mcp-adapters",
}
HEAD = ["client", "version", "connects", "to `mcp`", "revision", "lists", "calls", "is refused", "sees", "goes on"]


def test_the_page_says_what_clients_see(
    tool_servers: Callable[[str], ToolServer], issuer: TokenIssuer, bundle: bytes, alice: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:

        def started(server: str) -> int:
            setup = Setup(tool_servers(server).port, issuer.jwks())
            return stack.enter_context(Envoy(tmp_path / server, setup, bundle)).port

        ports = {server: started(server) for server in ("mcp1", "mcp2")}
        order = list(ENVIRONMENTS)
        held = sorted([*sessions.SESSIONS, *sessions.MORE], key=lambda session: order.index(session.client))
        rows = []
        with ThreadPoolExecutor(2) as pool:
            seen_by = list(pool.map(lambda session: sessions.hold(session, ports[session.server], alice), held))
        for session, seen in zip(held, seen_by, strict=True):
            client, package = ENVIRONMENTS[session.client], PACKAGES[session.client]
            refused = f"{len(seen.reasons)} of {len(sessions.refused(session.client))}"
            rows.append(
                [
                    *(f"`{package}`", pins.version(client, package), session.mode, pins.version(session.server, "mcp")),
                    *(seen.protocol, page.yes("get_contact" in seen.tools), page.yes(seen.works), refused),
                    *("text and account" if seen.has_account else "text", page.yes(seen.goes_on)),
                ]
            )
    page.holds("Clients", HEAD, rows)
