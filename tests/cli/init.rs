//! `toolgate init`, and `toolgate inventory` with a running server

use serde_json::{Value, json};

use super::sandbox::{Sandbox, check_text};
use super::tool_server::{Manner, ToolServer};

const LEGACY: &[&str] = &["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const MODERN: &[&str] = &["2026-07-28"];

fn pages(able: bool) -> Vec<Value> {
    let text = json!({ "type": "string" });
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let read = json!({ "name": "read", "annotations": { "readOnlyHint": true },
        "inputSchema": { "type": "object", "properties": { "id": text }, "required": ["id"] } });
    let drop = json!({ "name": "drop", "annotations": { "destructiveHint": true },
        "inputSchema": object(json!({ "id": text, "password": text, "extra": {} })) });
    let ask = json!({ "name": "ask", "inputSchema": object(json!({ "question": text })) });
    let mut pages = vec![json!([read]), json!([drop])];
    pages.extend(able.then(|| json!([ask])));
    pages
}

fn manner(revisions: &'static [&'static str], streams: bool) -> Manner {
    Manner {
        revisions,
        streams,
        authorization: None,
        pages,
        capabilities: || json!({ "tools": {} }),
    }
}

/// The bundle checks without a finding, and its tests pass.
fn sound(sandbox: &Sandbox, bundle: &str) {
    let checked = sandbox.run(&format!("check {bundle} --deny-warnings --format json"));
    assert_eq!(checked.json()["findings"], json!([]));
    let tested = sandbox.run(&format!("test {bundle}"));
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
}

#[test]
fn a_bundle_of_a_running_server() {
    for (revisions, streams) in [(LEGACY, false), (LEGACY, true), (MODERN, false), (MODERN, true)] {
        let sandbox = Sandbox::new();
        let server = ToolServer::start(manner(revisions, streams));
        let run = sandbox.run(&format!("init made/by/init --url {} --format json", server.url));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let told = run.json();
        assert_eq!(told["tools"], json!(["read", "drop", "ask"]));
        assert_eq!(told["left_out"], json!([]));
        sound(&sandbox, "made/by/init");
        let name = if revisions == LEGACY { "ward-s-notes" } else { "tools" };
        assert_eq!(told["server"], name);
        let compare =
            format!("inventory made/by/init --server {name} --compare --url {}", server.url);
        let same = sandbox.run(&compare);
        assert_eq!(same.stdout, format!("{name}: nothing has changed\n"), "{}", same.stderr);
    }
}

/// What the server can do besides becomes methods that policies decide.
#[test]
fn the_methods_of_a_running_server() {
    for (revisions, others) in [
        (LEGACY, &["resources/subscribe", "tasks/result"][..]),
        (MODERN, &["subscriptions/listen"]),
    ] {
        let capabilities = || {
            json!({ "tools": {}, "resources": { "subscribe": true }, "prompts": {}, "completions": {},
                "logging": {}, "tasks": { "cancel": {} } })
        };
        let sandbox = Sandbox::new();
        let server = ToolServer::start(Manner { capabilities, ..manner(revisions, false) });
        let made = sandbox.run(&format!("init new --url {} --server notes", server.url));
        assert_eq!(made.code, 0, "{}", made.stderr);
        sound(&sandbox, "new");
        let (manifest, policies) =
            (sandbox.read("new/bundle.yaml"), sandbox.read("new/org/methods.cedar"));
        for method in ["resources/read", "prompts/get", "completion/complete"].iter().chain(others)
        {
            assert!(manifest.contains(&format!("      {method}: {{}}\n")), "{manifest}");
            assert!(policies.contains(&format!("Action::\"notes/{method}\"")), "{policies}");
        }
        assert!(!manifest.contains("logging/setLevel"), "{manifest}");
        let cases = sandbox.read("new/tests/tools.yaml");
        assert!(cases.contains("method: "), "{cases}");
        if revisions == MODERN {
            check_text("init_methods", &format!("{policies}\n{cases}"));
        }
    }
}

#[test]
fn the_files_of_the_bundle() {
    let sandbox = Sandbox::new();
    sandbox.write("answer.json", &json!({ "tools": pages(true).iter().flat_map(|page| page.as_array().unwrap().clone()).collect::<Vec<_>>() }).to_string());
    let run = sandbox.run("init new --from answer.json --server notes --path /notes/mcp");
    assert_eq!(run.code, 0);
    let files = ["bundle.yaml", "org/tools.cedar", "tests/tools.yaml"];
    let texts = files.map(|file| format!("==== {file}\n{}", sandbox.read(&format!("new/{file}"))));
    check_text("init_files", &format!("{}{}\n{}", run.stderr, run.stdout, texts.join("\n")));
    sound(&sandbox, "new");
}

/// The examples in comments are policies that load.
#[test]
fn an_argument_with_a_list_of_values_is_explained() {
    let style = json!({ "type": "string", "enum": ["plain", "rich", "it's \n"] });
    for required in [json!(["style"]), json!([])] {
        let sandbox = Sandbox::new();
        let schema =
            json!({ "type": "object", "properties": { "style": style }, "required": required });
        let tools = json!({ "tools": [{ "name": "show", "inputSchema": schema }] });
        sandbox.write("answer.json", &tools.to_string());
        let run = sandbox.run("init new --from answer.json --server notes");
        assert_eq!(run.code, 0, "{}", run.stderr);
        let text = sandbox.read("new/org/tools.cedar");
        assert!(text.contains("(`plain`, `rich`)"), "{text}");
        let example = text.lines().filter_map(|line| line.strip_prefix("//   "));
        let example: Vec<&str> = example.skip_while(|line| !line.starts_with("@id")).collect();
        sandbox.write("new/org/example.cedar", &example.join("\n"));
        let checked = sandbox.run("check new --deny-warnings");
        assert_eq!(checked.code, 0, "{}{}", example.join("\n"), checked.stdout);
    }
}

