//! Free-form arguments: described by the bundle, passed on unread, or tolerated.

use serde_json::{Value, json};

use super::sandbox::{Sandbox, check};

/// The entry of `write` in the manifest.
const ENTRY: &str = "{ classes: [write], redact: [text, stars] }";
/// The description of its last argument.
const STARS: &str = "\"stars\": { \"type\": \"integer\" }";
/// The condition about it.
const CONDITION: &str = "context.input has stars && context.input.stars > 3";

/// The small bundle, in which `write` also has the free-form arguments `extra` and `kind`, with this
/// entry in the manifest.
fn sandbox(entry: &str, more: &[(&str, &str, &str)]) -> Sandbox {
    let arguments = format!(
        "{STARS}, \"kind\": {{ \"type\": \"string\" }}, \"extra\": {{ \"type\": \"object\" }}"
    );
    let entry = format!("{{ classes: [write], redact: [text], {entry} }}");
    let edits = [("tools/notes.json", STARS, arguments.as_str()), ("bundle.yaml", ENTRY, &entry)];
    Sandbox::with(&[&edits, more].concat())
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn errors_in_schemas_of_the_bundle() {
    let entry = "
        schemas: {
          extra: {
            by: kind,
            of: {
              a: { type: object, properties: { n: { type: strnig } } },
              b: { type: [string, 'null'] } } },
          sars: { type: integer },
          stars: { by: extra.kind } }";
    check("check_schemas", &sandbox(entry, &[]).run("check bundle"));
    let number =
        "schemas: { extra: { type: object, properties: { n: { maximum: 9007199254740993 } } } }";
    let run = sandbox(number, &[]).run("check bundle");
    assert!(
        words(&run.stdout).contains("`9007199254740993` is `9007199254740992`"),
        "{}",
        run.stdout
    );
}

#[test]
fn what_the_bundle_describes_is_checked_like_any_argument() {
    let entry = "schemas: { extra: { by: kind, of: {
        a: { type: object, properties: { api_key: { type: string }, n: { type: integer, default: 9 } }, not: {} },
        b: { type: object, additionalProperties: false } } } }";
    let condition = "context.input has extra && context.input.extra has a && context.input.extra.a has n && context.input.extra.a.n > 3";
    let found = |condition: &str| {
        let sandbox = sandbox(entry, &[("org/notes.cedar", CONDITION, condition)]);
        let json = sandbox.run("check bundle --format json").json();
        let findings = json["findings"].as_array().unwrap().iter();
        let told = findings.map(|it| format!("{} {} {}", it["code"], it["file"], it["message"]));
        let told: Vec<String> = told.map(|line| line.replace('"', "")).collect();
        told.into_iter().filter(|line| !line.starts_with("untested")).collect::<Vec<_>>()
    };
    assert_eq!(
        found(condition),
        [
            "unenforced-schema bundle/bundle.yaml tool `notes/write`: argument `extra`: `not` is not enforced",
            "absence-passes bundle/org/notes.cedar policy `few-stars`: a call without `context.input.extra` is not forbidden",
            "default-passes bundle/org/notes.cedar policy `few-stars`: a call without `context.input.extra.a.n` is not held against it, and then `notes/write` takes `9`",
            "unredacted-secret bundle/tools/notes.json tool `notes/write`: records show `extra.api_key`, by schema or name a secret",
        ]
    );
    let misspelt =
        "context.input has extra && context.input.extra has a && context.input.extra.a has m";
    let errors = found(misspelt);
    assert!(errors.iter().any(|error| error.starts_with("impossible-policy")), "{errors:?}");
}

#[test]
fn what_a_policy_cannot_read_is_named() {
    let any = (
        "tools/notes.json",
        "\"required\": [\"team\"",
        "\"additionalProperties\": true, \"required\": [\"team\"",
    );
    let ignore = ("bundle.yaml", "refusal:", "mcp: { ignore: [toolCallId] }\nrefusal:");
    let opaque = "opaque: [extra]";
    let rest = "opaque: [extra, \"*\"]";
    for (entry, condition, expected) in [
        (
            opaque,
            "context.input.extra.n > 3",
            "`extra` is `opaque` in `bundle.yaml`: it is passed on unread, and no policy can depend on it (`schemas` can give it a type instead)",
        ),
        (opaque, "context.input has extra", "`extra` is `opaque`"),
        (
            opaque,
            "context.input.toolCallId == \"a\"",
            "`toolCallId` is in `mcp.ignore` of `bundle.yaml`: it is passed on unread",
        ),
        (opaque, "context.input has toolCallId", "`toolCallId` is in `mcp.ignore`"),
        (
            rest,
            "context.input.zip == \"a\"",
            "the tool's schema does not name `zip`, and `opaque` has `*`: it is passed on unread, and no policy can depend on it (`schemas` can give it a type)",
        ),
        (rest, "context.input.txt == \"a\"", "did you mean `text`?"),
        (
            "schemas: { extra: { by: kind, of: { a: { type: object, properties: { n: { type: integer } } } } } }",
            "context.input has extra && context.input.extra.n > 3",
            "`by: kind` chooses the schema of `extra`, and its value is part of the path: `context.input.extra has a && context.input.extra.a.n` (there is a schema for a)",
        ),
        (
            "schemas: { extra: { by: knid, of: { a: { type: object, additionalProperties: false } } } }",
            "true",
            "did you mean `kind`?",
        ),
    ] {
        let sandbox = sandbox(entry, &[any, ignore, ("org/notes.cedar", CONDITION, condition)]);
        let run = sandbox.run("check bundle");
        assert!(words(&run.stdout).contains(expected), "{condition}: {}", run.stdout);
    }
}

