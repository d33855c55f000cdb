//! Lists and schemas: all errors are reported at once, and unenforced assertions are noted.

use serde_json::{Value, json};

use super::super::{
    Marks, ParamHeader, Pin, Surroundings, Tool, ToolDescription, collisions, read_tools,
};
use crate::digest::Digest;

use super::{cedar_schema, lines, marks, one, problems, tool, try_tool};

fn pin_of(tool: &Value) -> Digest {
    Pin::of(tool).digest().clone()
}

#[track_caller]
fn check_problems(schema: Value, marks: Marks, expected: &[&str]) {
    assert_eq!(problems(schema, marks), expected.join("\n"));
}

#[track_caller]
fn check_list(list: &Value, expected: &[&str]) {
    let errors = read_tools(list).err().unwrap_or_default();
    assert_eq!(lines(&errors), expected.join("\n"));
}

#[track_caller]
fn check_notes(schema: Value, expected: &[&str]) {
    assert_eq!(lines(tool(schema, Marks::default()).notes()), expected.join("\n"));
}

#[test]
fn lists_come_in_three_wrappings() {
    let tools = json!([{ "name": "a.b-c_1", "title": "A", "inputSchema": { "type": "object" }, "annotations": {} }]);
    let wrappings = [
        tools.clone(),
        json!({ "tools": tools, "nextCursor": null }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }),
    ];
    let digest = pin_of(&tools[0]);
    for list in wrappings {
        let read = read_tools(&list).expect("a list");
        let entries = json!(read);
        let members = json!({
            "annotations": Digest::of(&json!({})), "title": Digest::of(&"A"),
            "inputSchema": Digest::of(&json!({ "type": "object" })),
        });
        let reduced = json!({
            "name": "a.b-c_1", "inputSchema": { "type": "object" }, "digest": digest,
            "members": members,
        });
        assert_eq!(entries, json!([reduced]));
        assert_eq!(
            serde_json::from_value::<Vec<ToolDescription>>(entries).expect("the same"),
            read
        );
    }
}

#[test]
fn whatever_a_server_says_about_a_tool_is_pinned() {
    let tool = json!({ "name": "a", "description": "A.", "inputSchema": { "type": "object" } });
    let others = [
        json!({ "name": "a", "description": "A!", "inputSchema": { "type": "object" } }),
        json!({ "name": "a", "inputSchema": { "type": "object" } }),
        json!({ "name": "a", "description": "A.", "inputSchema": { "type": "object" }, "_meta": {} }),
        json!({ "name": "a", "description": "A.", "inputSchema": { "type": "object", "title": "" } }),
    ];
    for other in &others {
        assert_ne!(pin_of(other), pin_of(&tool), "{other}");
        let pinned = |pins: &Value| json!({ "tools": [other], "pins": pins });
        assert!(read_tools(&pinned(&json!({ "a": pin_of(other) }))).is_ok(), "{other}");
        check_list(
            &pinned(&json!({ "a": pin_of(&tool) })),
            &[
                "tool `a`: its digest is not the one in `pins`, so it was changed after it was pinned",
            ],
        );
    }
    check_list(
        &json!({ "tools": [tool], "pins": { "b": pin_of(&tool) } }),
        &[
            "tool `a`: it has no digest in `pins`, so it was added after the others were pinned",
            "tool `b`: `pins` has its digest, but the tool is not in the list",
        ],
    );
    for pins in [json!([]), json!({ "a": "sha256:12" }), json!({ "a": 1 }), Value::Null] {
        let list = json!({ "tools": [tool], "pins": pins });
        check_list(&list, &["`pins` is not an object of digests by tool name"]);
    }
}

#[test]
fn tools_have_the_classes_that_list_them() {
    let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
    let list = |classes: Value| json!({ "tools": [tool("a"), tool("b/c")], "classes": classes });
    let tools = read_tools(&list(json!({ "read": ["a", "b/c"], "write": ["b/c"], "none": [] })));
    let tools = tools.expect("a list");
    let classes: Vec<_> = tools.iter().map(|tool| json!(tool.classes())).collect();
    assert_eq!(classes, [json!(["read"]), json!(["read", "write"])]);
    check_list(
        &list(json!({ "read": ["a", "b_c"] })),
        &["tool `b_c`: `classes` has its name, but the tool is not in the list"],
    );
    for classes in [json!(["a"]), json!({ "read": "a" }), json!({ "read": [1] }), Value::Null] {
        check_list(&list(classes), &["`classes` is not an object of lists of tool names by class"]);
    }
}

