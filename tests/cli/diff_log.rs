//! `toolgate diff --log`: what becomes of recorded calls.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::explain::{ann, call, record, records, request};
use super::sandbox::{Run, Sandbox, check};

const POLICIES: &str = "org/notes.cedar";
const DIFF: &str = "diff bundle next --log decisions.ndjson --identity bundle/tests/notes.yaml";

fn bob() -> Value {
    json!({ "sub": "bob", "team": "blue", "roles": ["reader"], "act": { "sub": "bot" } })
}

/// A line of the log with an id of its own.
fn numbered(line: &str, number: usize) -> String {
    let id = serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    line.replace(&id, &format!("00000000-0000-7000-8000-{number:012}"))
}

/// What a busy day leaves: calls of two people, and what is no call.
fn day(sandbox: &Sandbox) -> String {
    let read = |id: &str| json!({ "id": id });
    let write = |stars: u8| json!({ "team": "red", "text": "secret", "stars": stars });
    let calls = [
        ("read", read("n-1"), ann()),
        ("read", read("n-2"), bob()),
        ("write", write(1), ann()),
        ("write", write(4), ann()),
        ("write", write(2), bob()),
        ("write", json!({ "team": "red", "text": "secret" }), ann()),
        ("read", json!({ "id": "n-1", "odd": "secret" }), ann()),
        ("burn", json!({ "id": "n-1" }), ann()),
        ("read", read("n-1"), json!({ "sub": "eve", "team": "red" })),
        ("read", read("n-3"), ann()),
    ];
    let mut log = String::new();
    for (number, (tool, arguments, claims)) in calls.into_iter().enumerate() {
        let line = record(sandbox, tool, &arguments, claims).to_line();
        writeln!(log, "{}", numbered(&line, number)).unwrap();
        // An access log has other lines, too.
        writeln!(log, "[2026-03-04T05:06:07.890Z] \"POST /notes/mcp\" 200").unwrap();
    }
    assert!(!log.contains("secret"));
    log
}

/// The small bundle, a copy with pieces of its files replaced, and the log of a day.
fn sandbox(edits: &[(&str, &str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.copy("bundle", "next");
    for (file, old, new) in edits {
        sandbox.replace(&format!("next/{file}"), old, new);
    }
    sandbox.write("decisions.ndjson", &day(&sandbox));
    sandbox
}

fn ids(run: &Run, change: &str) -> Vec<u64> {
    let groups = run.json()["log"]["groups"].as_array().unwrap().clone();
    let groups = groups.iter().filter(|group| group["change"] == change);
    let ids = groups.flat_map(|group| group["ids"].as_array().unwrap().clone());
    let mut ids: Vec<u64> =
        ids.map(|id| id.as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_tightening_names_the_calls_that_flip() {
    let sandbox =
        sandbox(&[(POLICIES, "principal in Role::\"reader\"", "principal in Role::\"writer\"")]);
    check("diff_log_tighter", &sandbox.run(DIFF));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, ids(&run, "refused")), (0, vec![1]));
    check("diff_log_tighter_json", &run);
}

/// The stars are redacted, and a policy reads them; but a call that passed cannot come to pass.
#[test]
fn what_is_withheld_and_read_cannot_be_told() {
    let sandbox = sandbox(&[(POLICIES, "stars > 3", "stars > 2")]);
    check("diff_log_withheld", &sandbox.run(DIFF));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, ids(&run, "undecided")), (1, vec![2, 3]));
}

#[test]
fn a_widening_names_the_calls_that_would_pass() {
    let sandbox = sandbox(&[
        (POLICIES, "principal in Role::\"writer\"", "principal in Role::\"reader\""),
        (POLICIES, "principal.team == context.input.team", "true"),
    ]);
    check("diff_log_wider", &sandbox.run(DIFF));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, ids(&run, "permitted")), (1, vec![4]));
}

/// What was refused before any policy was asked is refused again, where the settings are the same.
#[test]
fn other_settings_leave_open_what_never_reached_a_policy() {
    let sandbox = sandbox(&[
        ("bundle.yaml", "actor: { type: Agent }", "actor: { type: Agent, required: false }"),
        (POLICIES, "stars > 3", "stars > 3"),
    ]);
    check("diff_log_settings", &sandbox.run(DIFF));
}

#[test]
fn a_log_of_another_bundle_says_so() {
    let sandbox = sandbox(&[(POLICIES, "stars > 3", "stars > 30")]);
    let swapped =
        sandbox.run("diff next next --log decisions.ndjson --identity bundle/tests/notes.yaml");
    check("diff_log_foreign", &swapped);
}

#[test]
fn every_line_is_accounted_for() {
    let sandbox = sandbox(&[(POLICIES, "stars > 3", "stars > 4")]);
    let log = sandbox.read("decisions.ndjson");
    let record = log.lines().next().unwrap();
    let cut = record.get(..200).unwrap();
    let later = record.replace("toolgate.decision/1", "toolgate.decision/2");
    let changed = record.replace("n-1", "n-9");
    sandbox.write("odd.ndjson", &format!("\n{cut}\n{later}\nnonsense\n{changed}\n{{}}\n"));
    check(
        "diff_log_odd",
        &sandbox.run("diff bundle next --log odd.ndjson --identity bundle/tests/notes.yaml"),
    );
    let piped = sandbox.run_with(
        "diff bundle next --log - --identity bundle/tests/notes.yaml --format json",
        record,
        &[],
    );
    assert_eq!((piped.code, &piped.json()["log"]["compared"]), (0, &json!(1)));
    let twice = sandbox.run(&format!("{DIFF} --log decisions.ndjson --format json"));
    assert_eq!(twice.json()["log"]["records"], 20);
    assert_eq!(sandbox.run("diff bundle next --log nowhere.ndjson").code, 1);
}

/// Of a batch, each call is compared on its own.
#[test]
fn a_call_that_was_refused_with_its_batch() {
    let sandbox = sandbox(&[(
        POLICIES,
        "action in Action::\"class:read\"",
        "action in [Action::\"class:read\", Action::\"class:write\"]",
    )]);
    let read = call(1, "read", &json!({ "id": "n-1" }));
    let write = call(2, "write", &json!({ "team": "blue", "text": "a" }));
    let batch = records(&sandbox, &request(&json!([read, write])), ann());
    let lines: Vec<String> =
        batch.iter().enumerate().map(|(n, it)| numbered(&it.to_line(), n)).collect();
    sandbox.write("decisions.ndjson", &lines.join("\n"));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, ids(&run, "permitted")), (1, vec![1]));
    assert!(ids(&run, "disagrees_with_record").is_empty());
}
