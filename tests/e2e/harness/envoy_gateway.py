"""Applies documents from `toolgate emit envoy-gateway` as Envoy Gateway and the kubelet do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import paths
from harness.envoy_config import Files
from harness.istio import Document, by_kind, decision_log
from harness.tokens import AUDIENCE, ISSUER

CORS = "envoy.filters.http.cors"
RBAC = "envoy.filters.http.rbac"


def shape(documents: list[Document], *, patched: bool = True) -> Callable[[dict[str, Any], Files], None]:
    """Changes a configuration to one like Envoy Gateway's, and patches it."""

    def apply(config: dict[str, Any], files: Files) -> None:
        kinds = by_kind(documents)
        [listener] = config["static_resources"]["listeners"]
        [chain] = listener.pop("filter_chains")
        listener["default_filter_chain"] = chain
        manager = chain["filters"][0]["typed_config"]
        jwks = manager["http_filters"][0]["typed_config"]["providers"]["session"]["local_jwks"]
        _clients(kinds["ClientTrafficPolicy"]["spec"], listener, manager)
        _security(kinds["SecurityPolicy"]["spec"], manager, jwks)
        [setting] = kinds["EnvoyProxy"]["spec"]["telemetry"]["accessLog"]["settings"]
        [expression] = setting["matches"]
        log_format = {"text_format_source": {"inline_string": setting["format"]["text"]}}
        manager["access_log"] = [decision_log(expression, log_format, files)]
        manager.pop("local_reply_config")
        if patched:
            mounts = _mounts(kinds, files)
            first, *others = kinds["EnvoyPatchPolicy"]["spec"]["jsonPatches"]
            _patch(first, listener, mounts)
            for patch in others:
                if "path" not in patch["operation"]:
                    _insert(patch["operation"], manager["http_filters"])
                elif "jsonPath" in patch["operation"]:
                    _add(patch["operation"], chain["filters"][0])
                else:
                    _add_to_listener(patch["operation"], listener)
            for log in manager["access_log"]:
                log["typed_config"]["path"] = str(files.decision_log)
            mount(documents, files)

    return apply


def mount(documents: list[Document], files: Files) -> None:
    """Mounts the ConfigMap as a kubelet does: a new directory, and one link that is replaced atomically."""
    [(name, text)] = by_kind(documents)["ConfigMap"]["data"].items()
    volume = _volume(files)
    volume.mkdir(exist_ok=True)
    content = volume / f"..{len(list(volume.iterdir()))}"
    content.mkdir()
    (content / name).write_text(text.replace("/etc/toolgate/wasm/plugin.wasm", str(paths.TOOLGATE_WASM)))
    (volume / "..new").symlink_to(content.name)
    (volume / "..new").rename(volume / "..data")
    if not (volume / name).is_symlink():
        (volume / name).symlink_to(f"..data/{name}")


def _volume(files: Files) -> Path:
    return files.directory / "bundle"


def _mounts(kinds: dict[str, Document], files: Files) -> dict[str, Path]:
    """The pod's directories on this machine."""
    deployment = kinds["EnvoyProxy"]["spec"]["provider"]["kubernetes"]["envoyDeployment"]
    places = {each["name"]: each["mountPath"] for each in deployment["container"]["volumeMounts"]}
    [volume] = [each for each in deployment["pod"]["volumes"] if "configMap" in each]
    assert volume["configMap"]["name"] == kinds["ConfigMap"]["metadata"]["name"]
    return {places[volume["name"]]: _volume(files)}


def _clients(spec: dict[str, Any], listener: dict[str, Any], manager: dict[str, Any]) -> None:
    listener["per_connection_buffer_limit_bytes"] = int(spec["connection"]["bufferLimit"])
    manager["merge_slashes"] = not spec["path"]["disableMergeSlashes"]
    actions = {"RejectRequest": "REJECT_REQUEST"}
    manager["path_with_escaped_slashes_action"] = actions[spec["path"]["escapedSlashesAction"]]
    underscores = actions[spec["headers"]["withUnderscoresAction"]]
    manager["common_http_protocol_options"] = {"headers_with_underscores_action": underscores}
    manager["http2_protocol_options"] = {
        "max_concurrent_streams": spec["http2"]["maxConcurrentStreams"],
        "initial_stream_window_size": int(spec["http2"]["initialStreamWindowSize"]),
        "initial_connection_window_size": int(spec["http2"]["initialConnectionWindowSize"]),
    }
    manager["request_timeout"] = spec["timeout"]["http"]["requestReceivedTimeout"]