#[test]
fn an_entry_of_a_document_is_read_strictly() {
    let digest = pin_of(&Value::Null);
    let entry = json!({ "name": "a", "inputSchema": {}, "digest": digest });
    let with = |member: &str, value: Value| {
        let mut entry = entry.clone();
        entry[member] = value;
        serde_json::from_value::<ToolDescription>(entry).map_err(|error| error.to_string())
    };
    assert!(with("name", json!("b c/d")).is_ok());
    let with_classes = with("classes", json!(["b", "a", "b"])).expect("classes");
    assert_eq!(json!(with_classes)["classes"], json!(["a", "b"]));
    for (member, value) in [
        ("name", json!("a\n")),
        ("name", json!("")),
        ("name", json!("a".repeat(129))),
        ("classes", json!("read")),
        ("inputSchema", json!([])),
        ("digest", json!("sha256:AB")),
        ("digest", json!(digest.as_str().to_uppercase())),
        ("description", json!("a tool")),
    ] {
        assert!(with(member, value.clone()).is_err(), "{member} {value}");
    }
}

#[test]
fn lists_report_every_bad_tool() {
    check_list(
        &json!({ "tools": {} }),
        &["this is neither a tools/list answer nor an array of tools"],
    );
    check_list(
        &json!({ "tools": [], "nextCursor": "2" }),
        &["the list has a `nextCursor`: put the tools of all pages into one array"],
    );
    for beside in ["tools", "pins", "classes"] {
        check_list(
            &json!({ "result": { "tools": [] }, beside: [] }),
            &["`tools`, `pins` and `classes` stand in `result` or beside it, not in both places"],
        );
    }
    let long = "a".repeat(129);
    let name = "a tool name is 1 to 128 characters that all show, without spaces around it";
    let list = json!([{}, { "name": "a\u{202e}b" }, { "name": long }, { "name": "a" }, { "name": "a", "inputSchema": {} }, { "name": "a", "inputSchema": {} }]);
    check_list(
        &list,
        &[
            "tool `#0`: the tool has no name",
            &format!("tool `a\\u{{202e}}b`: {name}"),
            &format!("tool `{long}`: {name}"),
            "tool `a`: `inputSchema` is missing or no object",
            "tool `a`: another tool of this server has the same name",
        ],
    );
}

