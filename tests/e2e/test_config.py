"""Every supported Envoy accepts the repository's configuration."""

from pathlib import Path

import pytest
import yaml

from harness import acme, envoy, paths
from harness.certificates import CertificateAuthority
from harness.envoy_config import Setup
from harness.gateway import open_gateway
from harness.messages import Request
from harness.tokens import TokenIssuer


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "mtls"])
def test_envoy_accepts_the_configuration(
    version: str, tls: bool, tmp_path: Path, issuer: TokenIssuer, authority: CertificateAuthority, bundle: bytes
) -> None:
    setup = Setup(upstream_port=9000, jwks=issuer.jwks(), tls=authority if tls else None)
    result = envoy.validate(version, tmp_path, setup, bundle)
    assert result.returncode == 0, result.stdout
    assert f"configuration '{tmp_path / 'envoy.yaml'}' OK" in result.stdout
    # A deprecated field would break with the next Envoy version.
    assert "deprecated" not in result.stdout.lower()


@pytest.mark.parametrize("version", [paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def test_a_route_can_switch_the_filter_off(version: str, tmp_path: Path, issuer: TokenIssuer, bundle: bytes) -> None:
    """The route from the configuration page."""
    page = (paths.REPOSITORY / "src" / "config.md").read_text()
    [route] = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    with open_gateway(tmp_path, issuer, bundle, version=version, routes=(route,)) as gateway, gateway.client("h1") as client:
        public = Request("GET", route["match"]["path"], (), b"")
        assert client.send(public).status == 200
        assert client.send(public.to("/.well-known/other")).status in (403, 404)
        assert client.send(acme.permitted(None)).status == 401
        [arrived] = gateway.recorder.requests
        assert arrived.values(":path") == [public.path]
