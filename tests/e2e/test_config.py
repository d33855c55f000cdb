"""The configuration of the repository is one that every supported Envoy reads."""

from pathlib import Path

import pytest

from harness import envoy, paths
from harness.certificates import CertificateAuthority
from harness.envoy_config import Setup
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
    # A field on its way out of Envoy would break the next version.
    assert "deprecated" not in result.stdout.lower()
