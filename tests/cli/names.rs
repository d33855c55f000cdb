//! Tools whose names a bundle cannot have, and classes by patterns of names

use serde_json::{Value, json};

use toolgate::cli::input::directory;
use toolgate::gate::Gate;
use toolgate::record::Record;

use super::diff_log::records;
use super::explain::{ann, call};
use super::sandbox::{Sandbox, check, check_text};

const LIVE: &str = "bundle/tools/live.json";
const NOTES: &str = "bundle/tools/notes.json";
const NAMES: [&str; 4] = ["github/create_issue", "context7:get-docs", "Get Weather", "get_weather"];

/// A server's answer with tools of these names.
fn offer(names: &[&str]) -> String {
    let schema = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
    let tool = |name: &&str| json!({ "name": name, "inputSchema": schema });
    json!({ "tools": names.iter().map(tool).collect::<Vec<_>>() }).to_string()
}

/// The small bundle with the server `live`, whose entries begin with these lines.
fn live(entries: &str) -> Sandbox {
    let server = format!("servers:\n  live:\n    tools_from: tools/live.json\n{entries}");
    let sandbox = Sandbox::with(&[("bundle.yaml", "servers:\n", &server)]);
    sandbox.replace(
        "bundle/bundle.yaml",
        "channels:\n",
        "channels:\n  - { path: /live/mcp, server: live }\n",
    );
    sandbox.write("offer.json", &offer(&NAMES));
    sandbox
}

#[test]
fn an_alias_is_proposed() {
    let sandbox = live("");
    let run = sandbox.run("inventory bundle --server live offer.json");
    check("names_inventory", &run);
    let tools: Value = serde_json::from_str(&sandbox.read(LIVE)).unwrap();
    assert!(NAMES.iter().all(|name| tools["pins"][name].is_string()), "{tools}");
    check("names_check", &sandbox.run("check bundle"));
    let (_, proposed) = run.stdout.split_once("    tools:\n").unwrap();
    let file = "    tools_from: tools/live.json\n";
    sandbox.replace("bundle/bundle.yaml", file, &format!("{file}    tools:\n{proposed}"));
    let checked = sandbox.run("check bundle");
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    let again = sandbox.run("inventory bundle --server live offer.json --format json").json();
    assert_eq!((&again["proposals"], &again["written"]), (&json!([]), &json!(false)));
}

#[test]
fn a_new_bundle_has_aliases() {
    let sandbox = Sandbox::new();
    sandbox.write("offer.json", &offer(&NAMES));
    let run = sandbox.run("init new --from offer.json --server live --format json");
    let aliases = ["github_create_issue", "context7_get-docs", "Get_Weather", "get_weather"];
    assert_eq!((&run.json()["tools"], &run.json()["left_out"]), (&json!(aliases), &json!([])));
    let checked = sandbox.run("check new --deny-warnings");
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert_eq!(sandbox.run("test new").code, 0);
}

#[test]
fn what_a_record_and_an_explanation_name() {
    let sandbox = live("    tools:\n      weather: { name: Get Weather, classes: [read] }\n");
    sandbox.write("offer.json", &offer(&["Get Weather"]));
    assert_eq!(sandbox.run("inventory bundle --server live offer.json").code, 0);
    sandbox.write(
        "bundle/tests/live.yaml",
        "identities:\n  ann: { tokens: { session: { sub: ann, team: red, roles: [reader], act: { sub: bot } } } }\ncases:\n  \
         - name: a reader asks about the weather\n    as: ann\n    \
         call: { path: /live/mcp, tool: weather, arguments: { id: oslo } }\n    \
         expect: { decision: PERMIT, reason: permitted, policies: [readers-read] }\n",
    );
    let tested = sandbox.run("test bundle");
    assert_eq!(tested.code, 0, "{}", tested.stdout);
    check("names_explain", &sandbox.run("explain bundle --case 'a reader asks about the weather'"));
    let json = "explain bundle --case 'a reader asks about the weather' --format json";
    let explained = sandbox.run(json).json();
    let called = &explained["calls"][0];
    assert_eq!(
        (&called["tool"], &called["tool_name"]),
        (&json!("live/weather"), &json!("Get Weather"))
    );
    // Nobody can call the name in the bundle.
    sandbox.write(
        "request.yaml",
        &format!(
            "request: {{ path: /live/mcp, headers: {{ content-type: application/json }}, json: {} }}",
            call(1, "weather", &json!({ "id": "oslo" }))
        ),
    );
    let line = "explain bundle --request request.yaml --identity bundle/tests/live.yaml";
    let unknown = sandbox.run(line);
    assert_eq!(unknown.code, 2);
    let note = "only the bundle names a tool `live/weather`: calls name it `Get Weather`";
    assert!(unknown.stdout.contains(note), "{}", unknown.stdout);
}

