"""An Envoy with the filter, a recording upstream, and a trusted identity provider."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import paths
from harness.approvals import GATE_KEY, SIGNING_KEY
from harness.certificates import CertificateAuthority
from harness.envoy import Envoy
from harness.envoy_config import Files, Setup
from harness.http1 import Http1Client
from harness.http2 import Http2Client
from harness.recorder import Recorder
from harness.tokens import TokenIssuer

Client = Http1Client | Http2Client
ALPN = {"h1": "http/1.1", "h2": "h2"}


@dataclasses.dataclass(frozen=True)
class Gateway:
    """The target of a test's requests, with access to their results."""

    envoy: Envoy
    recorder: Recorder
    tls: CertificateAuthority | None = None

    def client(self, protocol: str, spiffe: str | tuple[str, ...] | None = None) -> Client:
        """A client that speaks `h1` or `h2`; with TLS it has a certificate with this SPIFFE id, or with these URIs."""
        uris = (spiffe,) if isinstance(spiffe, str) else spiffe
        context = self.tls.client_context(uris, ALPN[protocol]) if self.tls else None
        client: Client = (
            Http2Client(self.envoy.port, context) if protocol == "h2" else Http1Client(self.envoy.port, context)
        )
        return client


# Returns a shared gateway for a bundle directory and options of `open_gateway`.
Gateways = Callable[..., Gateway]


@contextmanager
def unharmed(gateway: Gateway) -> Iterator[None]:
    """Asserts that the block crashes no VM, and leaves no unfinished request at the upstream."""
    before = gateway.envoy.vms()
    yield
    assert gateway.envoy.vms() == before, "a VM was replaced"
    assert gateway.envoy.complaints() == [], "a VM failed"
    assert not gateway.recorder.unfinished, "half a request got through"


@contextmanager
def open_gateway(
    directory: Path,
    issuer: TokenIssuer,
    bundle: bytes,
    *,
    version: str = paths.NEWEST_ENVOY,
    upstream_http2: bool = False,
    tls: CertificateAuthority | None = None,
    tokens: tuple[str, ...] | None = None,
    routes: tuple[dict[str, Any], ...] = (),
    shape: Callable[[dict[str, Any], Files], None] | None = None,
) -> Iterator[Gateway]:
    """Starts a recorder and an Envoy in front of it, and stops both at the end."""
    with Recorder(http2=upstream_http2) as recorder:
        setup = Setup(
            recorder.port,
            issuer.jwks(),
            upstream_http2=upstream_http2,
            tls=tls,
            tokens=tokens,
            routes=routes,
            shape=shape,
        )
        with Envoy(directory, setup, bundle, version=version, variables={SIGNING_KEY: GATE_KEY.private}) as envoy:
            yield Gateway(envoy, recorder, tls)
