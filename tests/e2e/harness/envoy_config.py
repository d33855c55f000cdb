"""Makes `envoy/envoy.yaml` runnable: replaces only the values that a deployment would replace."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from harness import paths
from harness.certificates import CertificateAuthority

# A clock skew that makes every time claim valid: the maximum of 32 bits.
ANY_TIME = 2**32 - 1
# Lines of the file that an operator uncomments for mutual TLS.
TLS_MARK = "#tls| "


@dataclasses.dataclass(frozen=True)
class Setup:
    """The upstream, trust and options of one Envoy in the tests."""

    upstream_port: int
    jwks: str
    upstream_http2: bool = False
    # If set: mutual TLS, with certificates of this authority.
    tls: CertificateAuthority | None = None
    # If set: only the filter refuses. Every path has a route, every certificate of the authority is accepted, and so
    # are tokens with these names and any claims, each in a header of its own.
    tokens: tuple[str, ...] | None = None
    # Routes before those of the file.
    routes: tuple[dict[str, Any], ...] = ()
    # If set: transforms the configuration as a control plane does.
    shape: Callable[[dict[str, Any], "Files"], None] | None = None


@dataclasses.dataclass(frozen=True)
class Files:
    """The files of one Envoy, all in one directory."""

    directory: Path

    @property
    def config(self) -> Path:
        """The rendered configuration."""
        return self.directory / "envoy.yaml"

    @property
    def jwks(self) -> Path:
        """The signing keys of the token issuer."""
        return self.directory / "jwks.json"

    @property
    def bundle(self) -> Path:
        """The ECDS resource, in a separate directory, since Envoy watches the directory."""
        return self.directory / "ecds" / "toolgate.json"

    @property
    def access_log(self) -> Path:
        """The traffic log."""
        return self.directory / "access.log"

    @property
    def start_log(self) -> Path:
        """The lines of calls that are forwarded to the upstream."""
        return self.directory / "started.ndjson"

    @property
    def decision_log(self) -> Path:
        """The decision records."""
        return self.directory / "decisions.ndjson"


def token_header(token: str) -> str:
    """The request header for the token with this name in the mode where only the filter refuses."""
    return f"x-{token}-token"


def write(setup: Setup, files: Files, bundle: bytes) -> None:
    """Writes the configuration and the files it refers to; Envoy does not start unless all of them exist."""
    files.bundle.parent.mkdir(parents=True)
    files.bundle.write_bytes(bundle)
    files.jwks.write_text(setup.jwks)
    files.config.write_text(yaml.safe_dump(render(setup, files), sort_keys=False))


def render(setup: Setup, files: Files) -> dict[str, Any]:
    """The repository's configuration with the values of this run."""
    text = paths.ENVOY_CONFIG.read_text()
    config: dict[str, Any] = yaml.safe_load(text.replace(TLS_MARK, "") if setup.tls else text)
    listener = config["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    filters = {each["name"]: each for each in manager["http_filters"]}

    # Port 0: the kernel chooses the port and Envoy reports it, so that runs cannot collide.
    config["admin"]["address"]["socket_address"]["port_value"] = 0
    listener["address"]["socket_address"]["port_value"] = 0
    log_files = (files.access_log, files.decision_log, files.decision_log)
    for log, file in zip(manager["access_log"], log_files, strict=True):
        log["typed_config"]["path"] = str(file)
    [start_log] = filters["envoy.filters.http.router"]["typed_config"]["upstream_log"]
    start_log["typed_config"]["path"] = str(files.start_log)
    source = filters["toolgate"]["config_discovery"]["config_source"]["path_config_source"]
    source["path"] = str(files.bundle)
    source["watched_directory"]["path"] = str(files.bundle.parent)
    authentication = filters["envoy.filters.http.jwt_authn"]["typed_config"]
    authentication["providers"]["session"]["local_jwks"]["filename"] = str(files.jwks)
    [host] = manager["route_config"]["virtual_hosts"]
    host["routes"][:0] = setup.routes
    if setup.tokens is not None:
        _set_tokens(authentication, setup.tokens)
        host["routes"] = [{"match": {"prefix": "/"}, "route": {"cluster": "tools", "timeout": "0s"}}]
    _set_upstream(config["static_resources"]["clusters"][0], setup)
    if setup.tls:
        _set_certificates(listener["filter_chains"][0]["transport_socket"]["typed_config"], setup, setup.tls)
    if setup.shape:
        setup.shape(config, files)
    return config


def _set_tokens(authentication: dict[str, Any], tokens: tuple[str, ...]) -> None:
    session = authentication["providers"]["session"]
    for demand in ("issuer", "audiences", "require_expiration"):
        del session[demand]
    session["clock_skew_seconds"] = ANY_TIME
    authentication["providers"] = {}
    requirements = []
    for token in tokens:
        provider = copy.deepcopy(session)
        provider["from_headers"][0]["name"] = token_header(token)
        provider["payload_in_metadata"] = token
        authentication["providers"][token] = provider
        requirements.append({"requires_any": {"requirements": [{"provider_name": token}, {"allow_missing": {}}]}})
    [rule] = authentication["rules"]
    rule["requires"] = requirements[0] if len(requirements) == 1 else {"requires_all": {"requirements": requirements}}


def _set_upstream(cluster: dict[str, Any], setup: Setup) -> None:
    [endpoints] = cluster["load_assignment"]["endpoints"]
    endpoints["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"] = setup.upstream_port
    if setup.upstream_http2:
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }


def _set_certificates(context: dict[str, Any], setup: Setup, authority: CertificateAuthority) -> None:
    tls = context["common_tls_context"]
    tls["tls_certificates"][0]["certificate_chain"]["filename"] = str(authority.server_certificate)
    tls["tls_certificates"][0]["private_key"]["filename"] = str(authority.server_key)
    tls["validation_context"]["trusted_ca"]["filename"] = str(authority.certificate)
    if setup.tokens is not None:
        del tls["validation_context"]["match_typed_subject_alt_names"]
