//! Tool lists as the official Python and TypeScript SDKs emit them.

use serde_json::Value;

use super::super::{Surroundings, Tool, ToolDescription, read_tools};
use super::{build, cedar_schema, check_in, lines, marks};

/// `FastMCP` with pydantic 2.
const PYTHON: &str = r##"{"tools": [{"name": "update_contact", "description": "", "inputSchema": {
  "$defs": {
    "Address": {"properties": {
        "street": {"maxLength": 80, "minLength": 1, "title": "Street", "type": "string"},
        "kind": {"default": "home", "enum": ["home", "work"], "title": "Kind", "type": "string"},
        "stage": {"anyOf": [{"$ref": "#/$defs/Stage"}, {"type": "null"}], "default": null}},
      "required": ["street"], "title": "Address", "type": "object"},
    "Cat": {"properties": {"t": {"const": "cat", "title": "T", "type": "string"}, "lives": {"title": "Lives", "type": "integer"}},
      "required": ["t", "lives"], "title": "Cat", "type": "object"},
    "Dog": {"properties": {"t": {"const": "dog", "title": "T", "type": "string"}, "age": {"title": "Age", "type": "integer"}},
      "required": ["t", "age"], "title": "Dog", "type": "object"},
    "Loose": {"additionalProperties": true, "properties": {"a": {"title": "A", "type": "integer"}}, "required": ["a"], "title": "Loose", "type": "object"},
    "Prio": {"enum": [1, 2], "title": "Prio", "type": "integer"},
    "Stage": {"enum": ["lead", "won"], "title": "Stage", "type": "string"}},
  "properties": {
    "contact_id": {"pattern": "^c-[0-9]+$", "title": "Contact Id", "type": "string"},
    "stage": {"$ref": "#/$defs/Stage"},
    "amount": {"default": 1.0, "exclusiveMinimum": 0, "maximum": 500.5, "title": "Amount", "type": "number"},
    "count": {"default": 5, "minimum": 1, "multipleOf": 5, "title": "Count", "type": "integer"},
    "tags": {"default": [], "items": {"type": "string"}, "title": "Tags", "type": "array"},
    "uniq": {"default": [], "items": {"type": "integer"}, "title": "Uniq", "type": "array", "uniqueItems": true},
    "address": {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}], "default": null},
    "prio": {"$ref": "#/$defs/Prio", "default": 1},
    "when": {"anyOf": [{"format": "date-time", "type": "string"}, {"type": "null"}], "default": null, "title": "When"},
    "td": {"anyOf": [{"format": "duration", "type": "string"}, {"type": "null"}], "default": null, "title": "Td"},
    "dec": {"anyOf": [{"type": "number"}, {"pattern": "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$", "type": "string"}, {"type": "null"}], "default": null, "title": "Dec"},
    "pet": {"anyOf": [{"discriminator": {"mapping": {"cat": "#/$defs/Cat", "dog": "#/$defs/Dog"}, "propertyName": "t"},
        "oneOf": [{"$ref": "#/$defs/Dog"}, {"$ref": "#/$defs/Cat"}]}, {"type": "null"}], "default": null, "title": "Pet"},
    "ip": {"anyOf": [{"format": "ipv4", "type": "string"}, {"type": "null"}], "default": null, "title": "Ip"},
    "mixed": {"default": "a", "enum": ["a", 1, null], "title": "Mixed"},
    "pair": {"default": [1, "a"], "maxItems": 2, "minItems": 2, "prefixItems": [{"type": "integer"}, {"type": "string"}], "title": "Pair", "type": "array"},
    "loose": {"anyOf": [{"$ref": "#/$defs/Loose"}, {"type": "null"}], "default": null},
    "addrs": {"default": [], "items": {"$ref": "#/$defs/Address"}, "title": "Addrs", "type": "array"},
    "meta": {"additionalProperties": true, "title": "Meta", "type": "object"},
    "items": {"items": {}, "title": "Items", "type": "array"}},
  "required": ["contact_id", "stage", "meta", "items"], "title": "update_contactArguments", "type": "object"}}]}"##;