/// The small bundle with a second server, one of whose tools has an alias.
fn weather() -> Sandbox {
    let sandbox = live("    tools:\n      weather: { name: Get Weather }\n");
    sandbox.write("offer.json", &offer(&["Get Weather", "get_forecast"]));
    assert_eq!(sandbox.run("inventory bundle --server live offer.json").code, 0);
    sandbox
}

#[test]
fn an_action_that_lacks_what_comes_before_its_name() {
    let sandbox = weather();
    let cases = [
        ("write", "did you mean `Action::\"class:write\"` or `Action::\"notes/write\"`?"),
        ("get_forecast", "did you mean `Action::\"live/get_forecast\"`?"),
        ("get_forcast", "did you mean `Action::\"live/get_forecast\"`?"),
        ("live/get_forcast", "did you mean `Action::\"live/get_forecast\"`?"),
        ("Get Weather", "did you mean `Action::\"live/weather\"`?"),
        ("live/Get Weather", "did you mean `Action::\"live/weather\"`?"),
        ("live/Get_Weather", "did you mean `Action::\"live/weather\"`?"),
        ("weather", "did you mean `Action::\"live/weather\"`?"),
        ("live", "did you mean `Action::\"server:live\"`?"),
        ("server:lives", "did you mean `Action::\"server:live\"`?"),
        (
            "refund",
            "actions are `\"<server>/<tool>\"`, `\"<server>/<method>\"`, `\"server:<server>\"`, \
             `\"class:<class>\"`, `\"method:<method>\"` and `\"reveal:<label>\"`",
        ),
    ];
    for (action, help) in cases {
        let policy = format!("forbid (principal, action == Action::\"{action}\", resource);");
        sandbox.write("bundle/org/more.cedar", &format!("@id(\"more\")\n{policy}\n"));
        let findings = sandbox.run("check bundle --format json").json()["findings"].take();
        let mut unknown = findings.as_array().unwrap().iter();
        let found = unknown.find(|finding| finding["code"] == "unknown-action").unwrap();
        assert_eq!(found["help"], help, "{action}");
    }
}

#[test]
fn a_case_that_names_what_is_not_there() {
    let sandbox = weather();
    let people = "identities:\n  ann: { tokens: { session: { sub: ann, team: red, roles: [], act: { sub: bot } } } }\n";
    let cases = [
        ("/notes/mcp, tool: raed", "there is no tool `notes/raed`: did you mean `notes/read`?"),
        (
            "/notes/mcp, tool: get_forecast",
            "there is no tool `notes/get_forecast`: the server `live` has it, at `/live/mcp`",
        ),
        (
            "/live/mcp, tool: Get_Weather",
            "there is no tool `live/Get_Weather`: did you mean `live/weather`, on the wire \
             `Get Weather`?",
        ),
        ("/note/mcp, tool: read", "there is no channel at `/note/mcp`: did you mean `/notes/mcp`?"),
        ("/mcp, tool: read", "there is no channel at `/mcp`: there are `/live/mcp`, `/notes/mcp`"),
    ];
    let expect = |outcome: &str| format!("expect: {{ {outcome}, policies: [] }}");
    for (call, help) in cases {
        let case = |outcome: &str| {
            let call = format!("call: {{ path: {call}, arguments: {{ id: n-1 }} }}");
            let outcome = expect(outcome);
            let case = format!("cases:\n  - name: a\n    as: ann\n    {call}\n    {outcome}\n");
            sandbox.write("bundle/tests/more.yaml", &format!("{people}{case}"));
            sandbox.run("test bundle --filter a --format json").json()["cases"].take()
        };
        let of = |cases: &Value| {
            let mut cases = cases.as_array().unwrap().iter();
            cases.find(|case| case["name"] == "a").unwrap()["help"].clone()
        };
        assert_eq!(of(&case("decision: SILENCE, reason: not_permitted")), help);
        let human = sandbox.run("test bundle").stdout;
        assert!(human.contains(&format!("    help      {help}\n")), "{human}");
        // What a case expects needs no help.
        let (channel, tool) = ("DENY, reason: unknown_channel", "SILENCE, reason: unknown_tool");
        let expected = if help.contains("channel") { channel } else { tool };
        assert_eq!(of(&case(&format!("decision: {expected}"))), Value::Null);
    }
}

