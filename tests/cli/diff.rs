//! `toolgate diff`

use serde_json::Value;

use super::sandbox::{Run, Sandbox, check};

const POLICIES: &str = "org/notes.cedar";

/// The small bundle in `bundle`, and an edited copy in `next`.
fn sandbox(edits: &[(&str, &str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.copy("bundle", "next");
    for (file, old, new) in edits {
        sandbox.replace(&format!("next/{file}"), old, new);
    }
    sandbox
}

fn diff(edits: &[(&str, &str, &str)]) -> Run {
    sandbox(edits).run("diff bundle next")
}

#[test]
fn what_changes_in_every_part() {
    let edits = [
        ("bundle.yaml", "version: 1", "version: 2"),
        ("bundle.yaml", "[write], redact: [text, stars]", "[write, public], redact: [text]"),
        ("bundle.yaml", "actor: { type: Agent }", "actor: { type: Agent, max_depth: 2 }"),
        ("bundle.yaml", "/notes/mcp, server", "/notes/v2/mcp, server"),
        ("schema.cedarschema", "entity Agent;", "entity Room; entity Agent in [Room];"),
        ("entities.yaml", "\n", "\n- uid: Agent::\"bot\"\n  parents: [Room::\"a\"]\n"),
        (
            "tools/notes.json",
            "\"stars\": { \"type\": \"integer\" }",
            "\"stars\": { \"type\": \"integer\", \"maximum\": 5 }, \"tone\": { \"type\": \"string\" }",
        ),
        ("tools/notes.json", "[\"team\", \"text\"]", "[\"text\", \"team\"]"),
        (POLICIES, "stars > 3", "stars > 4"),
        (POLICIES, "@id(\"readers-read\")", "@id(\"all-read\")"),
        (POLICIES, "A note has", "Every note has"),
    ];
    let sandbox = sandbox(&edits);
    check("diff_parts", &sandbox.run("diff bundle next"));
    check("diff_parts_json", &sandbox.run("diff bundle next --format json"));
}

/// Whether each changed setting needs another configuration of Envoy.
fn needs(edits: &[(&str, &str, &str)]) -> Vec<(String, bool)> {
    let json = sandbox(edits).run("diff bundle next --format json").json();
    let changes = json["changes"].as_array().unwrap().iter();
    let needs = |change: &Value| {
        let name = change["name"].as_str().unwrap().to_owned();
        (name, change["needs_envoy"].as_bool().unwrap())
    };
    changes.map(needs).collect()
}

#[test]
fn what_the_configuration_of_envoy_depends_on() {
    let edit = |old: &str, new: &str, expected: &[(&str, bool)]| {
        let expected: Vec<_> =
            expected.iter().map(|(name, is)| ((*name).to_owned(), *is)).collect();
        assert_eq!(needs(&[("bundle.yaml", old, new)]), expected, "{new}");
    };
    let channel = "  - { path: /notes/mcp, server: notes }\n";
    let sse = "  - { path: /notes/mcp, server: notes, protocol: sse }\n";
    edit(channel, sse, &[("channels", false), ("channels", false)]);
    let host = "  - { path: /notes/mcp, server: notes, authority: a.example }\n";
    edit(channel, host, &[("channels", false), ("channels", true)]);
    let tokens = "tokens: [session]";
    edit(tokens, "tokens: [session, guest]", &[("identity.principal.tokens", true)]);
    let issuers = "tokens: [session]\n    issuers: [https://id.example]";
    edit(tokens, issuers, &[("identity.principal.issuers", true)]);
    let limit =
        |bytes| format!("refusal:\n  help: \"Ask #help.\"\nlimits: {{ body_bytes: {bytes} }}\n");
    let refusal = "refusal:\n  help: \"Ask #help.\"\n";
    edit(refusal, &limit(1_048_576), &[]);
    edit(refusal, &limit(1_048_577), &[("limits.body_bytes", true)]);
    edit(refusal, &limit(1000), &[("limits.body_bytes", false)]);
    let demand = "tokens: [session]\n    require: [{ claim: hd, values: [a.example] }]";
    edit(tokens, demand, &[("identity.principal.require", false)]);
    let sandbox = sandbox(&[("bundle.yaml", tokens, demand)]);
    let json = sandbox.run("diff next bundle --format json").json();
    assert_eq!(json["changes"][0]["needs_envoy"], true, "{json}");
    edit("Ask #help.", "Ask us.", &[("refusal.help", true)]);
    edit("refusal:", "refusal:\n  style: http", &[("refusal.style", false)]);
}

#[test]
fn formatting_and_comments_are_no_change() {
    let run = diff(&[
        (
            POLICIES,
            "when { principal.team == context.input.team };",
            "when {\n  // The own team.\n  (principal.team) == context[\"input\"].team\n};",
        ),
        (POLICIES, "// Everybody", "// Whoever"),
        ("entities.yaml", "'Server::\"notes\"'", "\"Server::\\\"notes\\\"\""),
        ("schema.cedarschema", "entity Role;", "entity\nRole;"),
    ]);
    check("diff_formatting", &run);
    check("diff_same", &diff(&[]));
}

/// None of these changes can permit a refused call.
#[test]
fn what_can_only_narrow() {
    let run = diff(&[
        (
            POLICIES,
            "@id(\"writers-write\")",
            "@id(\"nobody-from-mars\")\nforbid (principal, action, resource)\nwhen { principal.team == \"mars\" };\n\n@id(\"writers-write\")",
        ),
        (
            POLICIES,
            "@id(\"readers-read\")\npermit (principal in Role::\"reader\", action in Action::\"class:read\", resource);\n",
            "",
        ),
        (POLICIES, "A note has", "Every note has"),
        ("bundle.yaml", "redact: [text, stars]", "redact: [text], operation: create"),
    ]);
    check("diff_narrower", &run);
}

#[test]
fn either_side_can_be_a_built_document() {
    let sandbox = sandbox(&[(POLICIES, "stars > 3", "stars > 2")]);
    assert_eq!(sandbox.run("build bundle -o old.json").code, 0);
    assert_eq!(sandbox.run("build next -o new.json").code, 0);
    let directories = sandbox.run("diff bundle next");
    for line in ["diff old.json new.json", "diff bundle new.json", "diff old.json next"] {
        let run = sandbox.run(line);
        assert_eq!((run.code, &run.stdout), (1, &directories.stdout), "{line}");
    }
}

#[test]
fn what_is_no_bundle() {
    let sandbox = sandbox(&[("bundle.yaml", "version: 1", "version: 0")]);
    check("diff_invalid", &sandbox.run("diff bundle next"));
    sandbox.write("odd.json", "{\"format\":\"toolgate.bundle/0\"}");
    check("diff_no_document", &sandbox.run("diff odd.json bundle"));
    assert_eq!(sandbox.run("diff bundle nowhere").code, 3);
    // A document that was edited by hand has no source file to show.
    assert_eq!(sandbox.run("build bundle -o old.json").code, 0);
    sandbox.replace("old.json", "context.input.stars > 3", "context.input.starz > 3");
    check("diff_broken_document", &sandbox.run("diff old.json bundle"));
}

#[test]
fn without_a_solver_nothing_is_proved() {
    let sandbox = sandbox(&[(POLICIES, "stars > 3", "stars > 2")]);
    let nowhere = [("CVC5", "nowhere/cvc5")];
    check("diff_prove_no_solver", &sandbox.run_with("diff bundle next --prove", "", &nowhere));
    let run = sandbox.run_with("diff bundle next --prove --format json", "", &nowhere);
    let proof = &run.json()["proof"];
    assert_eq!((run.code, &proof["complete"], &proof["wider"]), (2, &false.into(), &false.into()));
    assert!(proof["unavailable"].as_str().unwrap().contains("nowhere/cvc5"), "{proof}");
    let run = sandbox.run_with("diff bundle next --prove", "", &[("PATH", ""), ("CVC5", "")]);
    assert!(run.stdout.contains("`cvc5` is not in PATH"), "{}", run.stdout);
    assert!(!run.stdout.contains("os error"), "{}", run.stdout);
}

#[test]
fn a_bundle_permits_what_it_permits_without_a_solver() {
    let sandbox = sandbox(&[]);
    let nowhere = [("CVC5", "nowhere/cvc5")];
    check("diff_prove_same", &sandbox.run_with("diff bundle next --prove", "", &nowhere));
    let run = sandbox.run_with("diff bundle next --prove --format json", "", &nowhere);
    let proof = &run.json()["proof"];
    assert_eq!((run.code, &proof["complete"], &proof["wider"]), (0, &true.into(), &false.into()));
}

#[test]
fn who_sees_other_tools() {
    let edits = [(POLICIES, "Role::\"writer\"", "Role::\"reader\"")];
    check("diff_lists", &diff(&edits));
    let lists = sandbox(&edits).run("diff bundle next --format json").json()["lists"].take();
    let of_bob = lists.as_array().unwrap().iter().find(|it| it["identity"] == "bob").unwrap();
    assert_eq!(of_bob["appear"], serde_json::json!(["write"]));
    assert_eq!(of_bob["vanish"], serde_json::json!([]));
}
