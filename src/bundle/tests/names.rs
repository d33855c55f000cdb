//! Names of tools in a bundle and on the wire, and classes by patterns of names.

use super::*;

/// The fixture with further tools, entries and patterns of the server `pay`.
fn with(tools: &Value, entries: &Value, classes: &Value) -> impl FnOnce(&mut Value) {
    let (tools, entries, classes) = (tools.clone(), entries.clone(), classes.clone());
    move |document| {
        let digest = document["tools"]["pay"][0]["digest"].clone();
        for tool in tools.as_array().unwrap() {
            let mut tool = tool.clone();
            tool["digest"] = digest.clone();
            tool["inputSchema"] = json!({ "type": "object" });
            document["tools"]["pay"].as_array_mut().unwrap().push(tool);
        }
        let server = &mut document["manifest"]["servers"]["pay"];
        server["tools"].as_object_mut().unwrap().extend(entries.as_object().unwrap().clone());
        server["classes"] = classes.clone();
    }
}

fn named(wire_name: &str) -> Value {
    json!([{ "name": wire_name }])
}

#[test]
fn a_tool_has_one_name_of_its_own() {
    let check = |tools: Value, entries: Value, expected: &[&str]| {
        check(with(&tools, &entries, &json!({})), expected);
    };
    check(named("Get Weather"), json!({ "weather": { "name": "Get Weather" } }), &[]);
    // Both names may be plain, and the same.
    check(named("gh_7"), json!({ "close": { "name": "gh_7" } }), &[]);
    check(named("gh_7"), json!({ "gh_7": { "name": "gh_7" } }), &[]);
    let rule = "in a bundle a tool name is 1 to 128 letters, digits, `_`, `-` and `.`";
    let way_out = |alias: &str, wire_name: &str| {
        format!("{rule} (give it an alias in bundle.yaml: {alias}: {{ name: {wire_name} }})")
    };
    check(
        named("Get Weather"),
        json!({}),
        &[&format!("tool `pay/Get Weather`: {}", way_out("Get_Weather", "\"Get Weather\""))],
    );
    // An entry does not make a name fit, and a proposed alias is one that no tool has.
    check(
        json!([{ "name": "a/\"b\"" }, { "name": "a_b" }]),
        json!({ "a/\"b\"": {} }),
        &[&way_out("a_b_2", "\"a/\\\"b\\\"\"")],
    );
    check(
        named("x/y"),
        json!({ "x y": { "name": "x/y" } }),
        &[&format!("tool `pay/x y`: {}", way_out("x_y", "\"x/y\""))],
    );
    check(
        named("x/y"),
        json!({ "a": { "name": "x/y" }, "b": { "name": "x/y" } }),
        &["servers.pay.tools.b: `a` is an entry about the same tool, `x/y`"],
    );
    check(
        named("x"),
        json!({ "a": { "name": "x" }, "x": {} }),
        &["servers.pay.tools.x: `a` is an entry about the same tool, `x`"],
    );
    check(
        named("x/y"),
        json!({ "get": { "name": "x/y" } }),
        &[
            "servers.pay.tools.get: the server has another tool of the name `get` (give `x/y` an alias",
        ],
    );
    check(
        named("x/y"),
        json!({ "get": { "name": "x/y" }, "b": { "name": "get" } }),
        &["servers.pay.tools.get: the server has another tool of the name `get`"],
    );
    check(named("get"), json!({}), &["tool `pay/get`: another tool of this server has the same"]);
    check(
        json!([]),
        json!({ "a": { "name": "x/y" } }),
        &["servers.pay.tools.a.name: server `pay` has no tool `x/y`"],
    );
    check(named("x\n"), json!({}), &["a tool name is 1 to 128 characters that all show"]);
}

