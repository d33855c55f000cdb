//! Finds arguments that are likely secret, by what their schema says and by their names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema_facts::facts;
use crate::tool::secret::is_telling;

/// The dotted paths of the arguments of a schema that are likely secret, the outermost only.
pub(in crate::cli) fn paths(schema: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (place, facts) in facts(schema) {
        let path = plain(&place);
        let known = found.iter().any(|outer| {
            path == *outer || path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
        });
        if !known && is_secret(&path, &facts) {
            found.push(path);
        }
    }
    found
}

/// The path without the marks for elements and parts of combined schemas.
fn plain(place: &str) -> String {
    let mut path = String::new();
    let mut depth = 0_usize;
    for character in place.replace("[]", "").chars() {
        match character {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => path.push(character),
            _ => {}
        }
    }
    // A branch of the schema as a whole has no name.
    path.trim_start_matches('.').to_owned()
}

fn is_secret(path: &str, facts: &BTreeMap<String, Value>) -> bool {
    let is = |keyword: &str, value: Value| facts.get(keyword) == Some(&value);
    let name = path.rsplit('.').next().unwrap_or(path);
    !path.is_empty()
        && !is("type", "boolean".into())
        && (is("format", "password".into()) || is("writeOnly", true.into()) || is_telling(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_of_a_schema() {
        let text = json!({ "type": "string" });
        let schema = json!({
            "type": "object",
            "properties": {
                "name": text,
                "pin": { "type": "string", "format": "password" },
                "key": { "type": "string", "writeOnly": true },
                "has_password": { "type": "boolean" },
                "login": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/login" }] },
                "users": { "type": "array", "items": { "$ref": "#/$defs/login" } },
                "credentials": { "type": "object", "properties": { "password": text } },
                "auth": { "oneOf": [text, { "type": "object", "properties": { "token": text } }] },
            },
            "$defs": { "login": { "type": "object", "properties": { "password": text } } },
        });
        assert_eq!(
            paths(&schema),
            ["auth.token", "credentials", "key", "login.password", "pin", "users.password"]
        );
        assert_eq!(paths(&json!(true)), [""; 0]);
    }
}
