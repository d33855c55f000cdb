"""Tool servers with a path, a host, TLS or credentials of their own, and tokens of several issuers."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import acme, bundles, paths, tls_server
from harness.certificates import CertificateAuthority
from harness.envoy_config import Files
from harness.gateway import open_gateway
from harness.messages import Request, tool_call
from harness.recorder import Recorder
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer

OLDEST_AND_NEWEST = pytest.mark.parametrize("version", [paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
TOKENS = ("--issuer", ISSUER, "--audience", AUDIENCE)
# For the servers that a test does not call.
NOWHERE = ("--upstream", "127.0.0.1:9")


def payment(token: str) -> Request:
    """A call to another server, which Alice is permitted to make."""
    return tool_call("/payments/mcp", "get_payment", {"account": "acme", "payment_id": "p-1"}, token)


@pytest.fixture
def keys(tmp_path: Path, issuer: TokenIssuer) -> Path:
    """The issuer's keys in a file."""
    file = tmp_path / "keys.json"
    file.write_text(issuer.jwks())
    return file


@OLDEST_AND_NEWEST
def test_each_server_gets_its_own_host_and_path(
    version: str, tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str, keys: Path
) -> None:
    with Recorder() as crm, Recorder() as others:
        shape = bundles.emitted(
            *("--upstream", f"crm=127.0.0.1:{crm.port}/mcp", "--upstream", f"127.0.0.1:{others.port}"),
            *(*TOKENS, "--jwks", str(keys)),
        )
        opened = open_gateway(tmp_path / "envoy", issuer, bundle, version=version, shape=shape)
        with opened as gateway, gateway.client("h1") as client:
            authority = f"127.0.0.1:{gateway.envoy.port}"
            assert client.send(acme.permitted(alice).to("/crm/mcp?a=b")).status == 200
            assert client.send(payment(alice)).status == 200
            [rewritten], [kept] = crm.requests, others.requests
            assert (rewritten.values("host"), rewritten.values(":path")) == ([f"127.0.0.1:{crm.port}"], ["/mcp?a=b"])
            assert (kept.values("host"), kept.values(":path")) == ([authority], ["/payments/mcp"])
            for lines in (gateway.envoy.decision_log(2), gateway.envoy.start_log(2), gateway.envoy.access_log(2)):
                assert [line.get("channel", line["path"]) for line in lines] == ["/crm/mcp", "/payments/mcp"]
            assert {record["authority"] for record in gateway.envoy.decision_log(2)} == {authority}


@OLDEST_AND_NEWEST
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_servers_and_keys_with_tls(
    host: str,
    version: str,
    tmp_path: Path,
    issuer: TokenIssuer,
    bundle: bytes,
    alice: str,
    authority: CertificateAuthority,
) -> None:
    with tls_server.serve(authority, issuer.jwks().encode()) as server:
        url = f"https://{host}:{server.port}"
        options = ("--upstream", f"crm={url}/mcp", "--jwks", f"{url}/keys", *TOKENS)
        shape = bundles.emitted(*options, *NOWHERE, "--ca", str(authority.certificate))
        opened = open_gateway(tmp_path / "envoy", issuer, bundle, version=version, shape=shape)
        with opened as gateway, gateway.client("h1") as client:
            assert client.send(acme.permitted(alice)).status == 200
            assert client.send(acme.permitted(TokenIssuer().sign(acme.ALICE))).status == 401
        # Envoy may fetch keys more than once.
        assert server.received[-1] == (f"{host}:{server.port}", "/mcp")
        assert set(server.received[:-1]) == {(f"{host}:{server.port}", "/keys")}


@OLDEST_AND_NEWEST
def test_a_server_with_another_certificate_gets_nothing(
    version: str,
    tmp_path: Path,
    issuer: TokenIssuer,
    bundle: bytes,
    alice: str,
    authority: CertificateAuthority,
    keys: Path,
) -> None:
    strange = tmp_path / "stranger"
    strange.mkdir()
    stranger = CertificateAuthority(strange)
    with tls_server.serve(stranger, b"{}") as server:
        options = ("--upstream", f"crm=https://localhost:{server.port}/mcp", "--jwks", str(keys), *TOKENS)
        shape = bundles.emitted(*options, *NOWHERE, "--ca", str(authority.certificate))
        opened = open_gateway(tmp_path / "envoy", issuer, bundle, version=version, shape=shape)
        with opened as gateway, gateway.client("h1") as client:
            assert client.send(acme.permitted(alice)).status == 503
        assert server.received == []


