//! Cases about what a caller sees in lists, and gets back of results.

use serde_json::Value;

use super::sandbox::{Sandbox, check};

const LABELS: (&str, &str, &str) = (
    "bundle.yaml",
    "read: { classes: [read] }",
    "read: { classes: [read], labels: { private: [author] } }",
);
const REVEAL: &str = r#"
@id("writers-see-authors")
permit (principal in Role::"writer", action in Action::"reveal:private", resource);
"#;

fn labelled(cases: &str) -> Sandbox {
    let sandbox = Sandbox::with(&[LABELS]);
    sandbox.write("bundle/org/reveal.cedar", REVEAL);
    let identities = "identities:
  reader: { tokens: { session: { sub: bob, team: red, roles: [reader], act: { sub: agent } } } }
  writer: { tokens: { session: { sub: ann, team: red, roles: [reader, writer], act: { sub: agent } } } }
";
    sandbox.write("bundle/tests/faces.yaml", &format!("{identities}cases:\n{cases}"));
    sandbox
}

fn verdicts(sandbox: &Sandbox) -> Vec<Value> {
    let told = sandbox.run("test bundle --filter face --format json").json();
    told["cases"].as_array().unwrap().clone()
}

const LISTS: &str = r"
  - name: face of a reader
    as: reader
    call: { path: /notes/mcp, method: tools/list }
    expect: { decision: PERMIT, reason: lifecycle, policies: [], list: [read] }
  - name: face of a writer
    as: writer
    call: { path: /notes/mcp, method: tools/list }
    expect: { decision: PERMIT, reason: lifecycle, policies: [], list: [read, write] }
";

#[test]
fn a_case_expects_a_list() {
    let sandbox = labelled(LISTS);
    assert!(verdicts(&sandbox).iter().all(|case| case["passed"] == true));
    let sandbox = labelled(&LISTS.replace("list: [read] ", "list: [read, write] "));
    check("faces_failed", &sandbox.run("test bundle --filter face"));
    let failed = verdicts(&sandbox).remove(0);
    let mismatch = &failed["mismatches"][0];
    assert_eq!((&mismatch["what"], &mismatch["actual"]), (&"list".into(), &vec!["read"].into()));
}

const RESULTS: &str = r#"
  - name: face of a result for a reader
    as: reader
    call: { path: /notes/mcp, tool: read, arguments: { id: n-1 } }
    result: { structuredContent: { author: ann, text: hello }, content: [{ type: text, text: "by ann" }] }
    expect:
      decision: PERMIT
      reason: permitted
      policies: [readers-read]
      result:
        structuredContent: { author: "[withheld: private]", text: hello }
        content: [{ text: "[withheld: private]" }]
  - name: face of a result for a writer
    as: writer
    call: { path: /notes/mcp, tool: read, arguments: { id: n-1 } }
    result: { structuredContent: { author: ann } }
    expect: { decision: PERMIT, reason: permitted, policies: [readers-read], result: { structuredContent: { author: ann } } }
"#;

#[test]
fn a_case_expects_what_is_left_of_a_result() {
    let sandbox = labelled(RESULTS);
    assert!(
        verdicts(&sandbox).iter().all(|case| case["passed"] == true),
        "{:?}",
        verdicts(&sandbox)
    );
    let sandbox = labelled(&RESULTS.replace("private]\", text", "secret]\", text"));
    let failed = verdicts(&sandbox).remove(0);
    assert_eq!(failed["mismatches"][0]["what"], "result");
    let sandbox =
        labelled(&RESULTS.replace("    result: { structuredContent: { author: ann } }\n", ""));
    let told = sandbox.run("test bundle");
    assert!(told.stderr.contains("`expect.result`, what the caller gets"), "{}", told.stderr);
}

#[test]
fn policies_about_labels_are_tested_by_cases_with_results() {
    let untested = |cases: &str| {
        let told = labelled(cases).run("check bundle --format json").json();
        let found = told["findings"].as_array().unwrap().clone();
        found.iter().any(|it| it["code"] == "untested-policy")
    };
    assert!(untested(LISTS) && !untested(RESULTS));
}

#[test]
fn an_explanation_has_the_labels() {
    let cases = RESULTS.replace("face of a result for a reader", "masked");
    let told = labelled(&cases).run("explain bundle --case masked");
    assert!(told.stdout.contains("masked             private"), "{}", told.stdout);
}
