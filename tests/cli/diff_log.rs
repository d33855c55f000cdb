//! `toolgate diff --log`: replays recorded calls.

use std::fmt::Write as _;

use serde_json::{Value, json};

use toolgate::cli::analysis::run;
use toolgate::cli::input::cases::{Identity, Sent};
use toolgate::cli::input::directory;
use toolgate::gate::Gate;
use toolgate::memory::Store;
use toolgate::record::Record;

use super::explain::{ann, call, request};
use super::sandbox::{Run, Sandbox, check};

const POLICIES: &str = "org/notes.cedar";
const DIFF: &str = "diff bundle next --log decisions.ndjson";

fn bob() -> Value {
    json!({ "sub": "bob", "team": "blue", "roles": ["reader"], "act": { "sub": "bot" } })
}

pub(super) fn gate(sandbox: &Sandbox, bundle: &str) -> Gate {
    let opened = directory::open(&sandbox.path(bundle)).expect("a bundle");
    Gate::new(opened.loaded.bundle, "production".to_owned())
}

/// The records that a gate writes for a body.
pub(super) fn records(gate: &Gate, body: &Value, claims: Value, number: u128) -> Vec<Record> {
    let identity = Identity { tokens: [("session".to_owned(), claims)].into(), spiffe: None };
    let request = request(body);
    let time = Some("2026-03-04T05:06:07.890Z".parse().unwrap());
    let sent = Sent { call: None, request: Some(&request), time, source_ip: None };
    let (mut arrival, body) = sent.arrival(Some(&identity));
    arrival.entropy = number;
    run::in_pieces(gate, &arrival, &body, &Store::default()).unwrap().0.records
}

/// The log of a day: calls of two principals, and lines that are not calls.
fn day(gate: &Gate) -> String {
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
    for (number, (tool, arguments, claims)) in (0..).zip(calls) {
        for record in records(gate, &call(1, tool, &arguments), claims, number) {
            writeln!(log, "{}", record.to_line()).unwrap();
        }
        // An access log has other lines, too.
        writeln!(log, "[2026-03-04T05:06:07.890Z] \"POST /notes/mcp\" 200").unwrap();
    }
    assert!(!log.contains("secret"));
    log
}

/// The small bundle, an edited copy, and the log of a day.
fn sandbox(edits: &[(&str, &str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.copy("bundle", "next");
    for (file, old, new) in edits {
        sandbox.replace(&format!("next/{file}"), old, new);
    }
    sandbox.write("decisions.ndjson", &day(&gate(&sandbox, "bundle")));
    sandbox
}

/// The numbers of the calls with this change.
fn numbers(run: &Run, change: &str) -> Vec<u64> {
    let report = run.json();
    let groups = report.get("log").unwrap_or(&report)["groups"].as_array().unwrap();
    let groups = groups.iter().filter(|group| group["change"] == change);
    let ids = groups.flat_map(|group| group["ids"].as_array().unwrap());
    // The last digits of an id are the entropy of its request.
    let number = |id: &Value| u64::from_str_radix(id.as_str()?.rsplit('-').next()?, 16).ok();
    let mut numbers: Vec<u64> = ids.map(|id| number(id).unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_tightening_names_the_calls_that_flip() {
    let sandbox =
        sandbox(&[(POLICIES, "principal in Role::\"reader\"", "principal in Role::\"writer\"")]);
    check("diff_log_tighter", &sandbox.run(DIFF));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, numbers(&run, "refused")), (0, vec![1]));
    check("diff_log_tighter_json", &run);
}

/// The stars are redacted, and a policy reads them; but a permitted call cannot become permitted.
#[test]
fn what_is_withheld_and_read_cannot_be_told() {
    let sandbox = sandbox(&[(POLICIES, "stars > 3", "stars > 2")]);
    check("diff_log_withheld", &sandbox.run(DIFF));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, numbers(&run, "undecided")), (1, vec![2, 3]));
}

#[test]
fn a_widening_names_the_calls_that_would_pass() {
    let sandbox = sandbox(&[
        (POLICIES, "principal in Role::\"writer\"", "principal in Role::\"reader\""),
        (POLICIES, "principal.team == context.input.team", "true"),
    ]);
    check("diff_log_wider", &sandbox.run(DIFF));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, numbers(&run, "permitted")), (1, vec![4]));
}

/// Requests refused before policy evaluation are refused again if the settings are unchanged.
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
    let swapped = sandbox.run("diff next next --log decisions.ndjson");
    check("diff_log_foreign", &swapped);
}