/// The TypeScript SDK with zod 4, and with zod 3 under `v3`.
const TYPESCRIPT: &str = r##"{"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "update_contact", "description": "d", "inputSchema": {"type": "object", "properties": {
    "contact_id": {"type": "string", "minLength": 1, "maxLength": 40, "description": "id"},
    "stage": {"type": "string", "enum": ["lead", "won", "lost"]},
    "count": {"default": 1, "type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991},
    "address": {"anyOf": [{"type": "object", "properties": {"street": {"type": "string"}, "kind": {"type": "string", "enum": ["home", "work"]},
        "zip": {"type": "string", "pattern": "^\\d{5}$"}}, "required": ["street", "zip"]}, {"type": "null"}]},
    "note": {"type": ["string", "null"]},
    "choice": {"type": ["string", "number"]},
    "kind": {"type": "string", "const": "person"},
    "shape": {"oneOf": [{"type": "object", "properties": {"t": {"type": "string", "const": "a"}, "x": {"type": "number"}}, "required": ["t", "x"]},
        {"type": "object", "properties": {"t": {"type": "string", "const": "b"}, "y": {"type": "string"}}, "required": ["t", "y"]}]},
    "pair": {"type": "array", "items": [{"type": "string"}, {"type": "number"}], "additionalItems": false, "minItems": 2, "maxItems": 2},
    "lits": {"anyOf": [{"type": "string", "const": "a"}, {"type": "number", "const": 1}]},
    "level": {"type": "number", "enum": [1, 2]},
    "meta": {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {}},
    "any": {}}, "required": ["contact_id", "note", "kind", "any"], "$schema": "http://json-schema.org/draft-07/schema#"},
    "execution": {"taskSupport": "forbidden"}},
  {"name": "noargs", "inputSchema": {"type": "object", "properties": {}}},
  {"name": "loose", "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": {}}},
  {"name": "v3", "inputSchema": {"type": "object", "properties": {
    "a": {"type": "object", "properties": {"street": {"type": "string"}, "kind": {"type": "string", "enum": ["home", "work"]}}, "required": ["street"], "additionalProperties": false},
    "b": {"$ref": "#/properties/a"},
    "e": {"anyOf": [{"type": "string", "enum": ["x", "y"]}, {"type": "null"}]},
    "lit": {"type": "boolean", "const": true},
    "d": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10, "multipleOf": 0.5}},
    "required": ["a", "lit"], "additionalProperties": false}}]}}"##;

#[track_caller]
fn tools(list: &str, opaque: &[&str]) -> Vec<Tool> {
    let list: Value = serde_json::from_str(list).expect("JSON");
    let descriptions = read_tools(&list).expect("a list");
    let read = |(position, description): (usize, &ToolDescription)| {
        let marks = marks(&[], if position == 0 { opaque } else { &[] });
        Tool::new("crm", description.name(), description, marks, &Surroundings::default())
            .unwrap_or_else(|errors| panic!("{}", lines(&errors)))
    };
    descriptions.iter().enumerate().map(read).collect()
}