#[test]
fn a_case_for_another_host() {
    let channel = "path: /notes/mcp, server: notes";
    let sandbox =
        Sandbox::with(&[("bundle.yaml", channel, &format!("{channel}, authority: notes.example"))]);
    let failed = sandbox.run("test bundle").stdout;
    let help = "no channel at `/notes/mcp` is for the authority `tools.example`: there are \
                `notes.example`";
    assert!(failed.contains(help), "{failed}");
}

/// What was called is the name on the wire, whatever another bundle names it.
#[test]
fn recorded_calls_are_decided_again() {
    let sandbox = Sandbox::with(&[
        ("tools/notes.json", "\"read\"", "\"read it\""),
        ("bundle.yaml", "read: {", "read: { name: read it,"),
    ]);
    sandbox.copy("bundle", "next");
    sandbox.replace("next/bundle.yaml", "read: { name", "look: { name");
    let opened = directory::open(&sandbox.path("bundle")).unwrap();
    let gate = Gate::new(opened.loaded.bundle, String::new());
    let calls = ["read it", "read", "look"].map(|tool| call(1, tool, &json!({ "id": "n-1" })));
    let records = (0..).zip(&calls).flat_map(|(number, body)| records(&gate, body, ann(), number));
    let records: Vec<_> = records.collect();
    let reasons: Vec<&str> = records.iter().map(|record| record.reason.as_str()).collect();
    assert_eq!(reasons, ["permitted", "unknown_tool", "unknown_tool"]);
    let lines: Vec<String> = records.iter().map(Record::to_line).collect();
    sandbox.write("decisions.ndjson", &lines.join("\n"));
    let log =
        sandbox.run("diff bundle next --log decisions.ndjson --format json").json()["log"].take();
    assert_eq!((&log["compared"], &log["groups"]), (&json!(3), &json!([])), "{log}");
    for record in &records {
        let line = "explain bundle --record decisions.ndjson --format json --id";
        let explained = sandbox.run(&format!("{line} {}", record.id)).json();
        assert_eq!(explained["recorded"]["differing"], json!([]), "{explained}");
    }
}

#[test]
fn a_class_by_name_is_reviewed() {
    let sandbox = Sandbox::with(&[(
        "bundle.yaml",
        "    tools:\n      read: { classes: [read] }\n",
        "    classes:\n      read: [\"re*\"]\n    tools:\n",
    )]);
    let itself = format!("inventory bundle --server notes {NOTES}");
    let mut transcript = String::new();
    let mut run = |line: &str| transcript.push_str(&sandbox.run(line).transcript());
    // Without pins, a file could get another tool unnoticed.
    run("check bundle");
    run(&itself);
    run(&itself);
    run("check bundle");
    sandbox.replace(
        "bundle/bundle.yaml",
        "read: [\"re*\"]",
        "read: [\"w*\"]\n      odd: [\"*e*\"]",
    );
    run("check bundle");
    run(&itself);
    let tools: Value = serde_json::from_str(&sandbox.read(NOTES)).unwrap();
    assert_eq!(tools["classes"], json!({ "read": ["write"], "odd": ["read", "write"] }));
    // A tool that the server adds is in the class once it is listed there.
    sandbox.write("offer.json", &offer(&["read", "write", "wipe"]));
    run("inventory bundle --server notes offer.json --compare");
    assert_eq!(tools, serde_json::from_str::<Value>(&sandbox.read(NOTES)).unwrap());
    let json = sandbox.run("inventory bundle --server notes offer.json --format json").json();
    let moves = json!({ "entered": { "odd": ["wipe"], "read": ["wipe"] }, "left": {} });
    assert_eq!(json["classes"], moves);
    sandbox.replace(NOTES, "\"wipe\",\n      \"write\"", "\"wide\",\n      \"write\"");
    run("check bundle");
    check_text("names_classes", &transcript);
}

#[test]
fn the_difference_that_patterns_make() {
    let sandbox = Sandbox::new();
    let itself =
        |bundle: &str| format!("inventory {bundle} --server notes {bundle}/tools/notes.json");
    assert_eq!(sandbox.run(&itself("bundle")).code, 0);
    sandbox.copy("bundle", "next");
    let patterns = "    classes:\n      read: [\"r*\"]\n      public: [\"w*\"]\n    tools:\n";
    sandbox.replace("next/bundle.yaml", "    tools:\n", patterns);
    sandbox.replace("next/bundle.yaml", "read: { classes: [read] }", "read: {}");
    assert_eq!(sandbox.run(&itself("next")).code, 0);
    let run = sandbox.run("diff bundle next");
    check("names_diff", &run);
}
