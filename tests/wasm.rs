//! The built filter: what it asks of its host, and how it is laid out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use layout::{Module, laid_out};
use wasmparser::{Operator, Parser, Payload, Validator};

/// Everything the filter may import: what the proxy-wasm SDK binds, and five calls of WASI. A new
/// entry is a new way out of the sandbox, to be argued for.
const IMPORTS: &[&str] = &[
    "env.proxy_add_header_map_value",
    "env.proxy_call_foreign_function",
    "env.proxy_close_stream",
    "env.proxy_continue_stream",
    "env.proxy_define_metric",
    "env.proxy_dequeue_shared_queue",
    "env.proxy_done",
    "env.proxy_enqueue_shared_queue",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_current_time_nanoseconds",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_property",
    "env.proxy_get_shared_data",
    "env.proxy_get_status",
    "env.proxy_grpc_call",
    "env.proxy_grpc_cancel",
    "env.proxy_grpc_close",
    "env.proxy_grpc_send",
    "env.proxy_grpc_stream",
    "env.proxy_http_call",
    "env.proxy_increment_metric",
    "env.proxy_log",
    "env.proxy_record_metric",
    "env.proxy_register_shared_queue",
    "env.proxy_remove_header_map_value",
    "env.proxy_replace_header_map_value",
    "env.proxy_resolve_shared_queue",
    "env.proxy_send_local_response",
    "env.proxy_set_buffer_bytes",
    "env.proxy_set_effective_context",
    "env.proxy_set_header_map_pairs",
    "env.proxy_set_property",
    "env.proxy_set_shared_data",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
    "wasi_snapshot_preview1.random_get",
];

/// What Envoy may call, and nothing that it would call in vain.
const EXPORTS: &[&str] = &[
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_done",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_tick",
];

/// Cedar evaluates recursively: see `.cargo/config.toml`.
const STACK: i32 = 8 << 20;

/// As the compiler leaves it, and as `make wasm` does.
const COMPILED: &str = "target/wasm32-wasip1/wasm/toolgate.wasm";
const FILTER: &str = "target/toolgate.wasm";

fn built(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    #[expect(clippy::disallowed_methods, reason = "tests read what was built")]
    let bytes = std::fs::read(&path);
    bytes.unwrap_or_else(|error| panic!("{}: {error}; run `make wasm`", path.display()))
}

fn filter() -> Vec<u8> {
    built(FILTER)
}

#[test]
fn the_filter_is_laid_out_as_the_profile_has_it() {
    let compiled = built(COMPILED);
    let profile = include_str!("layout/profile.txt").parse().unwrap();
    let (bytes, fit) = laid_out(&Module::read(&compiled).unwrap(), &profile).unwrap();
    assert!(bytes == filter(), "`{FILTER}` is not of `{COMPILED}`; run `make wasm`");
    assert!(fit.unchanged * 2 > fit.known, "{fit}; run `make profile`");
    Validator::new().validate_all(&bytes).unwrap();
}

#[test]
fn the_stack_is_large_enough_for_cedar() {
    let bytes = filter();
    let globals = Parser::new(0).parse_all(&bytes).find_map(|payload| {
        if let Payload::GlobalSection(globals) = payload.unwrap() { Some(globals) } else { None }
    });
    // The linker makes the stack pointer the first global, and puts the stack below everything.
    let pointer = globals.unwrap().into_iter().next().unwrap().unwrap();
    let init = pointer.init_expr.get_operators_reader().into_iter().next().unwrap().unwrap();
    assert!(matches!(init, Operator::I32Const { value } if value >= STACK), "{init:?}");
}

#[test]
fn imports_are_pinned() {
    let bytes = filter();
    let mut imports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        if let Payload::ImportSection(section) = payload.unwrap() {
            for import in section.into_imports() {
                let import = import.unwrap();
                imports.insert(format!("{}.{}", import.module, import.name));
            }
        }
    }
    assert_eq!(imports.iter().map(String::as_str).collect::<Vec<_>>(), IMPORTS);
}

#[test]
fn exports_are_pinned() {
    let bytes = filter();
    let mut exports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        if let Payload::ExportSection(section) = payload.unwrap() {
            exports.extend(section.into_iter().map(|export| export.unwrap().name));
        }
    }
    assert_eq!(exports.into_iter().collect::<Vec<_>>(), EXPORTS);
}

#[test]
fn envoy_calls_whatever_the_filter_answers() {
    for source in [include_str!("../src/filter.rs"), include_str!("../src/filter/plugin.rs")] {
        let answers = source.split("    fn on_").skip(1);
        let names = answers.map(|rest| rest.split('(').next().unwrap());
        for name in names {
            let callback = format!("proxy_on_{}", name.trim_start_matches("http_"));
            assert!(EXPORTS.contains(&callback.as_str()), "Envoy never calls `{callback}`");
        }
    }
}
