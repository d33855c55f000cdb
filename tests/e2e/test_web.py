"""What logged-out clients and browsers need: the resource metadata, honest 404s, and cross-origin requests."""

import time
from collections.abc import Iterator

import pytest

from harness import acme, bundles, paths
from harness.gateway import Gateway, open_gateway
from harness.messages import Request
from harness.recorder import Recorder
from harness.tokens import AUDIENCE, ISSUER, TokenIssuer

HOST = "https://tools.acme.example"
METADATA = "/.well-known/oauth-protected-resource"
ORIGIN = "http://localhost:6274"


@pytest.fixture(scope="module", params=[paths.ENVOY_VERSIONS[0], paths.NEWEST_ENVOY])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer
) -> Iterator[Gateway]:
    """The oldest and the newest Envoy, as `emit` configures it for both."""
    directory = tmp_path_factory.mktemp("web")
    refusal = {"style": "tool_result", "resource_metadata": HOST + METADATA}
    bundle = bundles.variant(directory / "bundle", refusal=refusal)
    keys = directory / "jwks.json"
    keys.write_text(issuer.jwks())
    with Recorder() as recorder:
        options = (
            *("--upstream", f"127.0.0.1:{recorder.port}", "--issuer", ISSUER, "--jwks", str(keys)),
            *("--audience", AUDIENCE, "--audience", f"{HOST}/crm/mcp"),
            *("--resource-metadata", "--cors-origin", ORIGIN, "--cors-origin", "https://app.acme.example"),
        )
        shape = bundles.emitted(*options, bundle=bundle)
        opened = open_gateway(
            directory / "envoy", issuer, bundles.emit(bundle), version=request.param, shape=shape
        )
        with opened as gateway:
            yield Gateway(gateway.envoy, recorder)


def expired(issuer: TokenIssuer) -> str:
    """A token that Envoy refuses."""
    return issuer.sign(acme.ALICE | {"exp": int(time.time()) - 3600})


@pytest.mark.parametrize("authorization", [None, "Bearer x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("variant", "resource"), [("", HOST), ("/crm/mcp", f"{HOST}/crm/mcp"), ("/payments/mcp", HOST), ("?a=b", HOST)]
)
def test_the_metadata_needs_no_token(
    variant: str, resource: str, method: str, authorization: str | None, gateway: Gateway
) -> None:
    request = Request(method, METADATA + variant)
    if authorization:
        request = request.with_header("authorization", authorization)
    with gateway.client("h2") as client:
        response = client.send(request)
    assert (response.status, response.header("content-type")) == (200, "application/json")
    if method == "GET":
        assert response.json() == {
            "resource": resource,
            "authorization_servers": [ISSUER],
            "bearer_methods_supported": ["header"],
        }


PROBED = [
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/oauth-authorization-server/crm/mcp"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/crm/mcp/.well-known/openid-configuration"),
    ("GET", f"{METADATA}/elsewhere"),
    ("POST", "/register"),
    ("GET", "/authorize"),
    ("POST", "/token"),
]


@pytest.mark.parametrize(("method", "path"), PROBED)
def test_what_an_authorization_server_has_is_not_here(method: str, path: str, gateway: Gateway) -> None:
    gateway.recorder.forget()
    with gateway.client("h1") as client:
        assert client.send(Request(method, path)).status == 404
        # Nothing else has become open.
        assert client.send(Request(method, f"{path}x")).status in (401, 403, 404)
        assert client.send(Request(method, "/elsewhere")).status in (401, 403)
    assert gateway.recorder.connections == []


def preflight(origin: str, path: str = "/crm/mcp") -> Request:
    """What a browser asks before a call; it has no token."""
    headers = (("origin", origin), ("access-control-request-method", "POST"))
    return Request("OPTIONS", path, (*headers, ("access-control-request-headers", "authorization,mcp-param-region")))


def test_a_preflight_needs_no_token(gateway: Gateway) -> None:
    gateway.recorder.forget()
    with gateway.client("h1") as client:
        response = client.send(preflight(ORIGIN))
        other = client.send(preflight("https://evil.example"))
    assert response.status == 200
    assert response.header("access-control-allow-origin") == ORIGIN
    assert response.header("access-control-allow-credentials") is None
    allowed = {name.strip() for name in (response.header("access-control-allow-headers") or "").split(",")}
    assert {"authorization", "mcp-session-id", "*"} <= allowed
    assert "POST" in (response.header("access-control-allow-methods") or "")
    assert other.header("access-control-allow-origin") is None
    assert gateway.recorder.connections == []


@pytest.mark.parametrize("path", [METADATA, "/.well-known/openid-configuration"])
def test_every_page_can_read_what_is_public(path: str, gateway: Gateway) -> None:
    with gateway.client("h1") as client:
        for request in (preflight(ORIGIN, path), Request("GET", path, (("origin", ORIGIN),))):
            response = client.send(request)
            assert response.header("access-control-allow-origin") == "*"
            assert response.header("access-control-allow-headers") == "*"


def test_a_page_can_read_every_answer(gateway: Gateway, issuer: TokenIssuer, alice: str) -> None:
    wanted = [
        (acme.permitted(alice), 200),
        (acme.forbidden(alice), 200),
        (acme.permitted(None), 401),
        (acme.permitted(expired(issuer)), 401),
    ]
    with gateway.client("h1") as client:
        for request, status in wanted:
            response = client.send(request.with_header("origin", ORIGIN))
            assert (response.status, response.header("access-control-allow-origin")) == (status, ORIGIN)
            exposed = {name.strip() for name in (response.header("access-control-expose-headers") or "").split(",")}
            assert exposed == {"mcp-session-id", "www-authenticate", "toolgate-decision"}
            foreign = client.send(request.with_header("origin", "https://evil.example"))
            assert (foreign.status, foreign.header("access-control-allow-origin")) == (status, None)


def test_the_challenge_leads_to_the_metadata(gateway: Gateway) -> None:
    with gateway.client("h1") as client:
        challenge = client.send(acme.permitted(None)).header("www-authenticate") or ""
        named = challenge.split('resource_metadata="')[1].rstrip('"')
        assert client.send(Request("GET", named.removeprefix(HOST))).status == 200
