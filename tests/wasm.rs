//! Checks the built filter: its imports and its layout.

use std::collections::BTreeSet;
use std::path::PathBuf;

use layout::{Module, Profile, laid_out};
use wasmparser::{Operator, Parser, Payload, Validator};

/// Everything that the filter may import: the functions bound by the proxy-wasm SDK, and five WASI
/// calls. A new entry is a new way out of the sandbox and needs a justification.
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
    "wasi_snapshot_preview1.clock_time_get",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
    "wasi_snapshot_preview1.random_get",
];

/// Callbacks for which the SDK does nothing, and the functions that would implement them.
const UNANSWERED: &[(&str, &str)] = &[("proxy_on_log", "fn on_log(")];

/// Cedar evaluates recursively: see `.cargo/config.toml`.
const STACK: i32 = 8 << 20;

/// The module as compiled, and as written by `make wasm` or `make release`.
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
fn the_filter_is_what_was_compiled() {
    let compiled = built(COMPILED);
    let module = Module::read(&compiled).unwrap();
    let profiles =
        [Profile::default(), include_str!("../envoy/layout/profile.txt").parse().unwrap()];
    let possible = profiles.map(|profile| laid_out(&module, &profile).unwrap().0);
    assert!(possible.contains(&filter()), "`{FILTER}` is not of `{COMPILED}`; run `make wasm`");
    for bytes in possible {
        Validator::new().validate_all(&bytes).unwrap();
    }
}

#[test]
fn the_stack_is_large_enough_for_cedar() {
    let bytes = filter();
    let globals = Parser::new(0).parse_all(&bytes).find_map(|payload| {
        if let Payload::GlobalSection(globals) = payload.unwrap() { Some(globals) } else { None }
    });
    // The linker makes the stack pointer the first global, and places the stack below everything
    // else.
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

fn exports(path: &str) -> BTreeSet<String> {
    let bytes = built(path);
    let mut exports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        if let Payload::ExportSection(section) = payload.unwrap() {
            exports.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
        }
    }
    exports
}

/// All other callbacks are kept. If the filter is configured for connections instead of streams,
/// the SDK panics and the connection is closed; without the callback, Envoy would let the
/// connection pass.
#[test]
fn only_callbacks_without_an_answer_are_left_out() {
    let (compiled, filter) = (exports(COMPILED), exports(FILTER));
    let gone = compiled.symmetric_difference(&filter).map(String::as_str);
    let unanswered = UNANSWERED.iter().map(|(callback, _)| *callback);
    assert_eq!(gone.collect::<Vec<_>>(), unanswered.collect::<Vec<_>>());

    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let parts = ["src/filter", "src/filter/stream"].map(|it| std::fs::read_dir(root.join(it)));
    let parts = parts.into_iter().flat_map(Result::unwrap).map(|part| part.unwrap().path());
    let parts = parts.filter(|part| part.is_file()).chain([root.join("src/filter.rs")]);
    let sources: Vec<_> = parts.map(|part| built(part.to_str().unwrap())).collect();
    let has = |text: &str| {
        let text = text.as_bytes();
        sources.iter().any(|source| source.windows(text.len()).any(|part| part == text))
    };
    assert!(has("fn on_http_request_body("));
    for (callback, answer) in UNANSWERED {
        assert!(!has(answer), "Envoy never calls `{callback}`");
    }
}
