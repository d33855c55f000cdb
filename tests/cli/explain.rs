//! `toolgate explain`

use serde_json::{Value, json};

use toolgate::cli::analysis::run;
use toolgate::cli::input::cases::{Identity, RawRequest, Sent};
use toolgate::cli::input::directory;
use toolgate::gate::Gate;
use toolgate::memory::Store;
use toolgate::record::Record;

use super::sandbox::{Run, Sandbox, check};

const IDENTITY: &str = "--identity bundle/tests/notes.yaml";

/// The records that a bundle's gate writes for a request.
fn records(sandbox: &Sandbox, request: &RawRequest, claims: Value) -> Vec<Record> {
    let production = "production".parse().unwrap();
    sandbox.write("bundle/environments/production.yaml", "");
    let opened = directory::open_for(&sandbox.path("bundle"), Some(&production)).unwrap();
    let environment = opened.document.environment_name();
    let gate = Gate::new(opened.loaded.bundle, environment);
    let identity = Identity { tokens: [("session".to_owned(), claims)].into(), spiffe: None };
    let time = Some("2026-03-04T05:06:07.890Z".parse().unwrap());
    let source_ip = Some([192, 0, 2, 1].into());
    let sent = Sent { call: None, request: Some(request), time, source_ip };
    let (arrival, body) = sent.arrival(Some(&identity));
    run::in_pieces(&gate, &arrival, &body, &Store::default()).unwrap().0.records
}

pub(super) fn request(body: &Value) -> RawRequest {
    let headers = json!({ "content-type": "application/json" });
    serde_json::from_value(json!({ "path": "/notes/mcp", "headers": headers, "json": body }))
        .unwrap()
}

/// A call with this id in a body.
pub(super) fn call(id: u8, tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

/// The record of one call.
fn record(sandbox: &Sandbox, tool: &str, arguments: &Value, claims: Value) -> Record {
    let records = records(sandbox, &request(&call(1, tool, arguments)), claims);
    records.first().unwrap().clone()
}

pub(super) fn ann() -> Value {
    json!({ "sub": "ann", "team": "red", "roles": ["reader", "writer"], "act": { "sub": "bot" }, "txn": "t-1" })
}

/// Writes the record to a log with another one, and explains it.
fn explain(sandbox: &Sandbox, record: &str, options: &str) -> Run {
    let other = self::record(sandbox, "read", &json!({ "id": "n-0" }), ann());
    let id = serde_json::from_str::<Value>(record).unwrap()["id"].as_str().unwrap().to_owned();
    let other = other.to_line().replace(&id, "00000000-0000-7000-8000-000000000000");
    sandbox.write("decisions.ndjson", &format!("{other}\n{record}\n"));
    sandbox.run(&format!("explain bundle --record decisions.ndjson --id {id} {options}"))
}

#[test]
fn the_beginning_of_an_id_suffices_if_only_one_begins_so() {
    let sandbox = Sandbox::new();
    let record = record(&sandbox, "read", &json!({ "id": "n-1" }), ann()).to_line();
    let id = serde_json::from_str::<Value>(&record).unwrap()["id"].as_str().unwrap().to_owned();
    let with = |other: &str| record.replace(&id, other);
    let log = [with("01aa-1"), with("01aa-12"), with("01ab-3")].join("\n");
    sandbox.write("decisions.ndjson", &log);
    let explain = |id: &str| {
        sandbox.run(&format!(
            "explain bundle --record decisions.ndjson --environment production --id {id}"
        ))
    };
    for (id, code) in
        [("01ab", 0), ("01aa-1", 0), ("01aa-12", 0), ("01aa", 3), ("02", 3), ("1ab", 3)]
    {
        assert_eq!(explain(id).code, code, "{id}");
    }
    assert!(explain("01aa").stderr.contains("2 records have an id that begins with `01aa`"));
}

#[test]
fn a_case() {
    let sandbox = Sandbox::new();
    check("explain_permit", &sandbox.run("explain bundle --case 'a reader reads'"));
    check("explain_silence", &sandbox.run("explain bundle --case 'a reader does not write'"));
    check("explain_deny", &sandbox.run("explain bundle --case 'too many stars'"));
    check(
        "explain_deny_json",
        &sandbox.run("explain bundle --case 'too many stars' --format json"),
    );
    check("explain_nobody", &sandbox.run("explain bundle --case nobody"));
    check("explain_no_case", &sandbox.run("explain bundle --case writer"));
}

/// Where answers come on an event stream, the server gives the answer.
#[test]
fn a_refusal_that_the_server_tells() {
    let channel = ("bundle.yaml", "server: notes }", "server: notes, protocol: sse }");
    let sandbox = Sandbox::with(&[channel]);
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"toolgate/refused"}"#;
    let run = sandbox.run("explain bundle --case 'too many stars'");
    assert!(run.stdout.contains(&format!("the server gets: {message}\n")), "{}", run.stdout);
    assert!(!run.stdout.contains("reply"), "{}", run.stdout);
    let found = sandbox.run("explain bundle --case 'too many stars' --format json").json();
    assert_eq!(found["replacement"], serde_json::from_str::<Value>(message).unwrap());
}