#[test]
fn what_has_no_type_must_be_opaque() {
    let schema = || {
        json!({ "type": "object", "properties": {
        "any": {}, "yes": true, "list": { "type": "array" }, "free": { "type": "object" }, "dict": { "type": "object", "additionalProperties": { "type": "string" } },
        "both": { "allOf": [{ "type": "string" }, { "type": "string" }] }, "null": { "type": "null" }, "node": { "$ref": "#/$defs/Node" } },
        "$defs": { "Node": { "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] } } } } })
    };
    let opaque = "so policies could not read it: describe it under `schemas` of the tool in bundle.yaml, or list it there as `opaque`";
    let mut errors: Vec<_> = try_tool(schema(), Marks::default())
        .expect_err("untyped")
        .iter()
        .map(ToString::to_string)
        .collect();
    errors.sort();
    assert_eq!(errors, [
        format!("tool `crm/do-it`: argument `any`: it declares no type, {opaque}"),
        format!("tool `crm/do-it`: argument `both`: `allOf` combines several types, {opaque}"),
        format!("tool `crm/do-it`: argument `dict`: its members have no fixed names, {opaque}"),
        format!("tool `crm/do-it`: argument `free`: its members have no type, {opaque}"),
        format!("tool `crm/do-it`: argument `list`: its elements have no type, {opaque}"),
        "tool `crm/do-it`: argument `node.next`: `#/$defs/Node` contains itself: describe the argument under `schemas` of the tool in bundle.yaml, or list it there as `opaque`".to_owned(),
        format!("tool `crm/do-it`: argument `null`: nothing but null is a value of it, {opaque}"),
        format!("tool `crm/do-it`: argument `yes`: it declares no type, {opaque}"),
    ]);
    let listed = marks(
        &["dict.secret"],
        &["any", "yes", "list", "free", "dict", "both", "null", "node.next"],
    );
    assert_eq!(tool(schema(), listed).input_type(), "{ node?: {} }");
}

#[test]
fn schemas_that_make_no_sense() {
    let none = Marks::default;
    check_problems(
        json!({ "type": "string" }),
        none(),
        &["`inputSchema` describes something else than an object"],
    );
    check_problems(json!({}), none(), &["`inputSchema` describes something else than an object"]);
    check_problems(
        json!({ "$ref": "#" }),
        none(),
        &[
            "`#` contains itself: describe the argument under `schemas` of the tool in bundle.yaml, or list it there as `opaque`",
        ],
    );
    check_problems(
        one(json!({ "type": "strnig" })),
        none(),
        &["argument `x`: `strnig` is no type of JSON Schema"],
    );
    check_problems(
        one(json!({ "type": 1 })),
        none(),
        &["argument `x`: the value of `type` is not what JSON Schema asks for"],
    );
    check_problems(
        one(json!({ "type": "string", "minLength": -1 })),
        none(),
        &["argument `x`: the value of `minLength` is not what JSON Schema asks for"],
    );
    check_problems(
        one(json!({ "type": "number", "exclusiveMinimum": true })),
        none(),
        &["argument `x`: the value of `exclusiveMinimum` is not what JSON Schema asks for"],
    );
    check_problems(
        one(json!({ "type": "string", "enum": [1] })),
        none(),
        &["argument `x`: no value fits this schema"],
    );
    check_problems(
        one(json!({ "type": "string", "enum": ["a", "bb"], "pattern": "c", "maxLength": 1 })),
        none(),
        &["argument `x`: no value fits this schema"],
    );
    check_problems(
        one(json!({ "$ref": "other.json" })),
        none(),
        &["argument `x`: `other.json` refers to nothing in this schema"],
    );
    check_problems(
        json!({ "required": ["y"], "type": "object" }),
        none(),
        &["`y` is required but not described"],
    );
    check_problems(
        one(json!({ "type": "string" })),
        marks(&["x", "x.y"], &["z"]),
        &[
            "argument `x.y`: bundle.yaml lists it under `redact`, but the tool has no such argument",
            "argument `z`: bundle.yaml lists it under `opaque`, but the tool has no such argument",
        ],
    );
    check_problems(
        one(json!({ "type": "strnig" })),
        marks(&["x.y"], &["y"]),
        &[
            "argument `x`: `strnig` is no type of JSON Schema",
            "argument `y`: bundle.yaml lists it under `opaque`, but the tool has no such argument",
        ],
    );
    let mut deep = json!({ "type": "string" });
    (0..40).for_each(|_| deep = json!({ "type": "array", "items": deep }));
    check_problems(one(deep), none(), &["argument `x`: the schema is too deep or too large"]);
    let mut wide = json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/d0" } }, "$defs": { "d13": { "type": "string" } } });
    for level in 0..13 {
        let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
        wide["$defs"][format!("d{level}")] = json!({ "anyOf": [next, next] });
    }
    check_problems(wide, none(), &["argument `x`: the schema is too deep or too large"]);
}

#[test]
fn names_that_cedar_cannot_have() {
    let choice = || json!({ "enum": ["a"] });
    let properties = json!({ "in": choice(), "Role": choice(), "Action": choice(), "2nd": choice(), "größe": choice(), "": choice(), "Long": choice(), "decimal": choice(), "say \"hi\"": choice() });
    let tool = tool(json!({ "type": "object", "properties": properties }), Marks::default());
    cedar_schema(&tool);
    assert_eq!(
        tool.input_type(),
        "{ \"\"?: crm::do_it::Input::_, \"2nd\"?: crm::do_it::Input::_2nd, Action?: crm::do_it::Input::Action_, \
        Long?: crm::do_it::Input::Long_, Role?: crm::do_it::Input::Role_, decimal?: crm::do_it::Input::decimal_, \"größe\"?: crm::do_it::Input::gr__e, \"in\"?: crm::do_it::Input::in_, \
        \"say \\\"hi\\\"\"?: crm::do_it::Input::say__hi_ }"
    );
    let same = json!({ "type": "object", "properties": { "a-b": choice(), "a_b": choice() } });
    let errors = try_tool(same, Marks::default()).expect_err("two types of one name");
    assert!(
        lines(&errors)
            .contains("its Cedar name `crm::do_it::Input::a_b` is also that of argument `a"),
        "{errors:?}"
    );
}

#[test]
fn tools_of_one_namespace_collide() {
    let list = json!([{ "name": "a-b", "inputSchema": { "type": "object" } }, { "name": "a.b", "inputSchema": { "type": "object" } }]);
    let read = |server: &str| -> Vec<Tool> {
        let descriptions = read_tools(&list).expect("a list");
        descriptions
            .iter()
            .map(|tool| {
                Tool::new(server, tool.name(), tool, Marks::default(), &Surroundings::default())
                    .expect("a tool")
            })
            .collect()
    };
    let tools = read("crm");
    assert_eq!(tools[0].qualified_name(), "crm/a-b");
    assert_eq!(
        lines(&collisions(&tools)),
        "tool `crm/a.b`: its Cedar name `crm::a_b` is also that of `crm/a-b`"
    );
    assert!(collisions(&[read("x-1").remove(0), read("x-2").remove(0)]).is_empty());
}

#[test]
fn unenforced_keywords_are_noted() {
    check_notes(
        one(json!({ "type": "string", "pattern": "^(?!a)", "format": "email", "default": 1 })),
        &["argument `x`: `pattern` is not enforced"],
    );
    // Without the flag, the pattern would mean something else.
    check_notes(
        one(json!({ "type": "string", "pattern": "^(?i)abc$" })),
        &["argument `x`: `pattern` is not enforced"],
    );
    check_notes(
        one(json!({ "type": "number", "multipleOf": 0.000_01, "not": {} })),
        &["argument `x`: `multipleOf` is not enforced", "argument `x`: `not` is not enforced"],
    );
    check_notes(
        json!({ "type": "object", "properties": { "x": { "type": "string" } }, "additionalProperties": { "type": "string" }, "minProperties": 1 }),
        &["`additionalProperties` is not enforced", "`minProperties` is not enforced"],
    );
    let beside = json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/s", "maxLength": 3, "title": "X" } }, "$defs": { "s": { "type": "string" } }, "anyOf": [{ "required": ["x"] }] });
    check_notes(beside, &["`anyOf` is not enforced", "argument `x`: `maxLength` is not enforced"]);
    check_notes(one(json!({ "allOf": [{ "type": "string" }], "default": "a" })), &[]);
    check_notes(
        one(json!({ "anyOf": [{ "type": "string" }], "oneOf": [], "minimum": 1 })),
        &["argument `x`: `minimum` is not enforced", "argument `x`: `oneOf` is not enforced"],
    );
    check_notes(
        one(
            json!({ "type": "string", "maxLength": 3, "$comment": "", "examples": [], "readOnly": true, "nullable": true }),
        ),
        &[],
    );
}

#[test]
fn headers_name_simple_arguments() {
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "to": { "type": "object", "properties": { "dry": { "type": ["boolean", "null"], "x-mcp-header": "Dry-Run" }, "x-mcp-header": { "type": "string" } } } } });
    let header = |name: &str, path: &[&str]| ParamHeader {
        name: name.to_owned(),
        path: path.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        tool(schema, Marks::default()).headers(),
        [header("Region", &["region"]), header("Dry-Run", &["to", "dry"])]
    );
    let bad = json!({ "type": "object", "properties": {
        "a": { "type": "string", "x-mcp-header": "A" }, "b": { "type": "string", "x-mcp-header": "a" }, "c": { "type": "number", "x-mcp-header": "C" },
        "d": { "type": "string", "x-mcp-header": "D:" }, "e": { "type": "array", "items": { "type": "string", "x-mcp-header": "E" } } } });
    let mut errors: Vec<_> = try_tool(bad, Marks::default())
        .expect_err("bad headers")
        .iter()
        .map(ToString::to_string)
        .collect();
    errors.sort();
    assert_eq!(
        errors,
        [
            "tool `crm/do-it`: argument `b`: `x-mcp-header` names the same header as another argument's",
            "tool `crm/do-it`: argument `c`: `x-mcp-header` is only allowed on an integer, a string or a boolean",
            "tool `crm/do-it`: argument `d`: `x-mcp-header` is no name that a header can have",
            "tool `crm/do-it`: argument `e`: `x-mcp-header` is only allowed where nothing but `properties` leads to",
        ]
    );
}