/// Records of an environment are decided with the bundle for that environment, if it is given.
#[test]
fn a_log_of_another_environment_says_so() {
    let sandbox = sandbox(&[]);
    for bundle in ["bundle", "next"] {
        sandbox.write(&format!("{bundle}/environments/production.yaml"), "limits: { calls: 5 }\n");
        sandbox.write(&format!("{bundle}/environments/dev.yaml"), "limits: { calls: 50 }\n");
    }
    let opened = directory::open_for(&sandbox.path("bundle"), Some(&"production".parse().unwrap()));
    let bundle = opened.expect("a bundle").loaded.bundle;
    sandbox.write("decisions.ndjson", &day(&Gate::new(bundle, "production".to_owned())));
    let said = "records are of the environment `production`, and the old bundle is for";
    for (environment, other) in [("", "no environment"), ("--environment dev", "the environment")] {
        let run = sandbox.run(&format!("{DIFF} {environment}"));
        assert_eq!(run.stdout.matches(&format!("{said} {other}")).count(), 1, "{}", run.stdout);
    }
    let there = format!("{DIFF} --environment production");
    assert!(!sandbox.run(&there).stdout.contains("records are of"));
    let (here, there) = [DIFF, &there]
        .map(|line| sandbox.run(&format!("{line} --format json")).json()["log"].clone())
        .into();
    assert_eq!(
        (&here["not_written_by_old"], &here["other_environments"]),
        (&json!(10), &json!(["production"]))
    );
    assert_eq!(
        (&there["not_written_by_old"], &there["other_environments"]),
        (&json!(0), &json!([]))
    );
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
    check("diff_log_odd", &sandbox.run("diff bundle next --log odd.ndjson"));
    let piped = sandbox.run_with("diff bundle next --log - --format json", record, &[]);
    assert_eq!((piped.code, &piped.json()["log"]["compared"]), (0, &json!(1)));
    let twice = sandbox.run(&format!("{DIFF} --log decisions.ndjson --format json"));
    assert_eq!(twice.json()["log"]["records"], 20);
    assert_eq!(sandbox.run("diff bundle next --log nowhere.ndjson").code, 1);
}

/// A log without evidence is reported, and is not a success.
#[track_caller]
fn nothing(sandbox: &Sandbox, bundles: &str, why: &str) {
    let line = format!("diff {bundles} --log decisions.ndjson");
    let run = sandbox.run(&line);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.ends_with(&format!("; nothing was compared: {why}\n")), "{}", run.stdout);
    let told = sandbox.run(&format!("{line} --format json"));
    let report = told.json();
    let log = report.get("log").unwrap_or(&report);
    assert_eq!(
        (told.code, &log["compared"], &log["nothing_compared"]),
        (1, &json!(0), &json!(why))
    );
}

#[test]
fn a_log_of_which_nothing_is_compared_is_no_success() {
    let sandbox = sandbox(&[]);
    let log = sandbox.read("decisions.ndjson");
    let with = |part: &str| log.lines().filter(|line| line.contains(part)).collect::<String>();
    let (early, late) = (with("invalid_identity"), with("few-stars"));
    for (log, why) in [
        ("", "there is no record of a decision"),
        ("nonsense\n", "there is no record of a decision"),
        (&early, "no record is of a call that policies were asked about"),
        (late.get(..200).unwrap(), "no record can be decided again"),
    ] {
        sandbox.write("decisions.ndjson", log);
        nothing(&sandbox, "bundle next", why);
    }
}

/// Each call of a batch is compared on its own.
#[test]
fn a_call_that_was_refused_with_its_batch() {
    let sandbox = sandbox(&[(
        POLICIES,
        "action in Action::\"class:read\"",
        "action in [Action::\"class:read\", Action::\"class:write\"]",
    )]);
    let read = call(1, "read", &json!({ "id": "n-1" }));
    let write = call(2, "write", &json!({ "team": "blue", "text": "a" }));
    let batch = records(&gate(&sandbox, "bundle"), &json!([read, write]), ann(), 0);
    let lines: Vec<String> = batch.iter().map(Record::to_line).collect();
    sandbox.write("decisions.ndjson", &lines.join("\n"));
    let run = sandbox.run(&format!("{DIFF} --format json"));
    assert_eq!((run.code, numbers(&run, "permitted")), (1, vec![1]));
    assert!(numbers(&run, "disagrees_with_record").is_empty());
}

/// Reports what the gate recorded, and decides nothing.
#[test]
fn what_a_candidate_would_have_flipped() {
    let sandbox =
        sandbox(&[(POLICIES, "principal in Role::\"reader\"", "principal in Role::\"writer\"")]);
    let watched = gate(&sandbox, "bundle").beside(Some(gate(&sandbox, "next").bundle));
    sandbox.write("decisions.ndjson", &day(&watched));
    let run = sandbox.run("diff --candidate --log decisions.ndjson");
    check("diff_candidate", &run);
    let told = sandbox.run("diff --candidate --log decisions.ndjson --format json");
    assert_eq!((told.code, numbers(&told, "refused")), (0, vec![1]));
    // There is no candidate and no shadow policy.
    sandbox.write("decisions.ndjson", &day(&gate(&sandbox, "bundle")));
    nothing(&sandbox, "--candidate", "no record tells of a candidate or of policies in shadow");
}

#[test]
fn what_policies_in_shadow_would_have_flipped() {
    let shadow = "@id(\"few-stars\")\n@mode(\"shadow\")";
    let sandbox = sandbox(&[(POLICIES, "@id(\"few-stars\")", shadow)]);
    sandbox.write("decisions.ndjson", &day(&gate(&sandbox, "next")));
    let run = sandbox.run("diff --candidate --log decisions.ndjson");
    check("diff_shadow", &run);
    let told = sandbox.run("diff --candidate --log decisions.ndjson --format json");
    assert_eq!((told.code, numbers(&told, "refused")), (0, vec![3]));
}