/// The header names another account than the arguments, which is detected before policy evaluation.
#[test]
fn a_call_that_policies_were_not_asked_about() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "request.yaml",
        r#"
request:
  path: /crm/mcp
  headers:
    content-type: application/json
    mcp-protocol-version: "2026-07-28"
    mcp-method: tools/call
    mcp-name: get_contact
    mcp-param-account: globex
  json:
    jsonrpc: "2.0"
    id: 1
    method: tools/call
    params:
      name: get_contact
      arguments: { account: acme, contact_id: c-1 }
      _meta:
        io.modelcontextprotocol/protocolVersion: "2026-07-28"
        io.modelcontextprotocol/clientCapabilities: {}
"#,
    );
    sandbox.write(
        "alice.yaml",
        "tokens: { session: { sub: alice, roles: [rep], tenant: acme, act: { sub: support-bot } } }\n",
    );
    let acme = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/acme");
    let explain = format!("explain {acme} --request request.yaml --identity alice.yaml");
    let told = sandbox.run(&format!("{explain} --format json")).json();
    assert_eq!(told["reason"], "header_mismatch");
    let call = &told["calls"][0];
    assert_eq!(call["tool"], "crm/get_contact");
    assert_eq!((&call["request"], &call["layers"]), (&Value::Null, &json!([])));
}

#[test]
fn a_request() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "request.yaml",
        r#"
request:
  path: /notes/mcp
  headers: { content-type: application/json, mcp-protocol-version: "2025-03-26" }
  json:
    - { jsonrpc: "2.0", id: 1, method: tools/call, params: { name: read, arguments: { id: n-1 } } }
    - { jsonrpc: "2.0", id: 2, method: tools/call, params: { name: write, arguments: { team: blue, text: a } } }
    - { jsonrpc: "2.0", id: 3, method: tools/call, params: { name: burn } }
"#,
    );
    check(
        "explain_batch",
        &sandbox.run(&format!("explain bundle --request request.yaml {IDENTITY} --as ann")),
    );
    let several = sandbox.run(&format!("explain bundle --request request.yaml {IDENTITY}"));
    check("explain_which_identity", &several);
    sandbox.write("request.yaml", "request: { method: DELETE, path: /notes/mcp }\n");
    let housekeeping =
        sandbox.run(&format!("explain bundle --request request.yaml {IDENTITY} --as bob"));
    check("explain_housekeeping", &housekeeping);
    sandbox.write("request.yaml", "call: { path: /notes/mcp, tool: raed }\n");
    let unknown =
        sandbox.run(&format!("explain bundle --request request.yaml {IDENTITY} --as bob"));
    let meant = "there is no tool `notes/raed`: did you mean `notes/read`?";
    assert!(unknown.stdout.contains(meant), "{unknown:?}");
    sandbox.write("request.yaml", "call: { path: /notes/mcp, tool: read }\nrequest: { path: / }\n");
    check("explain_bad_request", &sandbox.run("explain bundle --request request.yaml"));
    assert_eq!(sandbox.run("explain bundle --request nowhere.yaml").code, 1);
}