#[test]
fn python() {
    let tool = &tools(PYTHON, &["meta", "items"])[0];
    cedar_schema(tool);
    assert_eq!(lines(tool.notes()), "argument `dec`: `pattern` is not enforced");
    assert_eq!(
        tool.declarations(),
        "\
namespace crm::update_contact::Input {\n  entity Stage enum [\"lead\", \"won\"];\n}
namespace crm::update_contact::Input::Address {\n  entity kind enum [\"home\", \"work\"];\n}
namespace crm::update_contact::Input::mixed {\n  entity TypeChoice0 enum [\"a\"];\n}\n"
    );
    let input = tool.input_type();
    for part in [
        "{ address?: { kind?: crm::update_contact::Input::Address::kind, stage?: crm::update_contact::Input::Stage, street: String }, addrs?: Set<{ ",
        " amount?: decimal, contact_id: String, count?: Long, dec?: { typeChoice0?: decimal, typeChoice1?: String }, ip?: ipaddr, loose?: { a: Long }, mixed?: { typeChoice0?: ",
        " pair?: { proj0: Long, proj1: String }, pet?: { typeChoice0?: { age: Long, t: String }, typeChoice1?: { lives: Long, t: String } }, prio?: Long, \
          stage: crm::update_contact::Input::Stage, tags?: Set<String>, td?: duration, uniq?: Set<Long>, when?: datetime }",
    ] {
        assert!(input.contains(part), "{input}");
    }
    let rest =
        "\"contact_id\": \"c-1\", \"stage\": \"won\", \"meta\": {\"a\": [1]}, \"items\": [{}]";
    let call = format!(
        "{{\"address\": {{\"street\": \"s\", \"stage\": \"lead\"}}, \"pet\": {{\"t\": \"cat\", \"lives\": 9}}, \"dec\": \"1.5\", {rest}}}"
    );
    check_in(
        tool,
        &call,
        "context.input.address.stage != context.input.stage && context.input.pet.typeChoice1.lives == 9 && context.input.dec.typeChoice1 == \"1.5\"",
    );
    let refused =
        |more: &str| build(tool, &format!("{{{more}, {rest}}}")).err().unwrap_or_default();
    assert_eq!(refused("\"amount\": 500.6"), "argument `amount` must be at most 500.5");
    assert_eq!(refused("\"prio\": 3"), "argument `prio` must be one of its declared values");
    assert_eq!(
        refused("\"loose\": {\"a\": 1, \"b\": 2}"),
        "argument `loose.b` is not known to the tool"
    );
    assert_eq!(
        refused("\"addrs\": [{\"street\": \"\"}]"),
        "argument `addrs[0].street` must be a string of 1 or more characters"
    );
}

#[test]
fn typescript() {
    let tools = tools(TYPESCRIPT, &["meta", "any"]);
    let names: Vec<_> = tools.iter().map(Tool::name).collect();
    assert_eq!(names, ["update_contact", "noargs", "loose", "v3"]);
    for tool in &tools {
        cedar_schema(tool);
    }
    assert_eq!(tools[1].input_type(), "{}");
    assert_eq!(tools[2].input_type(), "{ a: String }");
    assert_eq!(
        tools[3].input_type(),
        "{ a: { kind?: crm::v3::Input::a::kind, street: String }, b?: { kind?: crm::v3::Input::b::kind, street: String }, \
        d?: decimal, e?: crm::v3::Input::e, lit: Bool }"
    );
    let rest = "\"contact_id\": \"1\", \"note\": null, \"kind\": \"person\", \"any\": 1";
    let call = format!(
        "{{\"shape\": {{\"t\": \"a\", \"x\": 0.5}}, \"pair\": [\"a\", 2], \"choice\": 3, \"level\": 2, \"lits\": 1, {rest}}}"
    );
    check_in(
        &tools[0],
        &call,
        "context.input.shape.typeChoice0.x == decimal(\"0.5\") && context.input.pair.proj1 == decimal(\"2.0\") \
        && context.input.choice.typeChoice1 == decimal(\"3.0\") && context.input.level == decimal(\"2.0\") && context.input.lits.typeChoice1 == decimal(\"1.0\")",
    );
    check_in(
        &tools[3],
        "{\"a\": {\"street\": \"s\", \"kind\": \"home\"}, \"b\": {\"street\": \"t\", \"kind\": \"work\"}, \"lit\": true, \"e\": null, \"d\": 0.5}",
        "context.input.b.kind == crm::v3::Input::b::kind::\"work\" && context.input.lit",
    );
    let refused = build(&tools[3], "{\"a\": {\"street\": \"s\"}, \"lit\": false}").err();
    assert_eq!(refused.as_deref(), Some("argument `lit` must be true"));
}
