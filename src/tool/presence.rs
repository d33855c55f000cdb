//! Which attributes of `context.input` exist in calls of a tool.

use super::Tool;
use super::argument::{Kind, Record};
use crate::policy::Possible;

impl Tool {
    /// The results that `has` can have in calls for the argument at this path.
    pub fn presence(&self, path: &[String]) -> Possible {
        presence(&self.input, path)
    }
}

fn presence(record: &Record, path: &[String]) -> Possible {
    let Some((name, rest)) = path.split_first() else { return Possible::ANY };
    let field = record.fields.get(name).filter(|field| !field.argument.is_hidden());
    match (field, rest.is_empty()) {
        (None, true) => Possible::FALSE,
        (Some(field), true) if field.is_certain() => Possible::TRUE,
        (Some(_), true) => Possible::EITHER,
        (Some(field), false) if field.is_certain() => match &field.argument.kind {
            Kind::Record(inner) => presence(inner, rest),
            Kind::Bool(_)
            | Kind::Long(_)
            | Kind::Decimal(_)
            | Kind::Text(_)
            | Kind::Enum(_)
            | Kind::Set(_)
            | Kind::Tuple(_)
            | Kind::Union(_)
            | Kind::Variants(_)
            | Kind::Opaque(_) => Possible::ANY,
        },
        // Without the outer value the evaluation fails, or it is false for `has a.b`.
        (_, false) => Possible::ANY,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::{Marks, Surroundings, read_tools};

    #[test]
    fn what_the_schema_requires_is_there() {
        let schema = json!({
            "type": "object",
            "properties": {
                "must": { "type": "string" },
                "may": { "type": "string" },
                "null": { "type": ["string", "null"] },
                "hidden": {},
                "in": {
                    "type": "object",
                    "properties": { "must": { "type": "integer" }, "may": { "type": "integer" } },
                    "required": ["must"]
                },
                "out": {
                    "type": "object",
                    "properties": { "must": { "type": "integer" } },
                    "required": ["must"]
                },
                "either": { "anyOf": [{ "type": "integer" }, { "type": "string" }] }
            },
            "required": ["must", "null", "hidden", "in", "either"]
        });
        let tools = read_tools(&json!([{ "name": "t", "inputSchema": schema }])).unwrap();
        let marks = Marks { opaque: vec!["hidden".to_owned()], ..Marks::default() };
        let tool = Tool::new("s", "t", &tools[0], marks, &Surroundings::default()).unwrap();
        for (path, expected) in [
            ("must", Possible::TRUE),
            ("may", Possible::EITHER),
            ("null", Possible::EITHER),
            ("hidden", Possible::FALSE),
            ("other", Possible::FALSE),
            ("in.must", Possible::TRUE),
            ("in.may", Possible::EITHER),
            ("in.other", Possible::FALSE),
            ("out.must", Possible::ANY),
            ("either.typeChoice0", Possible::ANY),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            assert_eq!(tool.presence(&path), expected, "{path:?}");
        }
    }
}
