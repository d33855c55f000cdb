"""The filters between token verification and the router, for each contender."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import paths
from harness.envoy_config import Files

from parts import places
from parts.organisation import LARGEST_BODY

Filter = dict[str, Any]
FILTERS = "type.googleapis.com/envoy.extensions.filters.http"

PLAIN = "plain"
FLOOR = "floor"
CALLS = "calls"
LUA = "lua"
NATIVE = "native"
TOOLGATE = "toolgate"
LOGGED = "toolgate_logged"
BEFORE = "toolgate_before"
REMEMBERING = "toolgate_remembering"
EXT_AUTHZ = "ext_authz"
EXT_PROC = "ext_proc"
# The contenders of requests, and those of responses.
OF_REQUESTS = (PLAIN, FLOOR, CALLS, LUA, NATIVE, TOOLGATE, LOGGED, REMEMBERING, BEFORE, EXT_AUTHZ)
OF_RESPONSES = (PLAIN, TOOLGATE, BEFORE, EXT_PROC)
ALL = (*OF_REQUESTS, EXT_PROC)
# The contenders that can refuse a call.
DECIDING = (NATIVE, TOOLGATE, LOGGED, REMEMBERING, BEFORE, EXT_AUTHZ)

MEANING = {
    PLAIN: "token verified, forwarded",
    FLOOR: "an empty filter in Wasm that reads the body",
    CALLS: "a filter in Wasm with toolgate's calls to Envoy and no more",
    LUA: "Lua that reads the body",
    NATIVE: "Envoy's mcp and rbac filters, by the tool's name",
    TOOLGATE: "toolgate",
    LOGGED: "toolgate, with its decision log written to a file",
    REMEMBERING: "toolgate with a history that policies read, and two budgets",
    BEFORE: "toolgate, an earlier build",
    EXT_AUTHZ: "ext_authz over gRPC to a Cedar sidecar",
    EXT_PROC: "ext_proc over gRPC to a Cedar sidecar that rewrites responses",
}


@dataclasses.dataclass(frozen=True)
class Contender:
    """A contender and the size of its bundle."""

    name: str
    policies: int = 10

    @property
    def loads_bundle(self) -> bool:
        """Whether Envoy loads the bundle."""
        return self.name in (TOOLGATE, LOGGED, REMEMBERING, BEFORE)

    @property
    def asks_sidecar(self) -> bool:
        """Whether Envoy asks the sidecar."""
        return self.name in (EXT_AUTHZ, EXT_PROC)

    @property
    def wasm(self) -> Path:
        """The filter module, if the contender is toolgate."""
        return Path(os.environ["TOOLGATE_WASM_BEFORE"]) if self.name == BEFORE else paths.TOOLGATE_WASM

    @property
    def command(self) -> Path:
        """The command that makes the document for the filter module: an earlier filter may not load a later one's."""
        return Path(os.environ.get("TOOLGATE_BEFORE", paths.TOOLGATE)) if self.name == BEFORE else paths.TOOLGATE

    def shape(self, socket: Path) -> Callable[[dict[str, Any], Files], None]:
        """Changes the repository's configuration to this contender; `socket` is the sidecar's."""

        def shape(config: dict[str, Any], _: Files) -> None:
            [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
            manager = chain["filters"][0]["typed_config"]
            config["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"] = 2 * LARGEST_BODY
            # Only the contender that is measured with a log writes one.
            manager["access_log"] = manager["access_log"][1:] if self.name == LOGGED else []
            filters = manager["http_filters"]
            if self.name != LOGGED:
                del filters[-1]["typed_config"]["upstream_log"]
            place = next(index for index, each in enumerate(filters) if each["name"] == "toolgate")
            if not self.loads_bundle:
                filters[place : place + 1] = _filters(self.name)
            if self.asks_sidecar:
                config["static_resources"]["clusters"].append(_sidecar(socket))

        return shape


def _filters(name: str) -> list[Filter]:
    filters: dict[str, list[Filter]] = {
        PLAIN: [],
        FLOOR: [_wasm(FLOOR, places.FLOOR)],
        CALLS: [_wasm(CALLS, places.CALLS)],
        LUA: [_lua()],
        NATIVE: [_mcp(), _rbac()],
        EXT_AUTHZ: [_ext_authz()],
        EXT_PROC: [_ext_proc()],
    }
    return filters[name]


def _filter(name: str, kind: str, **settings: Any) -> Filter:
    return {"name": name, "typed_config": {"@type": f"{FILTERS}.{kind}"} | settings}


def _wasm(name: str, code: Path) -> Filter:
    vm = {"vm_id": name, "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(code)}}}
    config = {"name": name, "root_id": name, "vm_config": vm, "allow_on_headers_stop_iteration": True}
    return _filter(name, "wasm.v3.Wasm", config=config)


def _lua() -> Filter:
    code = """
    function envoy_on_request(handle)
      local body = handle:body()
      if body then
        local bytes = body:getBytes(0, body:length())
      end
    end
    """
    return _filter("envoy.filters.http.lua", "lua.v3.Lua", default_source_code={"inline_string": code})


def _mcp() -> Filter:
    return _filter(
        "envoy.filters.http.mcp", "mcp.v3.Mcp", traffic_mode="REJECT_NO_MCP", max_request_body_size=LARGEST_BODY
    )


def _rbac() -> Filter:
    call = [_says("method", value="tools/call"), _says("params", "name", value="refund")]
    policy = {"permissions": [{"and_rules": {"rules": call}}], "principals": [{"any": True}]}
    return _filter("envoy.filters.http.rbac", "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {"tools": policy}})


def _says(*path: str, value: str) -> dict[str, Any]:
    keys = [{"key": key} for key in path]
    return {
        "sourced_metadata": {
            "metadata_matcher": {
                "filter": "envoy.filters.http.mcp",
                "path": keys,
                "value": {"string_match": {"exact": value}},
            }
        }
    }


def _ext_authz() -> Filter:
    return _filter(
        "envoy.filters.http.ext_authz",
        "ext_authz.v3.ExtAuthz",
        transport_api_version="V3",
        grpc_service={"envoy_grpc": {"cluster_name": "sidecar"}, "timeout": "5s"},
        with_request_body={"max_request_bytes": LARGEST_BODY, "allow_partial_message": False, "pack_as_bytes": True},
        metadata_context_namespaces=["envoy.filters.http.jwt_authn"],
    )


def _ext_proc() -> Filter:
    """Shows the sidecar as little as it needs: the bodies, and with the first the path and the claims."""
    mode = {
        "request_header_mode": "SKIP",
        "request_body_mode": "BUFFERED",
        "response_header_mode": "SKIP",
        "response_body_mode": "BUFFERED",
    }
    return _filter(
        "envoy.filters.http.ext_proc",
        "ext_proc.v3.ExternalProcessor",
        grpc_service={"envoy_grpc": {"cluster_name": "sidecar"}, "timeout": "5s"},
        message_timeout="5s",
        processing_mode=mode,
        request_attributes=["request.path"],
        metadata_options={"forwarding_namespaces": {"untyped": ["envoy.filters.http.jwt_authn"]}},
    )


def _sidecar(socket: Path) -> dict[str, Any]:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {"@type": f"type.googleapis.com/{options}", "explicit_http_config": {"http2_protocol_options": {}}}
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(socket)}}}}
    return {
        "name": "sidecar",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {options: http2},
        "load_assignment": {"cluster_name": "sidecar", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
