//! `toolgate check`

use super::sandbox::{Sandbox, check};

const POLICIES: &str = "org/notes.cedar";

#[test]
fn a_good_bundle() {
    let sandbox = Sandbox::new();
    check("check_good", &sandbox.run("check bundle"));
    check("check_good_json", &sandbox.run("check bundle --format json"));
}

#[test]
fn warnings_can_be_denied() {
    let never = "{ context.input.team == \"red\" && false }";
    let sandbox = Sandbox::with(&[(POLICIES, "{ principal.team == context.input.team }", never)]);
    check("check_warning", &sandbox.run("check bundle"));
    check("check_warning_denied", &sandbox.run("check bundle --deny-warnings"));
}

/// Every invalid file is reported at once.
#[test]
fn every_file_that_does_not_read() {
    let sandbox = Sandbox::with(&[
        ("bundle.yaml", "attributes:", "atributes:"),
        ("schema.cedarschema", "entity Server;", "entity Server"),
        ("entities.yaml", "- uid: ", "- uid: [ "),
        (POLICIES, "permit (principal in", "permit principal in"),
        ("tools/notes.json", "\"required\": [\"id\"]", "\"required\": [\"id\"], \"required\": []"),
    ]);
    check("check_unreadable", &sandbox.run("check bundle"));
}

#[test]
fn everything_wrong_with_policies() {
    let sandbox = Sandbox::with(&[
        (POLICIES, "Role::\"reader\"", "Rolle::\"reader\""),
        (POLICIES, "@id(\"writers-write\")\n", ""),
        (POLICIES, "context.input.stars > 3", "context.input.stars > \"3\""),
    ]);
    sandbox.write(
        "bundle/org/more.cedar",
        "@id(\"few-stars\")\nforbid (principal, action, resource) when { context.input.colour == \"red\" };\n\
         @id(\"Odd name\")\nforbid (principal, action, resource);\n\
         @id(\"colour\")\nforbid (principal, action, resource) when { context.input.colour == \"red\" };\n\
         @id(\"whose\")\nforbid (principal == ?principal, action, resource);\n",
    );
    check("check_policies", &sandbox.run("check bundle"));
    check("check_policies_json", &sandbox.run("check bundle --format json"));
}

/// Only similar names are suggested; otherwise the message names what does not exist.
#[test]
fn names_that_are_none() {
    let sandbox = Sandbox::with(&[
        ("bundle.yaml", "write: { classes: [write]", "wriet: { classes: [write]"),
        (POLICIES, "Action::\"class:read\"", "Action::\"class:raed\""),
        (
            POLICIES,
            "Role::\"writer\", action == Action::\"notes/write\"",
            "Team::\"writer\", action",
        ),
    ]);
    let actions = ["crm/update_contact", "notes/update", "server:crm", "class:delete", "read"];
    let policy = |(position, action): (usize, &&str)| {
        let id = format!("@id(\"p{position}\")");
        format!("{id} forbid (principal, action == Action::\"{action}\", resource);\n")
    };
    let policies: String = actions.iter().enumerate().map(policy).collect();
    sandbox.write("bundle/org/more.cedar", &policies);
    check("check_names", &sandbox.run("check bundle"));
}

#[test]
fn everything_wrong_with_the_manifest() {
    let sandbox = Sandbox::with(&[
        ("bundle.yaml", "version: 1", "version: 0"),
        ("bundle.yaml", "server: notes }", "server: nodes }"),
        ("bundle.yaml", "write: { classes: [write]", "wriet: { classes: [write]"),
        ("bundle.yaml", "claim: team, type: String", "claim: team, type: Long"),
        (
            "entities.yaml",
            "- uid: 'Server::\"notes\"'",
            "- uid: Server::notes\n- uid: 'Thing::\"x\"'",
        ),
    ]);
    check("check_manifest", &sandbox.run("check bundle"));
}

#[test]
fn everything_wrong_with_tools() {
    let sandbox = Sandbox::with(&[
        ("tools/notes.json", "\"id\": { \"type\": \"string\" }", "\"id\": {}"),
        (
            "tools/notes.json",
            "\"stars\": { \"type\": \"integer\" }",
            "\"stars\": { \"type\": \"whole\" }",
        ),
        // Consequences of an unreadable tool are not reported.
        (POLICIES, "stars > 3", "starts > 3"),
    ]);
    check("check_tools", &sandbox.run("check bundle"));
}

