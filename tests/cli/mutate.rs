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
