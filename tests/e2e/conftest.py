"""Fixtures that are created once per run, and the gateways that many tests share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from harness import acme, bundles, paths
from harness.certificates import CertificateAuthority
from harness.gateway import Gateway, Gateways, open_gateway, unharmed
from harness.tokens import TokenIssuer
from harness.tool_server import ToolServer


@pytest.fixture(scope="session")
def issuer() -> TokenIssuer:
    """The identity provider that all Envoys of the run trust."""
    return TokenIssuer()


@pytest.fixture(scope="session")
def alice(issuer: TokenIssuer) -> str:
    """A valid token of Alice through the support agent."""
    return issuer.sign(acme.ALICE)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """The certificate authority for mutual TLS."""
    return CertificateAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def bundle() -> bytes:
    """The example bundle as an ECDS resource."""
    return bundles.emit(paths.BUNDLE)


@pytest.fixture(scope="session")
def gateways(
    tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer, authority: CertificateAuthority
) -> Iterator[Gateways]:
    """Gateways that are started on first use and then shared, since starting Envoy takes a second."""
    with ExitStack() as stack:

        @cache
        def start(
            directory: Path = paths.BUNDLE,
            *,
            upstream_http2: bool = False,
            tls: bool = False,
            tokens: tuple[str, ...] | None = None,
        ) -> Gateway:
            opened = open_gateway(
                tmp_path_factory.mktemp("gateway"),
                issuer,
                bundles.emit(directory),
                upstream_http2=upstream_http2,
                tls=authority if tls else None,
                tokens=tokens,
            )
            gateway = stack.enter_context(opened)
            stack.enter_context(unharmed(gateway))
            return gateway

        yield start


@pytest.fixture(scope="session")
def tool_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ToolServer]]:
    """The demo's tool servers by the environment whose SDK serves them, started on first use."""
    with ExitStack() as stack:

        @cache
        def server(environment: str) -> ToolServer:
            log = tmp_path_factory.mktemp(environment) / "server.log"
            return stack.enter_context(ToolServer(environment, log))

        yield server


@pytest.fixture(scope="session")
def solver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The solver as a command."""
    command = tmp_path_factory.mktemp("solver") / "cvc5"
    script = paths.E2E / "cvc5_command.py"
    command.write_text(f'#!/bin/sh\nexec "{paths.python("cvc5")}" "{script}" "$@"\n')
    command.chmod(0o755)
    return command