/// One tool was edited, one added and one removed after they were pinned.
#[test]
fn tools_that_are_not_what_was_pinned() {
    let digest = toolgate::digest::Digest::of_bytes(b"another tool");
    let pins = format!("{{\n  \"pins\": {{ \"read\": \"{digest}\", \"drop\": \"{digest}\" }},\n");
    let sandbox = Sandbox::with(&[("tools/notes.json", "{\n", &pins)]);
    check("check_pins", &sandbox.run("check bundle"));
}

#[test]
fn what_does_not_belong_into_a_bundle() {
    let sandbox = Sandbox::with(&[("bundle.yaml", "tools/notes.json", "../notes.json")]);
    sandbox.write("bundle/team/red/a.cedar", "");
    sandbox.write("bundle/org/deep/a.cedar", "");
    sandbox.write("bundle/org/notes.ceder", "");
    sandbox.write("bundle/polices.cedar", "");
    sandbox.write("bundle/README.md", "");
    sandbox.write("bundle/.hidden", "");
    sandbox.write("bundle/tests/README.md", "");
    sandbox.write("bundle/tests/more.yml", "");
    check("check_tree", &sandbox.run("check bundle"));
}

/// A tools file that no server names has no effect.
#[test]
fn tools_files_that_no_server_names() {
    let sandbox =
        Sandbox::with(&[("bundle.yaml", "tools/notes.json", "tools/reviewed/./notes.json")]);
    let tools = sandbox.read("bundle/tools/notes.json");
    sandbox.write("bundle/tools/reviewed/notes.json", &tools);
    sandbox.write("bundle/tools/reviewed/old.json", &tools);
    sandbox.write("bundle/tools/older/notes.json", &tools);
    sandbox.write("bundle/tools/.notes.json.new", &tools);
    check("check_unread_tools", &sandbox.run("check bundle"));
}

#[test]
fn what_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.remove("bundle/tools/notes.json");
    sandbox.remove("bundle/schema.cedarschema");
    sandbox.remove("bundle/entities.yaml");
    sandbox.remove("bundle/org/notes.cedar");
    check("check_missing", &sandbox.run("check bundle"));
    assert_eq!(sandbox.run("check nowhere").code, 3);
}

/// Problems of a directory that is not a bundle are not reported as bundle findings.
#[test]
fn where_there_is_no_bundle() {
    let sandbox = Sandbox::new();
    sandbox.copy("bundle", "policies/small");
    sandbox.remove("bundle/bundle.yaml");
    sandbox.write("policies/notes.txt", "");
    check("check_no_bundle", &sandbox.run("check"));
    check("check_no_bundle_there", &sandbox.run("check policies"));
    sandbox.copy("policies/small", "policies/large");
    let several = sandbox.run("check").stdout;
    assert!(!several.contains("did you mean"), "{several}");
}

#[test]
fn a_file_of_a_bundle_is_not_the_bundle() {
    let sandbox = Sandbox::new();
    check("check_file_of_bundle", &sandbox.run("check bundle/bundle.yaml"));
    let deeper = sandbox.run("check bundle/org/notes.cedar").stdout;
    assert!(deeper.contains("did you mean the directory `bundle`?"), "{deeper}");
    sandbox.write("other.json", "{}");
    let other = sandbox.run("check other.json").stdout;
    assert!(other.contains("the document that `toolgate build` made of one"), "{other}");
}

const ACCEPTED: &str = "  help: \"Ask #help.\"
accept:
  - { code: absence-passes, at: few-stars, reason: A note without stars has none. }
";

#[test]
fn what_is_meant_can_be_accepted() {
    let sandbox = Sandbox::with(&[("bundle.yaml", "  help: \"Ask #help.\"\n", ACCEPTED)]);
    check("check_accepted", &sandbox.run("check bundle --accepted"));
    check("check_accepted_json", &sandbox.run("check bundle --format json"));
    let run = sandbox.run("check bundle --deny-warnings");
    assert!(run.stdout.ends_with(" is valid\n1 accepted\n"), "{run:?}");
}

#[test]
fn what_cannot_be_accepted() {
    let more = "  - { code: schema, at: schema.cedarschema, reason: It is fine. }
  - { code: open-permit, at: readers-raed, reason: Everybody reads. }
  - { code: open-permit, at: readers-raed, reason: Everybody reads. }
";
    let accepted = format!("{ACCEPTED}{more}");
    let sandbox = Sandbox::with(&[("bundle.yaml", "  help: \"Ask #help.\"\n", &accepted)]);
    check("check_unacceptable", &sandbox.run("check bundle"));
    let empty = ACCEPTED.replace("A note without stars has none.", "' '");
    let sandbox = Sandbox::with(&[("bundle.yaml", "  help: \"Ask #help.\"\n", &empty)]);
    check("check_accepted_without_reason", &sandbox.run("check bundle"));
}

