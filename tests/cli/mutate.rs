//! `toolgate test --mutate`

use super::sandbox::{Sandbox, check};

#[test]
fn a_moved_limit_is_noticed_by_the_case_at_the_limit() {
    let sandbox = Sandbox::with(&[(
        "org/notes.cedar",
        "context.input.stars > 3",
        "context.input.stars > 30",
    )]);
    // The cases for 3 and 90 stars say nothing about a limit of 30.
    sandbox.replace("bundle/tests/notes.yaml", "stars: 4", "stars: 90");
    let run = sandbox.run("test bundle --mutate");
    check("mutate", &run);
    assert_eq!(run.code, 1);
    let json = sandbox.run("test bundle --mutate --format json").json();
    let unnoticed = json["unnoticed"].as_array().unwrap();
    let mut cases: Vec<&str> = unnoticed.iter().filter_map(|one| one["case"].as_str()).collect();
    assert!(!cases.is_empty(), "{json}");
    // With the suggested cases, nothing is left that a call shows.
    cases.dedup();
    let file = sandbox.read("bundle/tests/notes.yaml") + &cases.concat();
    sandbox.write("bundle/tests/notes.yaml", &file);
    let again = sandbox.run("test bundle --mutate");
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
}

#[test]
fn failing_cases_notice_nothing() {
    let sandbox =
        Sandbox::with(&[("org/notes.cedar", "context.input.stars > 3", "context.input.stars > 4")]);
    let run = sandbox.run("test bundle --mutate");
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    assert!(run.stderr.contains("fails already with the policies as they are"), "{}", run.stderr);
}

const LIMITS: &str = "history: { windows: { hour: 1h, day: 24h } }
budgets:
  reads: { of: [notes/read], per: [principal], limit: 2, window: 1h }
runaway: { identical: 3 }
coverage: { read: 100 }
";

const EARLIER: &str = "
@id(\"not-after-a-note\")
@reason(\"Wait for an hour.\")
forbid (principal, action == Action::\"notes/read\", resource)
when { context.history.hour.tools[\"notes/write\"].calls > 0 };
";

fn read(name: &str, after: &str, expect: &str) -> String {
    let call = "call: { path: /notes/mcp, tool: read, arguments: { id: n-1 } }";
    format!("  - {{ name: {name}, as: ann, after: [{after}], {call}, expect: {{ {expect} }} }}\n")
}

/// The small bundle with a budget and a window, and cases.
fn limited(cases: &[String]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (file, more) in [
        ("bundle/bundle.yaml", LIMITS),
        ("bundle/org/notes.cedar", EARLIER),
        ("bundle/tests/notes.yaml", &*cases.concat()),
    ] {
        sandbox.write(file, &(sandbox.read(file) + more));
    }
    sandbox
}

#[test]
fn a_moved_limit_of_a_budget_is_noticed_by_the_cases_at_the_limit() {
    let reads = |ago: &str, times: u8| {
        format!(
            "{{ ago: {ago}, times: {times}, call: {{ path: /notes/mcp, tool: read, arguments: {{ id: n-2 }} }} }}"
        )
    };
    let write = |ago: &str| {
        let call = "call: { path: /notes/mcp, tool: write, arguments: { team: red, text: a } }";
        format!("{{ ago: {ago}, {call} }}")
    };
    let permitted = "decision: PERMIT, reason: permitted, policies: [readers-read]";
    let exceeded = "decision: DENY, reason: budget_exceeded, policies: []";
    let forbidden = "decision: DENY, reason: forbidden, policies: [not-after-a-note]";
    let mut cases = vec![
        read("a note in between", &write("30m"), forbidden),
        read("a note long ago", &write("2h"), permitted),
    ];
    let sandbox = limited(&cases);
    check("mutate_limits", &sandbox.run("test bundle --mutate"));
    check("coverage_of_a_budget", &sandbox.run("test bundle"));
    let json = sandbox.run("test bundle --mutate --format json").json();
    let settings = json["unnoticed"].as_array().unwrap().iter();
    let settings: Vec<&str> = settings.filter_map(|one| one["setting"].as_str()).collect();
    let [limit, window, hour] =
        ["budgets.reads.limit", "budgets.reads.window", "history.windows.hour"];
    assert_eq!(settings, [limit, limit, window, window, hour, hour]);
    cases.extend([
        read("two in an hour", &reads("59m 30s", 1), permitted),
        read("three in an hour", &reads("59m 30s", 2), exceeded),
        read("then again", &reads("60m 30s", 2), permitted),
        read("a note at the beginning", &write("59m 30s"), forbidden),
        read("a note before", &write("60m 30s"), permitted),
    ]);
    let sandbox = limited(&cases);
    let run = sandbox.run("test bundle --mutate --format json");
    let json = run.json();
    let mut unnoticed = json["unnoticed"].as_array().unwrap().iter();
    assert!(unnoticed.all(|one| one["setting"].is_null()), "{}", run.stdout);
    assert_eq!(sandbox.run("test bundle").code, 0);
}
