//! What `check` suggests: values of enumerations, and entities that the tests have

use super::sandbox::Sandbox;

/// The help of every finding of this code, sorted.
fn help(sandbox: &Sandbox, code: &str) -> Vec<String> {
    let findings = sandbox.run("check bundle --format json").json()["findings"].take();
    let found = findings.as_array().unwrap().iter().filter(|finding| finding["code"] == code);
    let mut help: Vec<_> =
        found.map(|finding| finding["help"].as_str().unwrap().to_owned()).collect();
    help.sort();
    help
}

/// A value that is none comes with those that there are.
#[test]
fn values_of_enumerations() {
    let schema = r#"{ "type": "string", "enum": ["plain", "rich", "it's"] }"#;
    let id = ("tools/notes.json", r#""id": { "type": "string" }"#, &*format!(r#""id": {schema}"#));
    let values = r#"the values are "it's", "plain", "rich""#;
    let kind = "notes::read::Input::id";
    for (code, value, expected) in [
        (
            "unknown-value",
            format!("{kind}::\"palin\""),
            format!("did you mean `{kind}::\"plain\"`? {values}"),
        ),
        ("unknown-value", format!("{kind}::\"bold\""), values.to_owned()),
        (
            "policy-type",
            "\"rihc\"".to_owned(),
            format!("; did you mean `{kind}::\"rich\"`? {values}"),
        ),
        ("policy-type", "\"bold\"".to_owned(), format!("; {values}")),
        ("unknown-type", "Input::id::\"rich\"".to_owned(), format!("did you mean `{kind}`?")),
        ("unknown-type", "read::Input::id::\"rich\"".to_owned(), format!("did you mean `{kind}`?")),
    ] {
        let sandbox = Sandbox::with(&[id]);
        let policy = format!("when {{ context.input.id == {value} }};");
        let policy =
            format!("forbid (principal, action == Action::\"notes/read\", resource)\n{policy}");
        sandbox.write("bundle/org/more.cedar", &format!("@id(\"more\")\n{policy}\n"));
        let help = help(&sandbox, code);
        assert!(help.len() == 1 && help[0].ends_with(&expected), "{value}: {help:?}");
    }
    // An enumeration of the bundle's own.
    let colours =
        ("schema.cedarschema", "entity Server;", "entity Server;\nentity Colour enum [\"red\"];");
    let sandbox = Sandbox::with(&[
        colours,
        (
            "org/notes.cedar",
            "resource)\nwhen {",
            "resource)\nwhen { Colour::\"rad\" == Colour::\"red\" &&",
        ),
    ]);
    assert_eq!(
        help(&sandbox, "unknown-value"),
        ["did you mean `Colour::\"red\"`? the values are \"red\""]
    );
    let many: Vec<String> = (10..40).map(|number| format!("v{number}")).collect();
    let many = serde_json::json!({ "type": "string", "enum": many });
    let sandbox = Sandbox::with(&[(id.0, id.1, &format!("\"id\": {many}"))]);
    let policy = format!("when {{ context.input.id == {kind}::\"v\" }};");
    let policy =
        format!("forbid (principal, action == Action::\"notes/read\", resource)\n{policy}");
    sandbox.write("bundle/org/more.cedar", &format!("@id(\"more\")\n{policy}\n"));
    assert!(help(&sandbox, "unknown-value")[0].ends_with("\"v21\" and 18 more"));
}

/// The identities of the tests say which roles, agents and people there are.
#[test]
fn entities_that_no_identity_of_the_tests_has() {
    let unlike = "give it to an identity in `tests/`, or correct it";
    for (about, expected) in [
        ("principal in Role::\"reder\", action, resource)", vec!["Role::\"reader\""]),
        ("principal in Role::\"owner\", action, resource)", vec![""]),
        ("principal == User::\"anne\", action, resource)", vec!["User::\"ann\""]),
        (
            "principal, action, resource) when { context.actor == Agent::\"bots\" }",
            vec!["Agent::\"bot\""],
        ),
        (
            "principal, action, resource) unless { principal in [Role::\"reader\", \
             Role::\"wirter\", Role::\"chief\"] }",
            vec!["Role::\"writer\"", ""],
        ),
        ("principal in Role::\"writer\", action, resource)", Vec::new()),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("bundle/org/more.cedar", &format!("@id(\"more\")\nforbid ({about};\n"));
        let expected = expected.into_iter().map(|near| match near {
            "" => unlike.to_owned(),
            near => format!("did you mean `{near}`? if not, give it to an identity in `tests/`"),
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(help(&sandbox, "untested-entity"), expected, "{about}");
        // Without identities, nothing is known about tokens.
        sandbox.write("bundle/tests/notes.yaml", "cases: []\n");
        assert!(help(&sandbox, "untested-entity").is_empty(), "{about}");
    }
}