/// Cases are checked but not run.
#[test]
fn cases_that_cannot_pass() {
    let sandbox = Sandbox::with(&[
        ("tests/notes.yaml", "policies: [readers-read]", "policies: [reader-read]"),
        ("tests/notes.yaml", "policies: [writers-write]", "policies: [few-stars]"),
        (
            "tests/notes.yaml",
            "reason: not_permitted, policies: []",
            "reason: forbidden, policies: []",
        ),
    ]);
    check("check_cases", &sandbox.run("check bundle"));
    sandbox.write("bundle/tests/notes.yaml", "case: []");
    assert_eq!(sandbox.run("check bundle").code, 3);
}

/// A built bundle has no tests beside it.
#[test]
fn a_built_bundle() {
    let sandbox = Sandbox::new();
    sandbox.run("build bundle -o built.json");
    check("check_built", &sandbox.run("check built.json"));
}

#[test]
fn what_to_write_instead() {
    const LESS: &str = "`.lessThan(decimal(\"5.0\"))`";
    let decimal = ("tools/notes.json", "\"integer\"", "\"number\"");
    let opaque = ("bundle.yaml", "redact: [text, stars]", "redact: [text], opaque: [stars]");
    let is_opaque = "`stars` is `opaque` in `bundle.yaml`";
    for (edits, expected) in [
        (vec![decimal], LESS),
        (
            vec![decimal, ("org/notes.cedar", "stars > 3", "stars == 3")],
            "the argument is a decimal",
        ),
        (vec![opaque], is_opaque),
        (vec![opaque, ("org/notes.cedar", " && context.input.stars > 3", "")], is_opaque),
        (vec![("bundle.yaml", "server: notes", "server: nodes")], "did you mean `notes`?"),
        (vec![("tests/notes.yaml", "as: bob", "as: bab")], "did you mean `bob`?"),
    ] {
        let run = Sandbox::with(&edits).run("check bundle");
        // Advice is wrapped.
        let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(expected), "{edits:?}: {}", run.stdout);
    }
}

/// What `check` warns of, `build` and `emit` warn of too; an unknown entity in a `forbid` is no
/// bundle to use.
#[test]
fn what_is_warned_of_before_use() {
    let open = ("org/notes.cedar", "principal in Role::\"reader\"", "principal");
    let sandbox = Sandbox::with(&[open]);
    for line in ["build bundle", "emit ecds bundle --wasm a.wasm"] {
        let run = sandbox.run(line);
        assert_eq!(run.code, 0, "{line}");
        assert!(run.stderr.contains("open-permit"), "{line}: {}", run.stderr);
    }
    assert!(!sandbox.run("test bundle").stderr.contains("open-permit"));
    let known = "- uid: 'Role::\"reader\"'\n- uid: 'Role::\"writer\"'\n";
    let sandbox = Sandbox::with(&[(
        "org/notes.cedar",
        "forbid (principal,",
        "forbid (principal in Role::\"raeder\",",
    )]);
    sandbox.write("bundle/entities.yaml", known);
    for line in ["check bundle", "build bundle", "emit ecds bundle --wasm a.wasm"] {
        let run = sandbox.run(line);
        assert_eq!(run.code, 3, "{line}");
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(text.contains("there is no `Role::\"raeder\"`"), "{line}: {text}");
    }
}

#[test]
fn what_a_code_means() {
    let sandbox = Sandbox::new();
    check("check_explain", &sandbox.run("check --explain policy-too-deep"));
    check("check_explain_json", &sandbox.run("check --explain no-policies --format json"));
    let unknown = sandbox.run("check --explain no-policy");
    assert_eq!(unknown.code, 3);
    assert!(unknown.stderr.contains("a similar value exists: 'no-policies'"), "{unknown:?}");
    let list = sandbox.run("check --list").stdout;
    assert!(list.contains("error    no-policies "), "{list}");
    assert_eq!(list.lines().count(), toolgate::bundle::Code::ALL.len());
    let all = sandbox.run("check --list --format json").json();
    let explained = all["codes"].as_array().unwrap().iter();
    assert!(explained.clone().all(|code| code["explanation"].as_str().unwrap().len() > 20));
    assert_eq!(explained.count(), toolgate::bundle::Code::ALL.len());
}

/// Without DIR the current directory is used, and paths are relative to it.
#[test]
fn the_current_directory() {
    let sandbox = Sandbox::with(&[("bundle.yaml", "version: 1", "version: 0")]);
    let here = sandbox.path("bundle");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_toolgate"))
        .args(["check", "--format", "json"])
        .current_dir(here)
        .output()
        .unwrap();
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings["findings"][0]["file"], "bundle.yaml");
}