#[test]
fn a_complete_record() {
    let sandbox = Sandbox::new();
    let record = record(&sandbox, "read", &json!({ "id": "n-1" }), ann()).to_line();
    check("explain_record", &explain(&sandbox, &record, ""));
    let json = explain(&sandbox, &record, "--format json");
    check("explain_record_json", &json);
    assert_eq!(sandbox.run_with("explain bundle --record -", &record, &[]).code, 0);
    check("explain_which_record", &sandbox.run("explain bundle --record decisions.ndjson"));
    let log = sandbox.read("decisions.ndjson");
    sandbox.write("decisions.ndjson", &log.repeat(3));
    let many = sandbox.run("explain bundle --record decisions.ndjson").stderr;
    assert!(many.contains("there are 6 records"), "{many}");
    assert_eq!(many.matches("PERMIT notes/read").count(), 5, "{many}");
    let none = sandbox.run_with("explain bundle --record -", "", &[]);
    assert!(none.stderr.contains("there is no record"), "{none:?}");
}

/// `text` is withheld, and no policy reads it.
#[test]
fn a_withheld_value_that_makes_no_difference() {
    let sandbox = Sandbox::new();
    let record =
        record(&sandbox, "write", &json!({ "team": "red", "text": "secret" }), ann()).to_line();
    assert!(!record.contains("secret"));
    check("explain_withheld", &explain(&sandbox, &record, ""));
}

