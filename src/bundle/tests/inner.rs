//! Tools that run other tools.

use super::*;

/// A server `hub` whose only tool runs others, with this entry.
fn wraps(mark: Value) -> impl FnOnce(&mut Value) {
    move |document| {
        let digest = document["tools"]["pay"][0]["digest"].clone();
        let input = json!({ "type": "object", "properties": {
            "name": { "type": "string" }, "arguments": { "type": "object", "properties": { "x": { "type": "string" } } }, "id": { "type": "integer" },
        } });
        document["tools"]["hub"] =
            json!([{ "name": "call_tool", "digest": digest, "inputSchema": input }]);
        let tools = json!({ "call_tool": { "wraps": mark } });
        document["manifest"]["servers"]["hub"] =
            json!({ "tools_from": "tools/hub.json", "tools": tools });
    }
}

#[test]
fn inner_tools_are_found() {
    let at = "bundle.yaml: servers.hub.tools.call_tool.wraps";
    let mark = |server: &str| json!({ "tool": "name", "arguments": "arguments", "server": server });
    check(wraps(mark("pay")), &[]);
    check(wraps(mark("pays")), &[&format!("{at}.server: server `pays` is not in `servers`")]);
    for own in [mark("hub"), json!({ "tool": "name", "arguments": "arguments" })] {
        check(wraps(own), &[&format!("{at}: every call is refused: server `hub` has no tool")]);
    }
    check(
        wraps(json!({ "tool": "names", "arguments": "arguments", "server": "pay" })),
        &[&format!("{at}.tool: tool `hub/call_tool`: argument `names`: bundle.yaml lists it")],
    );
    check(
        wraps(json!({ "tool": "name", "arguments": "id", "server": "pay" })),
        &[&format!("{at}.arguments: tool `hub/call_tool`: argument `id`: the inventory finds")],
    );
    check(wraps(json!({ "tool": "name" })), &["missing field `arguments`"]);
}

#[test]
fn calls_come_over_the_channels_of_tools_that_run_them() {
    let mut document = fixture::document_json();
    wraps(json!({ "tool": "name", "arguments": "arguments", "server": "pay" }))(&mut document);
    let channel = json!({ "path": "/hub/mcp", "server": "hub" });
    document["manifest"]["channels"].as_array_mut().unwrap().insert(0, channel);
    let bundle = load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let paths = |server| bundle.channels_to(server).map(|it| it.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths("pay"), ["/pay/mcp", "/hub/mcp"]);
    assert_eq!(paths("hub"), ["/hub/mcp"]);
}

#[test]
fn policies_about_the_outer_call_do_not_see_what_it_carries() {
    let mut document = fixture::document_json();
    wraps(json!({ "tool": "name", "arguments": "arguments", "server": "pay" }))(&mut document);
    let read = "@id(\"reads\") permit (principal, action == Action::\"hub/call_tool\", resource) \
        when { context.input.arguments.x == \"a\" };";
    document["layers"]["org"][0]["source"] = json!(read);
    let found = load(&serde_json::from_value(document).unwrap()).unwrap_err();
    assert!(found.iter().any(|it| it.message.contains("arguments")), "{found:?}");
}
