//! `toolgate explain --after` and `diff --log` with a history: earlier calls are rebuilt from records.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use toolgate::cli::analysis::run;
use toolgate::cli::input::cases::{Identity, RawRequest, Sent};
use toolgate::cli::input::directory;
use toolgate::gate::Gate;
use toolgate::memory::Store;

use super::explain::call;
use super::sandbox::{Sandbox, check, copy};

/// A call: the minute of the day, who makes it, and what it is.
type Step<'a> = (u32, &'a str, &'a str, &'a str, Value);

/// In place of a tool: a body that is no JSON.
const UNREADABLE: &str = "";

fn customer(id: &str) -> Value {
    json!({ "customer": id })
}

fn mail(to: &str) -> Value {
    json!({ "to": to, "text": "secret" })
}

fn refund(amount: f64) -> Value {
    json!({ "payment": "p-1", "amount": amount })
}

/// What two people do on one day, with the reason of each decision.
fn day() -> Vec<(Step<'static>, &'static str)> {
    vec![
        ((0, "ann", "desk", "send_mail", mail("x@other.example")), "permitted"),
        ((1, "ann", "crm", "get_customer", customer("acme-1")), "permitted"),
        ((2, "ben", "desk", "send_mail", mail("x@other.example")), "permitted"),
        ((3, "ann", "desk", "send_mail", mail("x@other.example")), "forbidden"),
        ((4, "ann", "crm", "get_customer", customer("globex-1")), "forbidden"),
        ((5, "ann", "payments", "refund", refund(1500.5)), "permitted"),
        ((6, "ann", "payments", "refund", refund(500.0)), "budget_exceeded"),
        ((70, "ann", "desk", "send_mail", mail("x@other.example")), "permitted"),
        ((71, "ben", "desk", "fetch_page", json!({ "url": "https://a.example" })), "permitted"),
        ((72, "ben", "payments", "refund", refund(10.0)), "forbidden"),
        ((73, "ann", "payments", "refund", refund(499.5)), "permitted"),
        ((74, "ann", "crm", "odd", json!({})), "unknown_tool"),
        ((75, "ann", "crm", "get_customer", json!({ "customer": 1 })), "invalid_arguments"),
        ((76, "ann", "desk", "review", json!({})), "permitted"),
    ]
}

