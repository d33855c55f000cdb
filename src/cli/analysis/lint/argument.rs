//! Finds the JSON Schema of an argument by the path that policies use.

use serde_json::Value;

use crate::tool::Tool;
use crate::tool::given::Selection;

/// Maximum number of references followed; more are treated as a cycle.
const FOLLOWED: usize = 16;

/// The bundle's own schema for the argument at a path, and the rest of the path in it.
pub(super) fn given<'t, 'p>(
    tool: &'t Tool,
    path: &'p [String],
) -> Option<(&'t Value, &'p [String])> {
    (1..=path.len()).rev().find_map(|length| {
        let (outer, inner) = path.split_at_checked(length)?;
        let given = tool.marks().schemas.get(&outer.join("."))?;
        let Some(selection) = Selection::of(given) else { return Some((given, inner)) };
        let (chosen, inner) = inner.split_first()?;
        Some((selection.ok()?.of.get(chosen)?, inner))
    })
}

/// The tool's default for an absent argument. A default of null equals absence.
pub(super) fn default<'a>(schema: &'a Value, path: &[String]) -> Option<&'a Value> {
    let node = find(schema, path)?;
    let default = node.get("default").or_else(|| resolved(schema, node)?.get("default"));
    default.filter(|default| !default.is_null())
}

/// The names of a union's choices in policies.
pub(super) fn choices(schema: &Value, path: &[String]) -> Vec<String> {
    let node = find(schema, path).and_then(|node| resolved(schema, node));
    let members = node.and_then(|node| members(node).or_else(|| node.get("type")?.as_array()));
    let types = members.into_iter().flatten().enumerate().filter(|(_, member)| !is_null(member));
    let names: Vec<String> = types.map(|(position, _)| format!("typeChoice{position}")).collect();
    // A type or null is not a union.
    if names.len() > 1 { names } else { Vec::new() }
}

fn find<'a>(schema: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(schema, |node, step| {
        let node = resolved(schema, node)?;
        match step.strip_prefix("typeChoice").and_then(|position| position.parse::<usize>().ok()) {
            Some(position) => members(node)?.get(position),
            None => object(schema, node)?.get("properties")?.get(step),
        }
    })
}

/// The object in "an object or null".
fn object<'a>(schema: &'a Value, node: &'a Value) -> Option<&'a Value> {
    match members(node) {
        Some(members) => resolved(schema, members.iter().find(|member| !is_null(member))?),
        None => Some(node),
    }
}

fn members(node: &Value) -> Option<&Vec<Value>> {
    node.get("anyOf").or_else(|| node.get("oneOf"))?.as_array()
}

fn is_null(member: &Value) -> bool {
    member == "null" || member.get("type").is_some_and(|kind| kind == "null")
}

fn resolved<'a>(schema: &'a Value, node: &'a Value) -> Option<&'a Value> {
    let mut node = node;
    for _ in 0..FOLLOWED {
        let Some(reference) = node.get("$ref").and_then(Value::as_str) else { return Some(node) };
        node = schema.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_schema_says() {
        let schema = json!({
            "properties": {
                "limit": { "type": "integer", "default": 10 },
                "note": { "type": "string", "default": null },
                "mode": { "$ref": "#/$defs/Mode" },
                "to": { "anyOf": [{ "type": "string" }, { "type": "null" }, { "$ref": "#/$defs/To" }] },
                "more": { "anyOf": [{ "$ref": "#/$defs/To" }, { "type": "null" }] },
                "id": { "type": ["string", "integer"] },
                "round": { "$ref": "#/properties/round" },
            },
            "$defs": {
                "Mode": { "type": "string", "default": "fast" },
                "To": { "type": "object", "properties": { "all": { "type": "boolean", "default": true } } },
            },
        });
        let steps = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        let default = |path: &str| default(&schema, &steps(path)).cloned();
        let choices = |path: &str| choices(&schema, &steps(path)).join(" ");
        assert_eq!(default("limit"), Some(json!(10)));
        assert_eq!(default("note"), None);
        assert_eq!(default("mode"), Some(json!("fast")));
        assert_eq!(default("to.typeChoice2.all"), Some(json!(true)));
        assert_eq!(default("more.all"), Some(json!(true)));
        assert_eq!(default("round.deeper"), None);
        assert_eq!(default("nothing"), None);
        assert_eq!(choices("to"), "typeChoice0 typeChoice2");
        assert_eq!(choices("id"), "typeChoice0 typeChoice1");
        assert_eq!(choices("more"), "");
        assert_eq!(choices("limit"), "");
    }
}
