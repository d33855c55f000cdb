//! `toolgate test`: coverage, its minimums, and suggested cases.

use super::sandbox::{Sandbox, check};

const CASES: &str = "tests/notes.yaml";
const MANIFEST: &str = "bundle.yaml";

/// The small bundle requires full coverage of its class `write`, and no case reaches few-stars.
fn lacking() -> Sandbox {
    let sandbox = Sandbox::with(&[
        (MANIFEST, "version: 1", "version: 1\ncoverage: { read: 50, write: 100 }"),
        (CASES, "stars: 4", "stars: 2"),
        (
            CASES,
            "      decision: DENY\n      reason: forbidden\n",
            "      decision: PERMIT\n      reason: permitted\n",
        ),
        (CASES, "policies: [few-stars]", "policies: [writers-write]"),
    ]);
    let cases = sandbox.read("bundle/tests/notes.yaml");
    let without_reply = cases
        .lines()
        .filter(|line| !line.starts_with("      status: 200") && !line.starts_with("      reply:"));
    sandbox
        .write("bundle/tests/notes.yaml", &(without_reply.collect::<Vec<_>>().join("\n") + "\n"));
    sandbox
}

#[test]
fn what_is_missing_is_named_and_suggested() {
    let sandbox = lacking();
    check("coverage_lacking", &sandbox.run("test bundle"));
    let json = sandbox.run("test bundle --format json").json();
    assert_eq!(json["passed"], false);
    assert!(json["cases"].as_array().unwrap().iter().all(|case| case["passed"] == true));
    let missing = &json["coverage"]["classes"][1]["missing"];
    assert_eq!(missing[0]["policy"], "few-stars");
}

#[test]
fn what_is_suggested_reaches_what_was_missing() {
    let sandbox = lacking();
    let json = sandbox.run("test bundle --format json").json();
    let suggestions = json["suggestions"].as_array().unwrap();
    assert!(!suggestions.is_empty());
    let file = "bundle/tests/notes.yaml";
    let mut cases = sandbox.read(file);
    for suggestion in suggestions {
        assert_eq!((&suggestion["tried"], &suggestion["file"]), (&true.into(), &file.into()));
        cases.push_str(suggestion["case"].as_str().unwrap());
    }
    sandbox.write(file, &cases);
    let run = sandbox.run("test bundle");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
}

/// Without identities in the test files no call can be tried.
#[test]
fn a_case_that_nobody_comes_to_is_to_be_completed() {
    let sandbox = lacking();
    sandbox.write(
        "bundle/tests/notes.yaml",
        "cases:\n  - name: nobody\n    call: { path: /notes/mcp, tool: read }\n    \
         expect: { decision: DENY, reason: unauthenticated, policies: [] }\n",
    );
    check("coverage_to_be_completed", &sandbox.run("test bundle"));
}

#[test]
fn a_minimum_for_all_tools() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("test bundle --minimum 86");
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("not enough of all tools"), "{}", run.stdout);
    assert_eq!(sandbox.run("test bundle --minimum 85").code, 0);
    for odd in ["0", "101", "-1", "many"] {
        assert_eq!(sandbox.run(&format!("test bundle --minimum={odd}")).code, 3, "{odd}");
    }
}

#[test]
fn some_cases_alone() {
    let sandbox = lacking();
    check("coverage_filtered", &sandbox.run("test bundle --filter reads"));
    check("coverage_filtered_out", &sandbox.run("test bundle --filter writhes"));
    assert_eq!(sandbox.run("test bundle --filter reads --minimum 1").code, 3);
}

/// One policy matches without determining the outcome, and one is in shadow.
#[test]
fn a_policy_that_matches_and_one_that_watches() {
    let sandbox = Sandbox::with(&[(
        "org/notes.cedar",
        "@id(\"few-stars\")",
        "@id(\"no-stars\")\n@mode(\"shadow\")\nforbid (principal, action == Action::\"notes/write\", \
         resource)\nwhen { context.input has stars };\n\n@id(\"few-stars\")",
    )]);
    let json = sandbox.run("test bundle --format json").json();
    let counts = |id: &str| {
        let policies = json["coverage"]["policies"].as_array().unwrap().iter();
        let policy = policies.clone().find(|policy| policy["id"] == id).unwrap();
        (policy["determined"].as_u64().unwrap(), policy["matched"].as_u64().unwrap())
    };
    // For too many stars, both few-stars and no-stars determine the shadow decision.
    assert_eq!(counts("no-stars"), (2, 0));
    assert_eq!(counts("few-stars"), (1, 0));
    assert_eq!(counts("writers-write"), (1, 1));
    let cases = "    expect:\n      decision: DENY\n";
    let shadow = "    expect:\n      shadow: { decision: DENY, reason: forbidden, policies: [few-stars] }\n      layer: org\n      decision: DENY\n";
    let text = sandbox.read("bundle/tests/notes.yaml");
    sandbox.write("bundle/tests/notes.yaml", &text.replacen(cases, shadow, 1));
    let json = sandbox.run("test bundle --format json").json();
    let failed = json["cases"].as_array().unwrap().iter().find(|case| case["passed"] == false);
    let mismatches = failed.unwrap()["mismatches"].as_array().unwrap();
    assert_eq!(mismatches.len(), 1, "{mismatches:?}");
    assert_eq!(mismatches[0]["what"], "shadow");
    assert_eq!(mismatches[0]["actual"]["policies"], serde_json::json!(["few-stars", "no-stars"]));
}

#[test]
fn a_suggested_call_has_the_constant_that_a_policy_wants() {
    let sandbox = Sandbox::new();
    let policies = sandbox.read("bundle/org/notes.cedar");
    let only = "\n@id(\"one-note\")\n@reason(\"Only that note.\")\nforbid (principal, action == Action::\"notes/read\", resource)\nunless { context.input.id == \"n-77\" };\n";
    sandbox.write("bundle/org/notes.cedar", &format!("{policies}{only}"));
    let run = sandbox.run("test bundle --minimum 100");
    assert!(run.stdout.contains("arguments: { id: n-77 }"), "{}", run.stdout);
    assert!(!run.stdout.contains("cases to be completed"), "{}", run.stdout);
}