#[test]
fn a_tool_is_found_by_each_of_its_names() {
    let mut document = fixture::document_json();
    let entries = json!({ "weather": { "name": "Get Weather", "classes": ["read"] } });
    with(&named("Get Weather"), &entries, &json!({}))(&mut document);
    let bundle = load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let tool = bundle.tool("pay", "Get Weather").unwrap();
    assert_eq!((tool.name(), tool.wire_name()), ("weather", "Get Weather"));
    assert_eq!((tool.qualified_name(), tool.namespace()), ("pay/weather", "pay::weather"));
    assert!(bundle.tool("pay", "weather").is_none() && bundle.named("pay", "weather").is_some());
    assert!(bundle.named("pay", "Get Weather").is_none());
    assert_eq!(bundle.tool("pay", "get").unwrap().name(), "get");
}

#[test]
fn patterns_and_listed_classes_agree() {
    let listed = |wire_name: &str, classes: Value| {
        let mut tools = named(wire_name);
        tools[0]["classes"] = classes;
        tools
    };
    let check = |tools: &Value, entries: Value, classes: Value, expected: &[&str]| {
        check(with(tools, &entries, &classes), expected);
    };
    let reads = json!({ "read": ["list_*", "show"] });
    check(&listed("list_a", json!(["read"])), json!({}), reads.clone(), &[]);
    check(
        &named("list_a"),
        json!({}),
        reads.clone(),
        &[
            "tool `pay/list_a`: a pattern puts it into the class `read`, and the tools file does not",
        ],
    );
    check(
        &listed("drop_a", json!(["read"])),
        json!({}),
        reads.clone(),
        &["tool `pay/drop_a`: the tools file lists it in the class `read`, and no pattern puts it"],
    );
    check(&listed("list_a", json!(["read"])), json!({}), json!({}), &["no pattern puts it there"]);
    // Patterns match the name in the bundle.
    let alias = json!({ "show": { "name": "list_a" } });
    check(&listed("list_a", json!(["read"])), alias, reads.clone(), &[]);
    let alias = json!({ "a": { "name": "list_a" } });
    check(&listed("list_a", json!(["read"])), alias, reads.clone(), &["no pattern puts it there"]);
    let all = json!({ "read": ["*"] });
    check(&named("list/a"), json!({}), all, &["pay/list/a`: in a bundle", "pay/get", "pay/refund"]);
    check(&json!([]), json!({}), json!({ "a b": ["x"] }), &["`a b` is not a class name"]);
    check(
        &json!([]),
        json!({}),
        json!({ "a": ["x y"] }),
        &["`x y` is not a pattern of tool names"],
    );
}

#[test]
fn a_class_by_name_is_a_class() {
    let mut document = fixture::document_json();
    let tools = json!([{ "name": "list/a", "classes": ["read", "write"] }]);
    let entries = json!({ "list_a": { "name": "list/a", "classes": ["write", "own"] } });
    with(&tools, &entries, &json!({ "read": ["list_*"], "write": ["*_a"] }))(&mut document);
    document["manifest"]["coverage"] = json!({ "read": 50 });
    document["layers"]["org"][0]["source"] =
        json!(r#"@id("reads") permit (principal, action in Action::"class:read", resource);"#);
    let mut document: Document = serde_json::from_value(document).unwrap();
    let loaded = load(&document).unwrap();
    let classes = loaded.bundle.tool("pay", "list/a").unwrap().noted().classes.clone();
    assert_eq!(*classes, ["write", "own", "read"].map(str::to_owned));
    // A filter compares the list with the patterns, too, and the digest covers both.
    document.resolved = Some(loaded.resolved);
    let digest = document.digest();
    assert!(open(document.clone(), digest.clone()).is_ok());
    let text = serde_json::to_string(&document).unwrap();
    for (written, other) in [
        (r#""classes":["read","write"]}]"#, r#""classes":["write"]}]"#),
        (r#""read":["list_*"]"#, r#""read":["show_*"]"#),
    ] {
        assert!(text.contains(written), "{text}");
        let changed: Document = serde_json::from_str(&text.replace(written, other)).unwrap();
        assert_ne!(changed.digest(), digest);
        let findings = open(changed, digest.clone()).unwrap_err();
        assert!(findings.iter().any(|finding| finding.code == Code::ToolClasses), "{findings:?}");
    }
}