/// The log that a gate with this bundle writes.
fn log(sandbox: &Sandbox, bundle: &str, steps: &[(Step<'_>, &str)]) -> String {
    let opened = directory::open(&sandbox.path(bundle)).unwrap();
    let gate = Gate::new(opened.loaded.bundle, String::new());
    let mut memory = Store::default();
    let mut log = String::new();
    for (number, ((minute, who, server, tool, arguments), reason)) in (1..).zip(steps) {
        let claims = json!({
            "sub": who, "roles": ["clerk"], "tenant": "acme", "txn": "t-1", "act": { "sub": "helper" },
        });
        let identity = Identity { tokens: [("session".to_owned(), claims)].into(), spiffe: None };
        let mut request = json!({
            "path": format!("/{server}/mcp"),
            "headers": { "content-type": "application/json" },
        });
        match *tool {
            UNREADABLE => request["body"] = json!("{"),
            tool => request["json"] = call(1, tool, arguments),
        }
        let request: RawRequest = serde_json::from_value(request).unwrap();
        let time = format!("2026-03-04T{:02}:{:02}:00Z", 8 + minute / 60, minute % 60);
        let time = Some(time.parse().unwrap());
        let sent = Sent { call: None, request: Some(&request), time, source_ip: None };
        let (mut arrival, body) = sent.arrival(Some(&identity));
        // Ids of one request follow each other.
        arrival.entropy = number * 16;
        let records = run::remembered(&gate, (&arrival, &body), &mut memory, false).records;
        // A sign of running away can stand beside the call.
        assert_eq!(records[0].reason.as_str(), *reason, "{number}");
        for record in records {
            writeln!(log, "{}", record.to_line()).unwrap();
        }
    }
    log
}

/// The example about several calls, an edited copy, and the log of the day.
fn sandbox(edits: &[(&str, &str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    let chains = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/chains");
    for name in ["chains", "next"] {
        copy(&chains, &sandbox.path(name));
    }
    for (file, old, new) in edits {
        sandbox.replace(&format!("next/{file}"), old, new);
    }
    sandbox.write("decisions.ndjson", &log(&sandbox, "chains", &day()));
    sandbox
}

fn ids(log: &str) -> Vec<String> {
    let id = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["id"].as_str().unwrap().to_owned()
    };
    log.lines().map(id).collect()
}

#[test]
fn every_decision_of_a_day_is_made_again_with_its_history() {
    let sandbox = sandbox(&[]);
    let log = sandbox.read("decisions.ndjson");
    let explain = "explain chains --record decisions.ndjson";
    for (id, (_, reason)) in ids(&log).iter().zip(day()) {
        let run =
            sandbox.run(&format!("{explain} --after decisions.ndjson --id {id} --format json"));
        let json = run.json();
        assert_eq!(json["reason"], reason, "{}", run.stdout);
        if !["unknown_tool", "invalid_arguments"].contains(&reason) {
            assert_eq!(json["recorded"]["same"], true, "{}", run.stdout);
        }
    }
    let refused = &ids(&log)[3];
    check(
        "history_explain",
        &sandbox.run(&format!("{explain} --after decisions.ndjson --id {refused}")),
    );
    check("history_not_given", &sandbox.run(&format!("{explain} --id {refused}")));
    let json =
        sandbox.run(&format!("{explain} --after decisions.ndjson --id {refused} --format json"));
    let read = &json.json()["calls"][0]["read"];
    assert_eq!(read, &json!({ "context.history.hour.classes.pii.calls": 1 }));
}

#[test]
fn a_log_is_compared_with_its_own_history() {
    let sandbox = sandbox(&[("bundle.yaml", "limit: 2000", "limit: 2001")]);
    let run = sandbox.run("diff chains next --log decisions.ndjson");
    check("history_diff", &run);
    let same = sandbox.run("diff chains chains --log decisions.ndjson --format json");
    let log = &same.json()["log"];
    assert_eq!(log["calls"]["disagrees_with_record"], 0, "{}", same.stdout);
    assert_eq!(log["calls"]["undecided"], 0, "{}", same.stdout);
}

#[test]
fn a_log_that_begins_later_tells_less() {
    let sandbox = sandbox(&[("bundle.yaml", "limit: 2000", "limit: 2001")]);
    let log = sandbox.read("decisions.ndjson");
    let late: Vec<&str> = log.lines().skip(3).collect();
    sandbox.write("late.ndjson", &(late.join("\n") + "\n"));
    let refused = &ids(&log)[3];
    let line = format!("explain chains --record late.ndjson --id {refused} --after late.ndjson");
    check("history_late", &sandbox.run(&line));
    check("history_diff_late", &sandbox.run("diff chains next --log late.ndjson"));
}

/// Nothing is put in the place of an amount that the record withholds.
#[test]
fn a_withheld_amount_is_named() {
    let sandbox = Sandbox::new();
    let chains = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/chains");
    copy(&chains, &sandbox.path("chains"));
    let sums = "history:\n  sums: { refunded: { of: [payments/refund], argument: amount } }\n";
    sandbox.replace("chains/bundle.yaml", "history:\n", sums);
    sandbox.replace(
        "chains/bundle.yaml",
        "refund: { classes: [write, money] }",
        "refund: { classes: [write, money], redact: [amount] }",
    );
    let policy = "
@id(\"no-mail-after-large-refunds\")
forbid (principal, action == Action::\"desk/send_mail\", resource)
when { context.history.hour.sums.refunded.used.greaterThan(decimal(\"1000.0\")) };
";
    let rules = sandbox.read("chains/org/rules.cedar") + policy;
    sandbox.write("chains/org/rules.cedar", &rules);
    let steps = [
        ((0, "ann", "payments", "refund", refund(1500.5)), "permitted"),
        ((1, "ann", "desk", "review", json!({})), "permitted"),
        ((2, "ann", "desk", "send_mail", mail("x@acme.example")), "forbidden"),
    ];
    let log = log(&sandbox, "chains", &steps);
    assert!(!log.contains("1500.5,") || log.contains("\"budgets\""));
    sandbox.write("decisions.ndjson", &log);
    let last = ids(&log).pop().unwrap();
    let line = "explain chains --record decisions.ndjson --after decisions.ndjson";
    check("history_withheld", &sandbox.run(&format!("{line} --id {last}")));
    check("history_diff_withheld", &sandbox.run("diff chains chains --log decisions.ndjson"));
}

/// Everything passes in shadow, and counts as what it would be in force.
#[test]
fn a_log_of_a_bundle_in_shadow_tells_refusals_from_calls() {
    let sandbox = Sandbox::new();
    let chains = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/chains");
    copy(&chains, &sandbox.path("chains"));
    sandbox.replace("chains/bundle.yaml", "version: 1\n", "version: 1\nmode: shadow\n");
    let mut steps = vec![((0, "ann", "crm", UNREADABLE, json!({})), "shadow"); 5];
    for (customer_id, times) in [("acme-1", 3), ("acme-2", 3)] {
        steps.extend(vec![
            ((1, "ann", "crm", "get_customer", customer(customer_id)), "shadow");
            times
        ]);
    }
    // They run, so that the fourth is one write too many, and the fifth refusal begins a pause.
    steps.extend(vec![((2, "ann", "payments", "refund", refund(2001.0)), "shadow"); 6]);
    let log = log(&sandbox, "chains", &steps);
    sandbox.write("decisions.ndjson", &log);
    // The pause is a sign of running away, which has a record of its own.
    let calls: Vec<&str> = log.lines().filter(|line| !line.contains("runaway_began")).collect();
    assert_eq!(calls.len() + 1, log.lines().count());
    let log = calls.join("\n");
    let reasons = log.lines().map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["shadow"]["reason"].as_str().unwrap().to_owned()
    });
    let reasons: Vec<String> = reasons.collect();
    let expected =
        [("malformed_body", 5), ("permitted", 6), ("budget_exceeded", 3), ("forbidden", 3)];
    let expected = expected.map(|(reason, times)| vec![reason; times]);
    assert_eq!(reasons, expected.concat());
    for (id, reason) in ids(&log).iter().zip(reasons).skip(5) {
        let line = format!("explain chains --record decisions.ndjson --id {id}");
        let run = sandbox.run(&format!("{line} --after decisions.ndjson --format json"));
        assert_eq!(run.json()["recorded"]["same"], true, "{reason}: {}", run.stdout);
        assert!(!run.stdout.contains("does not have"), "{}", run.stdout);
    }
}

/// The calls before a case, and those of a log before a request.
#[test]
fn cases_and_requests_have_a_past_too() {
    let sandbox = sandbox(&[]);
    let case = "--case 'no payment after untrusted content'";
    let run = sandbox.run(&format!("explain chains {case}"));
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stdout.contains("context.history.labels.untrusted_content.attached = true"));
    let request =
        "call: { path: /payments/mcp, tool: refund, arguments: { payment: p, amount: 1 } }\n";
    sandbox.write("request.yaml", &format!("time: '2026-03-04T09:30:00Z'\n{request}"));
    let who = "--identity chains/tests/history.yaml --as ann";
    let line = format!("explain chains --request request.yaml {who}");
    assert_eq!(sandbox.run(&line).code, 0);
    let run = sandbox.run(&format!("{line} --after decisions.ndjson"));
    check("history_request", &run);
    let twice = sandbox.run("explain chains --record - --after -");
    assert_eq!((twice.code, twice.stdout.as_str()), (3, ""));
}

/// The call inside a call counts, and spends, like a direct one.
#[test]
fn inner_calls_count_too() {
    let sandbox = Sandbox::new();
    let inner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bundles/inner");
    copy(&inner, &sandbox.path("chains"));
    let limits = "history: { windows: { hour: 1h } }
budgets:
  stars: { of: [hub/set_note], per: [principal], amount: { argument: stars }, limit: 5, window: 1h }
";
    let manifest = sandbox.read("chains/bundle.yaml") + limits;
    sandbox.write("chains/bundle.yaml", &manifest);
    let note = |stars: u8| json!({ "id": "n-1", "text": "a", "stars": stars });
    let run_by = |arguments: Value| json!({ "name": "set_note", "arguments": arguments });
    let steps = [
        ((0, "ann", "hub", "call_tool", run_by(note(3))), "permitted"),
        ((1, "ann", "hub", "call_text", run_by(note(3).to_string().into())), "budget_exceeded"),
        ((2, "ann", "hub", "set_note", note(2)), "permitted"),
        ((3, "ann", "hub", "set_note", note(1)), "budget_exceeded"),
    ];
    let log = log(&sandbox, "chains", &steps);
    sandbox.write("decisions.ndjson", &log);
    for (id, (_, reason)) in ids(&log).iter().zip(steps) {
        let line = format!("explain chains --record decisions.ndjson --id {id}");
        let json = sandbox.run(&format!("{line} --after decisions.ndjson --format json")).json();
        assert_eq!((&json["reason"], &json["recorded"]["same"]), (&reason.into(), &true.into()));
    }
    let same = sandbox.run("diff chains chains --log decisions.ndjson --format json");
    let calls = &same.json()["log"]["calls"];
    assert_eq!((&calls["disagrees_with_record"], &calls["undecided"]), (&0.into(), &0.into()));
}

/// Labels of parts that the caller got count, and those of parts that were withheld do not.
#[test]
fn revealed_labels_count_too() {
    let sandbox = Sandbox::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/chains"), &sandbox.path("chains"));
    sandbox.replace(
        "chains/bundle.yaml",
        "      review: { classes: [read], clears: [untrusted_content] }",
        "      review: { classes: [read], labels: { pii: [\"people[]\"], notes: [\"notes[]\"] } }",
    );
    let withhold =
        r#"@id("notes") forbid (principal, action in Action::"reveal:notes", resource);"#;
    let after = r#"@id("after") forbid (principal, action == Action::"desk/send_mail", resource)
when { context.history.labels.pii.attached || context.history.labels.notes.attached };"#;
    let rules = sandbox.read("chains/org/rules.cedar");
    sandbox.write("chains/org/rules.cedar", &format!("{rules}\n{withhold}\n{after}\n"));
    let steps = |reason| {
        [
            ((0, "ann", "desk", "send_mail", mail("x@acme.example")), "permitted"),
            ((1, "ann", "desk", "review", json!({})), "permitted"),
            ((2, "ann", "desk", "send_mail", mail("x@acme.example")), reason),
        ]
    };
    for (pii, reason) in [("true", "permitted"), ("false", "forbidden")] {
        let pii = format!(
            r#"@id("pii") forbid (principal, action in Action::"reveal:pii", resource) when {{ {pii} }};"#
        );
        sandbox.write("chains/org/pii.cedar", &pii);
        let log = log(&sandbox, "chains", &steps(reason));
        sandbox.write("decisions.ndjson", &log);
        let id = &ids(&log)[2];
        let line = format!("explain chains --record decisions.ndjson --id {id}");
        let json = sandbox.run(&format!("{line} --after decisions.ndjson --format json")).json();
        assert_eq!((&json["reason"], &json["recorded"]["same"]), (&reason.into(), &true.into()));
    }
}