#[test]
fn the_handshake_of_each_revision() {
    let server = ToolServer::start(manner(LEGACY, false));
    let sandbox = Sandbox::new();
    let made = sandbox.run(&format!("init new --url {}", server.url));
    assert_eq!(made.code, 0);
    // The server gets its own host and path; a query is the caller's.
    let (upstream, _) = server.url.split_once('?').unwrap();
    assert!(made.stdout.contains(&format!("--upstream {upstream} ")), "{}", made.stdout);
    let methods = server.methods();
    assert_eq!(
        methods[..4],
        ["tools/list", "initialize", "notifications/initialized", "tools/list"]
    );
    let log = server.log.lock().unwrap();
    let initialized = log.iter().filter(|(_, message)| message["method"] == "initialize");
    let versions: Vec<_> =
        initialized.map(|(_, it)| it["params"]["protocolVersion"].clone()).collect();
    assert_eq!(versions.len(), 8);
    assert_eq!(versions[0], "2025-11-25");
    let (first, _) = &log[0];
    assert!(
        first.contains("mcp-method: tools/list")
            && first.contains("mcp-protocol-version: 2026-07-28")
    );
    let last = log.iter().rev().find(|(_, message)| message["method"] == "tools/list").unwrap();
    assert!(last.0.contains("mcp-session-id: unable\r\n"), "{}", last.0);
}

#[test]
fn nothing_is_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.write("answer.json", &json!({ "tools": pages(false)[0] }).to_string());
    let before = sandbox.read("bundle/bundle.yaml");
    let run = sandbox.run("init bundle --from answer.json");
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.contains("`bundle` exists already")
            || run.stdout.contains("`bundle` exists already")
    );
    assert_eq!(sandbox.read("bundle/bundle.yaml"), before);
    sandbox.write("file", "");
    assert_eq!(sandbox.run("init file --from answer.json").code, 3);
    assert_eq!(sandbox.run("init new --from answer.json").code, 0);
    assert_eq!(sandbox.run("init new --from answer.json").code, 3);
}

#[test]
fn every_tool_that_is_left_out_has_a_reason() {
    let sandbox = Sandbox::new();
    let tools = json!({ "tools": [
        { "name": "a\u{200b}b", "inputSchema": { "type": "object" } },
        { "name": "text", "inputSchema": { "type": "string" } },
        { "name": "get-x", "inputSchema": { "type": "object" } },
        { "name": "get_x", "inputSchema": { "type": "object" } },
    ] });
    sandbox.write("answer.json", &tools.to_string());
    let strict = sandbox.run("init new --from answer.json");
    assert_eq!(strict.code, 3);
    assert!(!sandbox.path("new").exists());
    let run = sandbox.run("init new --from answer.json --skip-unreadable --format json");
    let told = run.json();
    // Cedar could not tell the two from each other.
    assert_eq!(told["tools"], json!(["get-x", "get_x_2"]));
    assert_eq!(told["left_out"].as_array().unwrap().len(), 2, "{}", told["left_out"]);
    for name in ["a\\u{200b}b", "tools/text"] {
        assert!(run.stderr.contains(&format!("left out: tool `{name}`: ")), "{}", run.stderr);
    }
    sound(&sandbox, "new");
    let only = json!({ "tools": [{ "name": "a ", "inputSchema": { "type": "object" } }] });
    sandbox.write("answer.json", &only.to_string());
    let none = sandbox.run("init none --from answer.json --skip-unreadable");
    assert_eq!(none.code, 3);
    assert!(
        none.stderr.contains("there is no tool to make a bundle of: tool `a `: "),
        "{}",
        none.stderr
    );
}

#[test]
fn what_the_server_asks_for() {
    let sandbox = Sandbox::new();
    let manner = Manner { authorization: Some("Bearer abc"), ..manner(LEGACY, false) };
    let server = ToolServer::start(manner);
    let refused = sandbox.run(&format!("init new --url {}", server.url));
    assert_eq!(refused.code, 3);
    assert!(format!("{}{}", refused.stdout, refused.stderr).contains("the server answers 401"));
    sandbox.write("token", "Authorization: Bearer abc\n");
    let run = sandbox.run(&format!("init new --url {} --header @token", server.url));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = sandbox.run(&format!("init other --url {} --header 'bad header'", server.url));
    assert_eq!(run.code, 3);
}

#[test]
fn no_server_of_tools() {
    let sandbox = Sandbox::new();
    let silent =
        ToolServer::start(Manner { pages: |_| vec![json!("no tools")], ..manner(MODERN, false) });
    for (url, why) in [
        (silent.url.as_str(), "the server lists no tools in any revision of MCP"),
        (&silent.url.replace("/mcp", "/other"), "Many servers"),
        ("http://127.0.0.1:1/mcp", "http://127.0.0.1:1/mcp: "),
        ("ftp://127.0.0.1/mcp", "is no URL of a server"),
    ] {
        let run = sandbox.run(&format!("init new --url {url}"));
        let text = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, 3, "{text}");
        assert!(text.contains(why), "{text}");
        assert!(!url.contains("/mcp") || !text.contains("Many servers"), "{text}");
        assert!(!text.contains("\u{1b}[2J"));
        assert!(!sandbox.path("new").exists());
    }
}
