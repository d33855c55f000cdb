//! Records with one modified member.

use serde_json::{Value, json};

use super::diff_log::{gate, records};
use super::explain::{ann, call};
use super::sandbox::Sandbox;
use toolgate::gate::Gate;

/// Inputs of the decision, and the writer of the record: other values could have been recorded.
const GIVEN: [&str; 23] = [
    // It follows from earlier calls.
    "budgets",
    "time",
    "id",
    "principal.id",
    "principal.tenant",
    "principal.teams",
    "principal.parents",
    "token.name",
    "token.issuer",
    "token.scopes",
    "token.profiles",
    "token.client_profiles",
    "token.txn",
    "capabilities",
    "token.expires",
    "token.jti",
    "token.claims_digest",
    "txn",
    "trace_id",
    "authority",
    "source_ip",
    "environment",
    "gate",
];

/// Every modification of one member of a record, or of an object in it, by its name.
fn flips(record: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (name, value) in record.as_object().unwrap() {
        let nested = ["bundle", "principal", "actor", "token", "shadow", "candidate"];
        if let Some(members) = value.as_object().filter(|_| nested.contains(&name.as_str())) {
            for (inner, value) in members {
                let mut flipped = record.clone();
                flipped[name][inner] = other(value);
                all.push((format!("{name}.{inner}"), flipped));
            }
        } else {
            let mut flipped = record.clone();
            flipped[name] = other(value);
            all.push((name.clone(), flipped));
        }
    }
    all
}

/// Another valid value for the member.
fn other(value: &Value) -> Value {
    match value {
        Value::Null => json!("other"),
        Value::Bool(truth) => json!(!truth),
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::Array(elements) if elements.is_empty() => json!(["Role::\"writer\""]),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({ "id": "other" }),
        Value::String(text) => match text.as_str() {
            "PERMIT" => json!("DENY"),
            "DENY" => json!("PERMIT"),
            "permitted" => json!("not_permitted"),
            "forbidden" => json!("permitted"),
            "policy_decision" => json!("policy_refusal"),
            "policy_refusal" => json!("policy_decision"),
            "enforce" => json!("shadow"),
            "org" => json!("team/red"),
            text if text.starts_with("sha256:") => json!(format!("sha256:{}", "0".repeat(64))),
            text if text.contains('/') => json!(format!("{text}r")),
            text if text.len() == 36 => json!("00000000-0000-7000-8000-000000000001"),
            text if text.ends_with('Z') => json!("2026-03-04T05:06:07.891Z"),
            text => json!(format!("{text}r")),
        },
    }
}

fn is_given(name: &str) -> bool {
    GIVEN.contains(&name)
}

/// Whether `explain` and `diff --log` detect that a record of the bundle was modified.
fn noticed(sandbox: &Sandbox, record: &Value) -> [bool; 2] {
    sandbox.write("decisions.ndjson", &format!("{record}\n"));
    let explained = sandbox.run("explain bundle --record decisions.ndjson --format json");
    let explained = explained.code == 3 || explained.code == 1 || {
        let told = explained.json();
        told["recorded"]["same"] != json!(true)
            || told["notes"].to_string().contains("decided by bundle")
    };
    let compared = sandbox.run("diff bundle next --log decisions.ndjson --format json").json();
    let log = &compared["log"];
    let groups = log["groups"].as_array().unwrap();
    let told = groups.iter().any(|group| {
        ["undecided", "disagrees_with_record"].contains(&group["change"].as_str().unwrap())
    });
    [explained, told || log["not_written_by_old"] != json!(0)]
}

#[test]
fn every_member_that_tells_of_the_decision_is_compared() {
    let sandbox = Sandbox::new();
    let staged =
        ("bundle/org/notes.cedar", "@id(\"few-stars\")", "@id(\"few-stars\")\n@mode(\"shadow\")");
    sandbox.replace("bundle/bundle.yaml", "redact: [text, stars]", "data_class: text, cost: 2");
    sandbox.copy("bundle", "next");
    for shadow in [false, true] {
        if shadow {
            sandbox.replace(staged.0, staged.1, staged.2);
        }
        let bundle = gate(&sandbox, "bundle").bundle;
        let gate = Gate::new(bundle, String::new()).beside(Some(gate(&sandbox, "next").bundle));
        for stars in [3, 4] {
            let arguments = json!({ "team": "red", "text": "a", "stars": stars });
            let records = records(&gate, &call(1, "write", &arguments), ann(), 7);
            let record: Value = serde_json::from_str(&records[0].to_line()).unwrap();
            assert_eq!(noticed(&sandbox, &record), [false, false], "{record}");
            let mut unnoticed = Vec::new();
            for (name, flipped) in flips(&record) {
                let by_explain = !name.starts_with("candidate.");
                let [explained, compared] = noticed(&sandbox, &flipped);
                if !is_given(&name) && (by_explain && !explained || !compared) {
                    unnoticed.push((name, explained, compared));
                }
            }
            assert!(unnoticed.is_empty(), "{unnoticed:?} of {record}");
        }
    }
}
