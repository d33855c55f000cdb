//! `toolgate test`

use super::sandbox::{Sandbox, check};

const CASES: &str = "tests/notes.yaml";

#[test]
fn all_pass() {
    let sandbox = Sandbox::new();
    check("test_passed", &sandbox.run("test bundle"));
    check("test_passed_json", &sandbox.run("test bundle --format json"));
}

#[test]
fn some_fail_and_some_policies_are_not_reached() {
    let sandbox = Sandbox::with(&[
        (CASES, "stars: 4", "stars: 2"),
        (CASES, "status: 401", "status: 403"),
        (CASES, "policies: [readers-read]", "policies: [readers-read, few-stars]"),
    ]);
    check("test_failed", &sandbox.run("test bundle"));
    check("test_failed_json", &sandbox.run("test bundle --format json"));
}

/// Only a proxy knows whose a task is.
#[test]
fn a_request_about_a_task_is_decided_as_if_its_sender_had_made_it() {
    let methods = "tools_from: tools/notes.json\n    methods: { tasks/get: {} }";
    let sandbox = Sandbox::with(&[
        ("bundle.yaml", "tools_from: tools/notes.json", methods),
        ("bundle.yaml", "servers:\n", "mcp: { bind_tasks: true }\nservers:\n"),
    ]);
    let tasks =
        "permit (principal in Role::\"reader\", action == Action::\"notes/tasks/get\", resource);";
    sandbox.write("bundle/org/tasks.cedar", &format!("@id(\"tasks\")\n{tasks}\n"));
    let case = "
  - name: a reader looks at a task
    as: bob
    call: { path: /notes/mcp, method: tasks/get, arguments: { taskId: t-1 } }
    expect: { decision: PERMIT, reason: permitted, policies: [tasks] }
";
    let cases = sandbox.read(&format!("bundle/{CASES}"));
    sandbox.write(&format!("bundle/{CASES}"), &(cases + case));
    let run = sandbox.run("test bundle");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(sandbox.run("check bundle").code, 0);
}

#[test]
fn a_reply_is_compared_as_far_as_it_is_given() {
    let sandbox =
        Sandbox::with(&[(CASES, "reason: forbidden } } }", "reason: not_permitted } } }")]);
    let cases = sandbox.run("test bundle --format json").json()["cases"].clone();
    let failed = cases.as_array().unwrap().iter().find(|case| case["passed"] == false).unwrap();
    assert_eq!(failed["name"], "too many stars");
    assert_eq!(failed["mismatches"][0]["what"], "reply");
}

#[test]
fn everything_wrong_with_cases() {
    let sandbox = Sandbox::with(&[
        (CASES, "as: ann", "as: anne"),
        (CASES, "name: a reader does not write", "name: a reader reads"),
        (CASES, "    call: { path: /notes/mcp, tool: read, arguments: { id: n-1 } }\n", ""),
    ]);
    sandbox.write("bundle/tests/odd.yaml", "cases:\n  - name: odd\n    expects: {}\n");
    sandbox.write(
        "bundle/tests/words.yaml",
        "cases:\n  - name: a\n    expect: { decision: ALLOW, reason: permitted, policies: [] }\n",
    );
    check("test_invalid", &sandbox.run("test bundle"));
}

/// What is required says what to write.
#[test]
fn what_a_case_lacks() {
    let permitted = "expect: { decision: PERMIT, reason: permitted, policies: [readers-read] }";
    for (old, new, help) in [
        (", policies: [readers-read]", "", "write exactly the policies that determine it"),
        ("decision: PERMIT, ", "", "write `PERMIT`, `DENY`, `SILENCE` or `ESCALATE`"),
        (" reason: permitted,", "", "write `permitted`, `forbidden`, `not_permitted`"),
        (permitted, "time: 2026-01-01T00:00:00Z", "write what must come of it"),
        ("- name: a reader reads\n    as: bob", "- as: bob", "every case has a `name`"),
    ] {
        let run = Sandbox::with(&[(CASES, old, new)]).run("test bundle");
        // Advice is wrapped.
        let text = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(run.code == 3 && text.contains(help), "{help}: {}", run.stderr);
    }
}

#[test]
fn no_cases() {
    let sandbox = Sandbox::new();
    sandbox.remove("bundle/tests/notes.yaml");
    check("test_none", &sandbox.run("test bundle"));
}

/// Nothing tested is no success, and what could be tested is suggested.
#[test]
fn identities_without_cases() {
    let sandbox = Sandbox::new();
    let people = sandbox.read("bundle/tests/notes.yaml");
    let (people, _) = people.split_once("cases:").unwrap();
    sandbox.write("bundle/tests/notes.yaml", people);
    check("test_no_cases_key", &sandbox.run("test bundle"));
    sandbox.write("bundle/tests/notes.yaml", &format!("{people}cases: []\n"));
    let run = sandbox.run("test bundle");
    check("test_no_cases", &run);
    let (_, suggested) = run.stdout.split_once("notes.yaml\n").unwrap();
    let found = sandbox.run("test bundle --format json").json();
    assert_eq!(found["findings"][0]["severity"], "error", "{found}");
    assert_eq!(sandbox.run("test bundle --mutate").code, 3);
    sandbox.write("bundle/tests/notes.yaml", &format!("{people}cases:\n{suggested}"));
    let run = sandbox.run("test bundle");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}
