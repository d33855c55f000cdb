"""Applies documents from `toolgate emit istio` as Istio does: istiod patches, and the agent downloads the code."""

import json
import re
from collections.abc import Callable
from typing import Any

import yaml

from harness import paths
from harness.envoy_config import Files
from harness.tokens import AUDIENCE, ISSUER

MANAGER = "envoy.filters.network.http_connection_manager"
Document = dict[str, Any]
CEL_FORMATTER = {
    "name": "envoy.formatter.cel",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.formatter.cel.v3.Cel"},
}


def documents(text: str) -> list[Document]:
    """The documents of a text, and the mesh configuration in its comment."""
    found = list(yaml.safe_load_all(text))
    comment = re.search(r"^#   extensionProviders:\n(?:#     .*\n)+", text, re.MULTILINE)
    if comment:
        found.append({"kind": "MeshConfig"} | yaml.safe_load(re.sub(r"^#   ", "", comment[0], flags=re.MULTILINE)))
    return found


def by_kind(documents: list[Document]) -> dict[str, Document]:
    """The documents by kind; each kind occurs once."""
    found = {document["kind"]: document for document in documents}
    assert len(found) == len(documents)
    return found


def resource(documents: list[Document]) -> bytes:
    """The extension configuration as a proxy gets it: its agent has downloaded the code to a file."""
    [value] = _patches(documents, "EXTENSION_CONFIG", "ADD")
    config = value["typed_config"]["config"]
    remote = config["vm_config"]["code"]["remote"]
    assert remote["http_uri"]["uri"].endswith(f"@sha256:{remote['sha256']}")
    config["vm_config"]["code"] = {"local": {"filename": str(paths.TOOLGATE_WASM)}}
    kind = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
    return json.dumps({"version_info": "1", "resources": [{"@type": kind, **value}]}).encode()


def shape(documents: list[Document]) -> Callable[[dict[str, Any], Files], None]:
    """Changes a configuration to one like Istio's, and patches it."""

    def apply(config: dict[str, Any], files: Files) -> None:
        [listener] = config["static_resources"]["listeners"]
        [network] = listener["filter_chains"][0]["filters"]
        manager = network["typed_config"]
        jwks = manager["http_filters"][0]["typed_config"]["providers"]["session"]["local_jwks"]
        # Istio's configuration of a sidecar without patches.
        del listener["per_connection_buffer_limit_bytes"]
        for ours in ("merge_slashes", "common_http_protocol_options", "http2_protocol_options", "request_timeout"):
            del manager[ours]
        del manager["local_reply_config"]
        manager["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED"
        for ours in ("upstream_log", "upstream_log_options"):
            del manager["http_filters"][-1]["typed_config"][ours]
        manager["http_filters"] = [_authentication(by_kind(documents), jwks), manager["http_filters"][-1]]
        manager["access_log"] = _logs(by_kind(documents), files)

        for value in _patches(documents, "LISTENER", "MERGE"):
            _merge(listener, value)
        for value in _patches(documents, "NETWORK_FILTER", "MERGE"):
            assert value["name"] == network["name"] == MANAGER
            _merge(network, value)
        for value in _patches(documents, "HTTP_FILTER", "INSERT_BEFORE"):
            if "config_discovery" in value:
                # The proxy's stream to istiod is replaced by a file.
                source = value["config_discovery"]["config_source"]
                assert source.pop("ads") == {}
                source["path_config_source"] = {
                    "path": str(files.bundle),
                    "watched_directory": {"path": str(files.bundle.parent)},
                }
            manager["http_filters"].insert(-1, value)

    return apply


def _authentication(documents: dict[str, Document], jwks: dict[str, Any]) -> dict[str, Any]:
    """The filter that istiod generates from a RequestAuthentication; istiod fetches the keys itself."""
    [rule] = documents["RequestAuthentication"]["spec"]["jwtRules"]
    assert rule["issuer"] == ISSUER
    assert rule["audiences"] == [AUDIENCE]
    [header] = rule["fromHeaders"]
    provider = {
        "issuer": rule["issuer"],
        "audiences": rule["audiences"],
        "local_jwks": jwks,
        "from_headers": [{"name": header["name"], "value_prefix": header["prefix"]}],
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["permission", "scope"]},
    }
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"origins-0": provider},
            "rules": [
                {
                    "match": {"prefix": "/"},
                    "requires": {
                        "requires_any": {"requirements": [{"provider_name": "origins-0"}, {"allow_missing": {}}]}
                    },
                }
            ],
            "bypass_cors_preflight": True,
        },
    }


def _logs(kinds: dict[str, Document], files: Files) -> list[dict[str, Any]]:
    """The logs that istiod generates from a Telemetry and the providers in its comment."""
    providers = {each["name"]: each["envoyFileAccessLog"] for each in kinds["MeshConfig"]["extensionProviders"]}
    logs = []
    for setting in kinds["Telemetry"]["spec"]["accessLogging"]:
        [provider] = setting["providers"]
        log_format = providers[provider["name"]]["logFormat"]
        if "labels" in log_format:
            # Istio adds the formatter to formats that have `%CEL`.
            shown = {"json_format": log_format["labels"], "formatters": [CEL_FORMATTER]}
        else:
            shown = {"text_format_source": {"inline_string": log_format["text"]}}
        logs.append(decision_log(setting["filter"]["expression"], shown, files))
    return logs


def decision_log(expression: str, log_format: dict[str, Any], files: Files) -> dict[str, Any]:
    """A file log of the requests that an expression selects."""
    return {
        "name": "envoy.access_loggers.file",
        "filter": {
            "extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                    "expression": expression,
                },
            }
        },
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(files.decision_log),
            "log_format": log_format,
        },
    }


def _patches(documents: list[Document], target: str, operation: str) -> list[dict[str, Any]]:
    patches = by_kind(documents)["EnvoyFilter"]["spec"]["configPatches"]
    found = [patch["patch"] for patch in patches if patch["applyTo"] == target]
    assert [patch["operation"] for patch in found] == [operation]
    return [patch["value"] for patch in found]


def _merge(target: dict[str, Any], value: dict[str, Any]) -> None:
    for key, new in value.items():
        if isinstance(new, dict) and isinstance(target.get(key), dict):
            _merge(target[key], new)
        else:
            target[key] = new