def _security(spec: dict[str, Any], manager: dict[str, Any], jwks: dict[str, Any]) -> None:
    """Both filters, and the refusal that Envoy Gateway adds to every route."""
    assert spec["jwt"]["optional"] is True
    [provider] = spec["jwt"]["providers"]
    assert (provider["issuer"], provider["audiences"]) == (ISSUER, [AUDIENCE])
    [header] = provider["extractFrom"]["headers"]
    authentication, *_, router = manager["http_filters"]
    settings = authentication["typed_config"]
    settings["providers"] = {
        "route": {
            "issuer": provider["issuer"],
            "audiences": provider["audiences"],
            "local_jwks": jwks,
            "forward": True,
            "from_headers": [{"name": header["name"], "value_prefix": header["valuePrefix"]}],
            "payload_in_metadata": provider["name"],
            "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "scp"]},
        }
    }
    settings["rules"][0]["requires"] = {
        "requires_any": {"requirements": [{"provider_name": "route"}, {"allow_missing": {}}]}
    }
    package = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3"
    manager["http_filters"] = [authentication, {"name": RBAC, "typed_config": {"@type": f"{package}.RBAC"}}, router]
    if "cors" in spec:
        _cors(spec["cors"], manager)
    assert spec["authorization"] == {"defaultAction": "Deny"}
    action = {"@type": "type.googleapis.com/envoy.config.rbac.v3.Action", "name": "DENY", "action": "DENY"}
    refusal = {"on_no_match": {"action": {"name": "default", "typed_config": action}}}
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        route.setdefault("typed_per_filter_config", {})[RBAC] = {
            "@type": f"{package}.RBACPerRoute",
            "rbac": {"matcher": refusal},
        }


def _cors(spec: dict[str, Any], manager: dict[str, Any]) -> None:
    """The filter, before all others, and its policy, which Envoy Gateway adds to every route."""
    package = "type.googleapis.com/envoy.extensions.filters.http.cors.v3"
    manager["http_filters"].insert(0, {"name": CORS, "typed_config": {"@type": f"{package}.Cors"}})
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        route.setdefault("typed_per_filter_config", {})[CORS] = {
            "@type": f"{package}.CorsPolicy",
            "allow_origin_string_match": [{"exact": origin} for origin in spec["allowOrigins"]],
            "allow_methods": ", ".join(spec["allowMethods"]),
            "allow_headers": ", ".join(spec["allowHeaders"]),
            "expose_headers": ", ".join(spec["exposeHeaders"]),
            "max_age": "600",
        }


def _patch(patch: dict[str, Any], listener: dict[str, Any], mounts: dict[str, Path]) -> None:
    """Applies the patch at every match of its path, wherever Envoy Gateway has put the filter chain."""
    operation = patch["operation"]
    assert operation["op"] == "replace"
    path = re.fullmatch(r"\$\.\.http_filters\[\?\(@\.name == '([a-z._]+)'\)\]", operation["jsonPath"])
    assert path
    source = operation["value"]["config_discovery"]["config_source"]["path_config_source"]
    [(mounted, here)] = mounts.items()
    source["path"] = source["path"].replace(mounted, str(here))
    source["watched_directory"]["path"] = source["watched_directory"]["path"].replace(mounted, str(here))
    assert _replace(listener, path[1], operation["value"]) == 1


def _insert(operation: dict[str, Any], filters: list[dict[str, Any]]) -> None:
    """Adds in the place of an element, which is then behind it, as JSON Patch does."""
    assert operation["op"] == "add"
    name = re.fullmatch(r"\$\.\.http_filters\[\?\(@\.name == '([a-z._]+)'\)\]", operation["jsonPath"])
    assert name
    filters.insert([each["name"] for each in filters].index(name[1]), operation["value"])


def _add(operation: dict[str, Any], manager: dict[str, Any]) -> None:
    """Adds to the connection manager: a member, or an element at the beginning or the end of a list."""
    assert operation["op"] == "add"
    assert operation["jsonPath"] == f"$..filters[?(@.name == '{manager['name']}')].typed_config"
    _, member, *end = operation["path"].split("/")
    if end == ["0"]:
        manager["typed_config"][member].insert(0, operation["value"])
    elif end == ["-"]:
        manager["typed_config"][member].append(operation["value"])
    else:
        manager["typed_config"][member] = operation["value"]


def _add_to_listener(operation: dict[str, Any], listener: dict[str, Any]) -> None:
    """Adds a member below the listener. Envoy Gateway makes the objects on the way that do not exist."""
    assert operation["op"] == "add"
    _, *way, member = operation["path"].split("/")
    node = listener
    for each in way:
        node = node.setdefault(each, {})
    node[member] = operation["value"]


def _replace(node: Any, name: str, value: dict[str, Any]) -> int:
    if isinstance(node, list):
        return sum(_replace(each, name, value) for each in node)
    if not isinstance(node, dict):
        return 0
    found = 0
    filters = node.get("http_filters", [])
    for index, each in enumerate(filters):
        if each["name"] == name:
            filters[index] = value
            found += 1
    return found + sum(_replace(each, name, value) for each in node.values())
