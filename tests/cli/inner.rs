//! Tools that run other tools.

use std::path::Path;

use serde_json::{Value, json};

use toolgate::cli::analysis::run;
use toolgate::cli::input::cases::{Identity, RawRequest, Sent};
use toolgate::cli::input::directory;
use toolgate::gate::Gate;
use toolgate::memory::Store;

use super::sandbox::{Sandbox, check, copy};

const POLICIES: &str = "inner/org/hub.cedar";
const ENTRY: &str = "call_tool: { wraps: { tool: name, arguments: arguments } }";

/// A sandbox with the bundle about tools that run others.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bundles/inner");
    copy(&bundle, &sandbox.path("inner"));
    sandbox
}

/// The log of calls of `set_note` inside of others.
fn log(sandbox: &Sandbox, calls: &[(&str, Value)]) -> String {
    let opened = directory::open_for(&sandbox.path("inner"), None).unwrap();
    let gate = Gate::new(opened.loaded.bundle, opened.document.environment_name());
    let tokens = [("session".to_owned(), json!({ "sub": "ann" }))].into();
    let identity = Identity { tokens, spiffe: None };
    let lines = calls.iter().zip(1_u128..).map(|((tool, arguments), number)| {
        let arguments = json!({ "name": "set_note", "arguments": arguments });
        let params = json!({ "name": tool, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let headers = json!({ "content-type": "application/json" });
        let request = json!({ "path": "/hub/mcp", "headers": headers, "json": body });
        let request: RawRequest = serde_json::from_value(request).unwrap();
        let time = Some("2026-03-04T05:06:07.890Z".parse().unwrap());
        let sent = Sent { call: None, request: Some(&request), time, source_ip: None };
        let (mut arrival, body) = sent.arrival(Some(&identity));
        arrival.entropy = number;
        run::in_pieces(&gate, &arrival, &body, &Store::default()).unwrap().0.records[0].to_line()
            + "\n"
    });
    lines.collect()
}

fn note(more: &Value) -> Value {
    let mut note = json!({ "id": "n-1", "text": "a" });
    note.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    note
}

#[test]
fn both_requests_are_explained() {
    let sandbox = sandbox();
    check("inner_explain", &sandbox.run("explain inner --case 'arguments in JSON text'"));
    check("inner_refused", &sandbox.run("explain inner --case 'and others not'"));
    let told = sandbox.run("explain inner --case 'a tool that is run' --format json").json();
    let call = &told["calls"][0];
    assert_eq!(call["request"]["action"]["uid"]["id"], "hub/call_tool");
    assert_eq!(call["inner"]["request"]["action"]["uid"]["id"], "hub/get_note");
    assert_eq!(call["inner"]["request"]["context"]["input"], json!({ "id": "n-1" }));
    assert_eq!(call["unread"], json!([]));
    let unknown = sandbox.run("explain inner --case 'an unknown tool'");
    assert!(unknown.stdout.contains("there is no tool `hub/get_note `"), "{}", unknown.stdout);
}

#[test]
fn a_recorded_call_is_decided_again() {
    let sandbox = sandbox();
    let calls = [
        ("call_tool", note(&json!({ "stars": 1 }))),
        ("call_text", json!(r#" {"text": "a", "id":"n-1","stars": 1e0}"#)),
        ("call_text", json!(note(&json!({ "stars": 9 })).to_string())),
        ("call_any", note(&json!({ "odd": 1 }))),
        ("call_text", json!("{'id': 'secret'}")),
        ("call_tool", note(&json!({ "secret": "hush" }))),
        ("call_text", json!(note(&json!({ "secret": "hush" })).to_string())),
    ];
    let log = log(&sandbox, &calls);
    assert!(!log.contains("hush") && !log.contains("'secret'"), "{log}");
    for (line, (tool, arguments)) in log.lines().zip(&calls) {
        sandbox.write("log.ndjson", line);
        let run = sandbox.run("explain inner --record log.ndjson");
        let record: Value = serde_json::from_str(line).unwrap();
        let reason = record["reason"].as_str().unwrap();
        let withholds = line.contains("[redacted]") || line.contains("[unknown]");
        let expected = match (withholds, reason) {
            (false, _) => "the record says the same",
            (true, "permitted") => "policies about the inner call may read them",
            (true, _) => "the record withholds the values",
        };
        assert!(run.stdout.contains(expected), "{tool} {arguments}: {}{}", run.stdout, run.stderr);
    }
    sandbox.write("log.ndjson", &log);
    sandbox.copy("inner", "next");
    sandbox.replace("next/org/hub.cedar", "stars > 3", "stars > 0");
    check("inner_diff_log", &sandbox.run("diff inner next --log log.ndjson"));
}

#[test]
fn changes_of_inner_calls_are_shown() {
    let sandbox = sandbox();
    sandbox.copy("inner", "next");
    sandbox.replace("next/bundle.yaml", ENTRY, "call_tool: { opaque: [arguments] }");
    check("inner_diff", &sandbox.run("diff inner next"));
}

#[test]
fn what_a_call_carries_is_for_policies_about_the_inner_tool() {
    let sandbox = sandbox();
    let condition = "when { context.input has arguments && context.input.arguments.id == \"n\" }";
    let permit = format!("  resource\n)\n{condition};");
    sandbox.replace(POLICIES, "  resource\n);", &permit);
    check("inner_unread", &sandbox.run("check inner"));
    let sandbox = self::sandbox();
    sandbox.replace(
        "inner/bundle.yaml",
        ENTRY,
        "call_tool: { wraps: { tool: nam, arguments: arguments } }",
    );
    check("inner_wrong", &sandbox.run("check inner"));
}