#[test]
fn what_policies_do_not_see_is_explained() {
    let ignore = ("bundle.yaml", "refusal:", "mcp: { ignore: [toolCallId] }\nrefusal:");
    let seen = (
        "tests/notes.yaml",
        "text: hello, stars: 4 }",
        "text: hello, stars: 4, extra: { a: 1 }, toolCallId: c }",
    );
    let sandbox = sandbox("opaque: [extra]", &[ignore, seen]);
    let explain = "explain bundle --case 'too many stars'";
    let human = sandbox.run(explain).stdout;
    assert!(words(&human).contains("unread extra, toolCallId: no policy sees them"), "{human}");
    let json = sandbox.run(&format!("{explain} --format json")).json();
    assert_eq!(json["calls"][0]["unread"], json!(["extra", "toolCallId"]));
    let input = &json["calls"][0]["request"]["context"]["input"];
    assert_eq!(*input, json!({ "stars": 4, "team": "red", "text": "hello" }));
}

#[test]
fn an_environment_changes_nothing_of_it() {
    let sandbox = sandbox("opaque: [extra]", &[]);
    for overlay in ["mcp: { ignore: [a] }", "servers: { notes: { tools: {} } }"] {
        sandbox.write("bundle/environments/production.yaml", overlay);
        let run = sandbox.run("check bundle");
        assert!(run.code == 3 && run.stdout.contains("unknown field"), "{overlay}: {}", run.stdout);
    }
}

#[test]
fn a_change_of_it_can_permit_more() {
    let (old, new) = (
        sandbox("opaque: [extra]", &[]),
        "schemas: { extra: { type: object, properties: { n: { type: integer, maximum: 3 } } } }",
    );
    old.copy("bundle", "next");
    old.replace("next/bundle.yaml", "opaque: [extra]", new);
    old.copy("next", "wider");
    old.replace("wider/bundle.yaml", "maximum: 3", "maximum: 4");
    old.copy("wider", "tolerant");
    old.replace("tolerant/bundle.yaml", "refusal:", "mcp: { ignore: [a] }\nrefusal:");
    for (before, after, name) in [
        ("bundle", "next", "notes/write"),
        ("next", "wider", "notes/write"),
        ("wider", "tolerant", "mcp.ignore"),
    ] {
        let json = old.run(&format!("diff {before} {after} --format json")).json();
        let changes = json["changes"].as_array().unwrap();
        let change = changes.iter().find(|change| change["name"] == name);
        let change = change.unwrap_or_else(|| panic!("{json:#}"));
        assert_eq!(change["may_widen"], true, "{change:#}");
    }
}

/// A tool whose schema names no argument can be called, with the bundle's word for it.
#[test]
fn a_bundle_for_tools_that_name_no_argument() {
    let tool = |name: &str, schema: Value| json!({ "name": name, "inputSchema": schema });
    let branch = |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } }, "required": [name] });
    let tools = json!([
        tool("zap", json!({ "type": "object", "additionalProperties": true })),
        tool("labels", json!({ "type": "object", "additionalProperties": { "type": "string" } })),
        tool("branches", json!({ "type": "object", "oneOf": [branch("a"), branch("b")] })),
        tool(
            "either",
            json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "anyOf": [{ "required": ["a"] }] })
        ),
        tool("none", json!({ "type": "object", "properties": {}, "additionalProperties": true })),
    ]);
    let sandbox = Sandbox::new();
    sandbox.write("answer.json", &tools.to_string());
    let run = sandbox.run("init made --from answer.json --server hub --path /mcp");
    assert_eq!(run.code, 0);
    let told = [
        "passed on unread: `*` of `zap`",
        "passed on unread: `*` of `labels`",
        "without annotations, so only operators may call them, and each may: `zap`, `labels`, `branches`, `either`, `none`",
    ];
    assert_eq!(run.stderr.lines().collect::<Vec<_>>(), told);
    let manifest = sandbox.read("made/bundle.yaml");
    for (tool, notes) in [
        ("zap", ", opaque: [\"*\"] }"),
        ("labels", ", opaque: [\"*\"] }"),
        ("branches", "classes: [] }"),
        ("either", "classes: [] }"),
        ("none", "classes: [] }"),
    ] {
        let line =
            manifest.lines().find(|line| line.trim_start().starts_with(&format!("{tool}: ")));
        assert!(line.is_some_and(|line| line.contains(notes)), "{tool}: {manifest}");
    }
    assert_eq!(sandbox.run("test made").code, 0);
    for (file, arguments) in [("zap", json!({ "x": 1 })), ("branches", json!({ "b": "x" }))] {
        let call = json!({ "call": { "path": "/mcp", "tool": file, "arguments": arguments } });
        sandbox.write("request.yaml", &call.to_string());
        sandbox.write(
            "ann.yaml",
            r#"{ "tokens": { "session": { "sub": "ann", "roles": ["operator"] } } }"#,
        );
        assert_eq!(
            sandbox.run("explain made --request request.yaml --identity ann.yaml").code,
            0,
            "{file}"
        );
    }
    sandbox.replace("made/bundle.yaml", ", opaque: [\"*\"]", "");
    let run = sandbox.run("check made");
    assert_eq!(run.code, 3);
    assert!(words(&run.stdout).contains("list `*` as `opaque` in the"), "{}", run.stdout);
}
