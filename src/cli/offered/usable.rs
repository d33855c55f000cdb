//! The marks that a tool needs in order to load, and those that keep secrets out of records.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::analysis::secrets;
use crate::tool::{self, Marks, Problem, Surroundings, Tool, ToolError};

/// Stands in `opaque` for the arguments that a tool's schema does not name.
const ANY: &str = "*";

/// The marks with which a tool loads: arguments that cannot be typed are opaque, those that are
/// likely secret are redacted. The texts say why the tool does not load even so.
pub(in crate::cli) fn marks(server: &str, name: &str, tool: &Value) -> (Marks, Vec<String>) {
    let schema = tool.get("inputSchema").unwrap_or(&Value::Null);
    let mut needs = Needs {
        redact: secrets::paths(schema).into_iter().collect(),
        opaque: BTreeSet::new(),
        tried: BTreeSet::new(),
    };
    loop {
        let marks = needs.marks();
        let errors = errors(server, name, tool, &marks);
        let changes = errors.iter().filter(|error| needs.meet(error)).count();
        if changes == 0 {
            return (marks, errors.iter().map(ToString::to_string).collect());
        }
    }
}

fn errors(server: &str, name: &str, tool: &Value, marks: &Marks) -> Vec<ToolError> {
    let errors =
        |tool| Tool::new(server, name, tool, marks.clone(), &Surroundings::default()).err();
    match tool::read_tools(&json!([tool])) {
        Ok(descriptions) => descriptions.iter().filter_map(errors).flatten().collect(),
        Err(errors) => errors,
    }
}

/// The marks so far.
struct Needs {
    redact: BTreeSet<String>,
    opaque: BTreeSet<String>,
    /// Everything that was ever opaque, so that nothing is tried twice.
    tried: BTreeSet<String>,
}

impl Needs {
    fn marks(&self) -> Marks {
        Marks {
            redact: self.redact.iter().cloned().collect(),
            opaque: self.opaque.iter().cloned().collect(),
            ..Marks::default()
        }
    }

    /// Changes the marks so that the error does not occur, if marks can do that.
    fn meet(&mut self, error: &ToolError) -> bool {
        let is_unnamed = matches!(error.problem(), Problem::Unnamed | Problem::Undescribed(_));
        let is_of_root = is_unnamed && error.argument().is_empty();
        let path = if is_of_root { ANY } else { error.argument() };
        if let Problem::NoSuchArgument(list) = error.problem() {
            return if *list == "redact" {
                self.redact.remove(path)
            } else {
                self.opaque.remove(path)
            };
        }
        let is_about_headers = matches!(error.problem(), Problem::Header(_));
        !is_about_headers && !path.is_empty() && self.add(path)
    }

    /// Only the outermost of nested arguments is listed: nothing inside it is read.
    fn add(&mut self, path: &str) -> bool {
        let is_inside = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
        };
        if self.opaque.iter().any(|outer| is_inside(path, outer))
            || !self.tried.insert(path.to_owned())
        {
            return false;
        }
        self.opaque.retain(|inner| !is_inside(inner, path));
        self.opaque.insert(path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &Value, redact: &[&str], opaque: &[&str]) {
        let tool = json!({ "name": "t", "inputSchema": schema });
        let (marks, why) = marks("s", "t", &tool);
        assert_eq!((marks.redact, marks.opaque), (list(redact), list(opaque)), "{schema}");
        assert_eq!(why, [""; 0], "{schema}");
    }

    fn list(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn what_a_tool_needs_to_load() {
        let object = |properties: Value| json!({ "type": "object", "properties": properties });
        check(&object(json!({ "a": { "type": "string" } })), &[], &[]);
        check(
            &object(json!({ "a": {} , "b": { "type": "object", "properties": { "c": true } } })),
            &[],
            &["a", "b.c"],
        );
        let free = json!({ "type": "object" });
        let search = object(json!({ "search": object(json!({ "filter": free })) }));
        check(&object(json!({ "step": { "anyOf": [search, free] } })), &[], &["step"]);
        check(
            &object(json!({ "a": { "type": "text" }, "b": { "$ref": "#/$defs/b" } })),
            &[],
            &["a", "b"],
        );
        check(&object(json!({ "a": { "enum": [] } })), &[], &["a"]);
        check(
            &object(json!({ "login": object(json!({ "password": { "type": "string" } })) })),
            &["login.password"],
            &[],
        );
        check(&object(json!({ "any": {}, "api_key": {} })), &["api_key"], &["any", "api_key"]);
        for unnamed in [
            json!({ "type": "object", "additionalProperties": true }),
            json!({ "type": "object", "properties": {}, "patternProperties": { "^x": {} } }),
            json!({ "oneOf": [{ "type": "object" }, { "required": ["a"] }] }),
            json!({ "allOf": [object(json!({})), object(json!({}))] }),
            json!({ "type": "object", "required": ["a"] }),
        ] {
            check(&unnamed, &[], &["*"]);
        }
        let secret = json!({ "type": "string", "format": "password" });
        check(&json!({ "type": "object", "additionalProperties": secret }), &["*"], &["*"]);
        let branch = |name: &str| json!({ "type": "object", "properties": { name: {} } });
        check(&json!({ "oneOf": [branch("a"), branch("token")] }), &["token"], &["a", "token"]);
    }

    #[test]
    fn what_no_mark_can_mend() {
        for (name, schema, why) in [
            (
                "t",
                json!({ "type": "string" }),
                "tool `s/t`: `inputSchema` describes something else than an object",
            ),
            (
                "a ",
                json!({ "type": "object" }),
                "tool `a `: a tool name is 1 to 128 characters that all show, without spaces around it",
            ),
        ] {
            let (_, found) = marks("s", "t", &json!({ "name": name, "inputSchema": schema }));
            assert_eq!(found, [why]);
        }
    }
}