#[test]
fn a_withheld_value_that_makes_a_difference() {
    let sandbox = Sandbox::with(&[(
        "org/notes.cedar",
        "stars > 3",
        "stars > 3 && context.input.text like \"*!\"",
    )]);
    let arguments = json!({ "team": "red", "text": "secret!", "stars": 4 });
    let refused = record(&sandbox, "write", &arguments, ann()).to_line();
    // A mark is not a number, so the call cannot be decided.
    check("explain_undecidable", &explain(&sandbox, &refused, ""));
    sandbox.write("arguments.json", &arguments.to_string());
    let complete = explain(&sandbox, &refused, "--arguments arguments.json");
    check("explain_completed", &complete);
    sandbox.write("arguments.json", r#"{"team":"red","text":"secret?","stars":4}"#);
    let wrong = explain(&sandbox, &refused, "--arguments arguments.json");
    check("explain_other_arguments", &wrong);

    let open = Sandbox::with(&[
        ("bundle.yaml", "redact: [text, stars]", "redact: [text]"),
        ("org/notes.cedar", "stars > 3", "stars > 3 && context.input.text like \"*!\""),
    ]);
    let refused = record(&open, "write", &arguments, ann()).to_line();
    let run = explain(&open, &refused, "");
    check("explain_may_differ", &run);
}

#[test]
fn a_record_that_somebody_changed() {
    let sandbox = Sandbox::new();
    let record = record(&sandbox, "read", &json!({ "id": "n-1" }), ann()).to_line();
    let changed = record.replace("\"n-1\"", "\"n-2\"");
    check("explain_changed_arguments", &explain(&sandbox, &changed, ""));
    let changed = record.replace("\"permitted\"", "\"not_permitted\"");
    check("explain_contradiction", &explain(&sandbox, &changed, ""));
    for nonsense in ["{}", "{\"id\":\"a\"}", "- a"] {
        sandbox.write("decisions.ndjson", nonsense);
        assert_eq!(sandbox.run("explain bundle --record decisions.ndjson").code, 3, "{nonsense}");
    }
}

#[test]
fn a_given_identity_must_be_the_recorded_one() {
    let sandbox = Sandbox::new();
    let record = record(&sandbox, "read", &json!({ "id": "n-1" }), ann()).to_line();
    check("explain_given_identity", &explain(&sandbox, &record, IDENTITY));
    check("explain_other_identity", &explain(&sandbox, &record, &format!("{IDENTITY} --as bob")));
    sandbox.write("me.yaml", "tokens: { session: { sub: ann, act: { sub: bot } } }\n");
    check("explain_ill_identity", &explain(&sandbox, &record, "--identity me.yaml"));
    sandbox.write(
        "me.yaml",
        "tokens: { session: { sub: ann, team: red, roles: [], act: { sub: bot } } }\n",
    );
    let run = explain(&sandbox, &record, "--identity me.yaml --format json");
    assert_eq!((run.code, &run.json()["recorded"]["same"]), (2, &json!(false)));
}

/// The record lacks the principal's team, and a policy reads it.
#[test]
fn an_attribute_that_is_withheld() {
    let redact = ("bundle.yaml", "type: String }", "type: String, redact: true }");
    let sandbox = Sandbox::with(&[redact]);
    let arguments = json!({ "team": "red", "text": "a" });
    let record = record(&sandbox, "write", &arguments, ann()).to_line();
    assert!(record.contains(r#""attributes":{"team":"[redacted]"}"#), "{record}");
    check("explain_withheld_attribute", &explain(&sandbox, &record, ""));
    let told = explain(&sandbox, &record, &format!("{IDENTITY} --format json"));
    assert_eq!((told.code, &told.json()["recorded"]["same"]), (0, &json!(true)));

    let reads = ("org/notes.cedar", "principal.team == context.input.team", "true");
    let sandbox = Sandbox::with(&[redact, reads]);
    let record = self::record(&sandbox, "write", &arguments, ann()).to_line();
    let run = explain(&sandbox, &record, "--format json");
    assert_eq!((run.code, &run.json()["recorded"]["same"]), (0, &json!(true)));
}

/// The resource can be withheld too, and must then be supplied.
#[test]
fn a_resource_that_is_withheld() {
    let resource =
        "read: { classes: [read], redact: [id], resource: { type: Note, argument: id } }";
    let sandbox = Sandbox::with(&[
        ("bundle.yaml", "read: { classes: [read] }", resource),
        ("schema.cedarschema", "entity Server;", "entity Server;\nentity Note;"),
        ("entities.yaml", "- uid: 'Server", "- uid: 'Note::\"n-1\"'\n- uid: 'Server"),
    ]);
    let record = record(&sandbox, "read", &json!({ "id": "n-1" }), ann()).to_line();
    assert!(!record.contains("n-1"));
    check("explain_withheld_resource", &explain(&sandbox, &record, ""));
    sandbox.write("arguments.json", r#"{"id":"n-1"}"#);
    check("explain_resource", &explain(&sandbox, &record, "--arguments arguments.json"));
}

/// The record may lack attributes that another bundle maps.
#[test]
fn an_identity_that_does_not_suffice() {
    let sandbox = Sandbox::new();
    let record = record(&sandbox, "read", &json!({ "id": "n-1" }), ann()).to_line();
    let level = |optional: &str| {
        let team = "team: { claim: team, type: String }";
        let level = format!("{team}\n      level: {{ claim: level, type: Long{optional} }}");
        let later = Sandbox::with(&[
            ("bundle.yaml", team, &level),
            ("schema.cedarschema", "team: String", "team: String, level?: Long"),
            (
                "org/notes.cedar",
                "@id(\"readers-read\")",
                "@id(\"low\") forbid (principal, action, resource) when { principal has level && principal.level < 3 };\n@id(\"readers-read\")",
            ),
        ]);
        explain(&later, &record, "")
    };
    check("explain_unsaid_attribute", &level(", optional: true"));
    let roles =
        |change| explain(&Sandbox::with(&[("bundle.yaml", "claim: roles", change)]), &record, "");
    assert_eq!(roles("claim: realm.roles").code, 0);
    let other = Sandbox::with(&[("bundle.yaml", "claim: team,", "claim: /sub,")]);
    check("explain_insufficient_identity", &explain(&other, &record, ""));
}

/// The record of a request without a call does not contain the request.
#[test]
fn a_record_without_a_call() {
    let sandbox = Sandbox::new();
    let nobody =
        record(&sandbox, "read", &json!({ "id": "n-1" }), json!({ "sub": "ann", "team": "red" }));
    check("explain_as_recorded", &explain(&sandbox, &nobody.to_line(), ""));
}

#[test]
fn a_record_of_another_bundle() {
    let sandbox = Sandbox::new();
    let arguments = json!({ "team": "red", "text": "a", "stars": 4 });
    let record = record(&sandbox, "write", &arguments, ann()).to_line();
    let later = Sandbox::with(&[
        ("bundle.yaml", "version: 1", "version: 2"),
        ("org/notes.cedar", "stars > 3", "stars > 4"),
    ]);
    later.write("arguments.json", &arguments.to_string());
    check("explain_other_bundle", &explain(&later, &record, "--arguments arguments.json"));
}

/// Arguments without a schema are not shown, but still refused.
#[test]
fn a_record_of_arguments_that_do_not_fit() {
    let sandbox = Sandbox::new();
    let arguments = json!({ "id": "n-1", "odd": "secret" });
    let record = record(&sandbox, "read", &arguments, ann()).to_line();
    assert!(!record.contains("secret"));
    check("explain_unfit", &explain(&sandbox, &record, ""));
}

/// The call would have been permitted alone.
#[test]
fn a_record_of_a_call_that_was_refused_with_its_batch() {
    let sandbox = Sandbox::new();
    let read = call(1, "read", &json!({ "id": "n-1" }));
    let write = call(2, "write", &json!({ "team": "blue", "text": "a" }));
    let records = records(&sandbox, &request(&json!([read, write])), ann());
    check("explain_batch_refused", &explain(&sandbox, &records[0].to_line(), ""));
}

const LIST_CASE: &str = "cases:\n  - name: list\n    as: ann\n    call: { path: /notes/mcp, method: tools/list }\n    expect: { decision: PERMIT, reason: lifecycle, policies: [], list: [write] }\n";

#[test]
fn the_list_of_a_caller() {
    let forbid = "\n@id(\"no-reading\")\n@reason(\"Closed.\")\nforbid (principal, action == Action::\"notes/read\", resource);\n";
    let sandbox = Sandbox::new();
    let policies = sandbox.read("bundle/org/notes.cedar");
    let list = "explain bundle --list notes --identity bundle/tests/notes.yaml --as";
    check("explain_list", &sandbox.run(&format!("{list} ann")));
    sandbox.write("bundle/org/notes.cedar", &format!("{policies}{forbid}"));
    check("explain_list_forbidden", &sandbox.run(&format!("{list} ann")));
    let json = sandbox.run(&format!("{list} ann --format json")).json();
    assert_eq!(json["tools"][0]["reason"], "forbidden");
    sandbox.replace("bundle/tests/notes.yaml", "cases:\n", LIST_CASE);
    let case = sandbox.run("explain bundle --case list --format json");
    assert_eq!((case.code, case.json()), (0, json));
    let misspelt =
        sandbox.run("explain bundle --list note --identity bundle/tests/notes.yaml --as ann");
    assert!(
        misspelt.code == 3 && misspelt.stderr.contains("did you mean `notes`?"),
        "{}",
        misspelt.stderr
    );
}