@OLDEST_AND_NEWEST
def test_a_server_gets_credentials_of_its_own(
    version: str, tmp_path: Path, issuer: TokenIssuer, bundle: bytes, alice: str, keys: Path
) -> None:
    # As the page says, with other places and another token.
    blocks = re.findall(r"```yaml\n(.*?)```", (paths.REPOSITORY / "envoy" / "README.md").read_text(), re.DOTALL)
    [injector] = [block for block in blocks if "credential_injector" in block]
    [secret] = [block for block in blocks if "generic_secret" in block]
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "crm.yaml").write_text(secret.replace("THE-TOKEN", "own-secret"))
    with Recorder() as crm, Recorder() as others:
        emitted = bundles.emitted(
            *("--upstream", f"crm=127.0.0.1:{crm.port}/mcp", "--upstream", f"127.0.0.1:{others.port}"),
            *(*TOKENS, "--jwks", str(keys)),
        )

        def shape(config: dict[str, Any], files: Files) -> None:
            emitted(config, files)
            [cluster] = [each for each in config["static_resources"]["clusters"] if each["name"] == "crm"]
            cluster |= yaml.safe_load(injector.replace("/etc/toolgate/credentials", str(credentials)))

        opened = open_gateway(tmp_path / "envoy", issuer, bundle, version=version, shape=shape)
        with opened as gateway, gateway.client("h1") as client:
            files = gateway.envoy.files
            assert client.send(acme.permitted(alice)).status == 200
            assert client.send(payment(alice)).status == 200
            gateway.envoy.decision_log(2)
            for log in (files.access_log, files.decision_log, files.start_log):
                assert "own-secret" not in log.read_text()
        [given], [other] = crm.requests, others.requests
        assert given.values("authorization") == ["Bearer own-secret"]
        assert other.values("authorization") == []


@OLDEST_AND_NEWEST
def test_each_issuer_speaks_only_for_its_own_tokens(
    version: str, tmp_path: Path, issuer: TokenIssuer, bundle: bytes, keys: Path
) -> None:
    guests = TokenIssuer()
    guest_keys = tmp_path / "guests.json"
    guest_keys.write_text(guests.jwks())
    url = "https://guests.acme.example"
    options = (
        *("--upstream", "127.0.0.1:9", "--issuer", f"session={ISSUER}", "--issuer", f"payload={url}"),
        *("--jwks", f"session={keys}", "--jwks", f"payload={guest_keys}"),
        *("--audience", AUDIENCE, "--audience", "payload=guests-only"),
    )
    guest = acme.ALICE | {"iss": url, "aud": "guests-only"}
    opened = open_gateway(tmp_path / "envoy", issuer, bundle, version=version, shape=bundles.emitted(*options))
    with opened as gateway, gateway.client("h1") as client:
        # 503: permitted, and nobody is there.
        for token in (issuer.sign(acme.ALICE), guests.sign(guest)):
            assert client.send(acme.permitted(token)).status == 503
        wrong = [
            guests.sign(acme.ALICE),
            issuer.sign(guest),
            guests.sign(guest | {"aud": AUDIENCE}),
            issuer.sign(acme.ALICE | {"aud": "guests-only"}),
            guests.sign(guest | {"exp": 1}),
            issuer.sign(acme.ALICE | {"exp": 1}),
        ]
        for token in wrong:
            response = client.send(acme.permitted(token))
            assert (response.status, "invalid_token" in (response.header("www-authenticate") or "")) == (401, True)
        details = [record["detail"] for record in gateway.envoy.decision_log(8)[2:]]
        assert details[-1] == details[-2] == "jwt_authn_access_denied{Jwt_is_expired}"
