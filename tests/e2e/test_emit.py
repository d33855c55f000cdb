"""The output of `toolgate emit` for a control plane decides calls in an Envoy as that control plane configures it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import acme, bundles, envoy, envoy_gateway, istio, paths
from harness.envoy_config import Setup
from harness.gateway import Gateway, open_gateway
from harness.messages import Request, tool_call
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer

OLDEST_AND_NEWEST = [paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY]
IMAGE = f"registry.acme.example/toolgate@sha256:{'0d5e' * 16}"
TOKENS = ("--issuer", ISSUER, "--audience", AUDIENCE)
KEYS = ("--jwks", f"{ISSUER}/jwks.json")
# A second one that is never reached.
RATES = ("--rate-limit", "principal=2/1h", "--rate-limit", "1000/1s")
IN_KUBERNETES = ("--namespace", "tools", "--image", IMAGE, *TOKENS, *KEYS)


def for_istio(*options: str, bundle: Path = paths.BUNDLE) -> list[dict[str, Any]]:
    """Documents for the sidecars of the tool servers."""
    text = bundles.text("istio", "--selector", "app=tools", *IN_KUBERNETES, *options, bundle=bundle)
    return istio.documents(text)


def for_envoy_gateway(*options: str, bundle: Path = paths.BUNDLE) -> list[dict[str, Any]]:
    """Documents for the Gateway in front of the tool servers."""
    return bundles.documents("envoy-gateway", "--gateway", "tools", *IN_KUBERNETES, *options, bundle=bundle)


def decides(gateway: Gateway, token: str) -> None:
    """Checks a permit, a refusal, the identity, large bodies on HTTP/2, and the record of each decision."""
    with gateway.client("h2") as client:
        assert client.send(acme.permitted(token)).status == 200
        assert client.send(acme.forbidden(token)).json()["result"]["isError"] is True
        assert client.send(acme.permitted(None)).status == 401
        large = tool_call("/crm/mcp", "get_contact", {"account": "acme", "contact_id": "c" * 200_000}, token)
        assert client.send(large).status == 200
        too_large = tool_call("/crm/mcp", "get_contact", {"account": "acme", "contact_id": "c" * 300_000}, token)
        assert client.send(too_large).json()["result"]["isError"] is True
        assert client.send(acme.permitted(token).to("/crm%2fmcp")).status == 400
        assert client.send(acme.permitted("x")).status == 401
    records = gateway.envoy.decision_log(6)
    assert [record["reason"] for record in records][:3] == ["permitted", "forbidden", "unauthenticated"]
    assert [record["reason"] for record in records][-2:] == ["body_too_large", "unauthenticated"]
    assert records[-1]["bundle"] is None
    assert records[-1].keys() == records[0].keys()


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_istio(version: str, tmp_path: Path, issuer: TokenIssuer, alice: str) -> None:
    documents = for_istio()
    shape = istio.shape(documents)
    with open_gateway(tmp_path, issuer, istio.resource(documents), version=version, shape=shape) as gateway:
        decides(gateway, alice)


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_envoy_gateway(version: str, tmp_path: Path, issuer: TokenIssuer, alice: str) -> None:
    documents = for_envoy_gateway()
    shape = envoy_gateway.shape(documents)
    with open_gateway(tmp_path, issuer, b"", version=version, shape=shape) as gateway:
        decides(gateway, alice)
        # Later updates by the kubelet are in force soon after.
        renamed = bundles.variant(tmp_path / "renamed", name="renamed")
        envoy_gateway.mount(for_envoy_gateway(bundle=renamed), gateway.envoy.files)
        gateway.envoy.wait_for_success(2)
        with gateway.client("h1") as client:
            assert 'bundle="renamed@' in str(client.send(acme.forbidden(alice)).header("toolgate-decision"))


def test_pages_call_through_envoy_gateway(tmp_path: Path, issuer: TokenIssuer) -> None:
    origin = "https://app.acme.example"
    shape = envoy_gateway.shape(for_envoy_gateway("--cors-origin", origin))
    preflight = Request("OPTIONS", "/crm/mcp", (("origin", origin), ("access-control-request-method", "POST")))
    with open_gateway(tmp_path, issuer, b"", shape=shape) as gateway, gateway.client("h1") as client:
        assert client.send(preflight).status == 200
        for token in (None, "x"):
            refused = client.send(acme.permitted(token).with_header("origin", origin))
            assert (refused.status, refused.header("access-control-allow-origin")) == (401, origin)
        assert gateway.recorder.requests == []


def test_envoy_gateway_is_closed_until_it_is_patched(tmp_path: Path, issuer: TokenIssuer, alice: str) -> None:
    shape = envoy_gateway.shape(for_envoy_gateway(), patched=False)
    with open_gateway(tmp_path, issuer, b"", shape=shape) as gateway, gateway.client("h1") as client:
        for request in (acme.permitted(alice), acme.housekeeping(alice), acme.permitted(None)):
            assert client.send(request).status == 403
        assert gateway.recorder.requests == []


@pytest.mark.parametrize("plane", ["istio", "envoy-gateway"])
def test_rates_are_limited_behind_the_filter(plane: str, tmp_path: Path, issuer: TokenIssuer, alice: str) -> None:
    documents = for_istio(*RATES) if plane == "istio" else for_envoy_gateway(*RATES)
    shape = istio.shape(documents) if plane == "istio" else envoy_gateway.shape(documents)
    resource = istio.resource(documents) if plane == "istio" else b""
    with open_gateway(tmp_path, issuer, resource, shape=shape) as gateway, gateway.client("h2") as client:
        assert [client.send(acme.forbidden(alice)).status for _ in range(3)] == [200] * 3
        assert [client.send(acme.permitted(alice)).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("version", paths.ENVOY_VERSIONS)
@pytest.mark.parametrize("plane", ["istio", "envoy-gateway"])
def test_every_envoy_accepts_it(plane: str, version: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    documents = for_istio(*RATES) if plane == "istio" else for_envoy_gateway(*RATES)
    shape = istio.shape(documents) if plane == "istio" else envoy_gateway.shape(documents)
    setup = Setup(upstream_port=9000, jwks=issuer.jwks(), shape=shape)
    result = envoy.validate(version, tmp_path, setup, istio.resource(documents) if plane == "istio" else b"")
    assert result.returncode == 0, result.stdout
    assert "deprecated" not in result.stdout.lower()


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_several_upstreams_in_plain_envoy(version: str, tmp_path: Path, issuer: TokenIssuer) -> None:
    options = ("--upstream", "crm=crm.internal:8080", "--upstream", "[::1]:9000", "--logs", str(tmp_path), *TOKENS)
    (tmp_path / "jwks.json").write_text(issuer.jwks())
    [config] = bundles.documents("envoy", *options, "--jwks", str(tmp_path / "jwks.json"), "--ecds", str(tmp_path))
    (tmp_path / "toolgate.json").write_bytes(bundles.emit(paths.BUNDLE))
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(config))
    result = envoy.validate_file(version, tmp_path / "envoy.yaml")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("kind", ["wasm-plugin", "traffic-extension"])
def test_istio_plugins_have_the_same_configuration(kind: str) -> None:
    [plugin] = for_istio("--kind", kind)
    settings = plugin["spec"].get("wasm", plugin["spec"])
    [extension] = istio.by_kind(for_istio())["EnvoyFilter"]["spec"]["configPatches"][:1]
    config = extension["patch"]["value"]["typed_config"]["config"]
    assert settings["pluginConfig"] == yaml.safe_load(config["configuration"]["value"])
    assert settings["url"] == f"oci://{IMAGE}"
    assert settings["failStrategy"] == config["failure_policy"]
