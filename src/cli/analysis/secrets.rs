//! Finds arguments that are likely secret, by what their schema says and by their names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema_facts::facts;

/// Words that make a name that of a secret.
const TELLING: [&str; 14] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "ssn",
    "apikey",
    "otp",
    "cvv",
    "cvc",
];

/// Words before `key` that make it one.
const KEYS: [&str; 7] = ["api", "private", "access", "secret", "encryption", "signing", "auth"];

/// Words before `token` that make it something else: a position in a list.
const POSITIONS: [&str; 10] = [
    "page",
    "next",
    "prev",
    "previous",
    "continuation",
    "cursor",
    "sync",
    "start",
    "resume",
    "end",
];

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
    path
}

fn is_secret(path: &str, facts: &BTreeMap<String, Value>) -> bool {
    let is = |keyword: &str, value: Value| facts.get(keyword) == Some(&value);
    let name = path.rsplit('.').next().unwrap_or(path);
    !path.is_empty()
        && !is("type", "boolean".into())
        && (is("format", "password".into()) || is("writeOnly", true.into()) || is_telling(name))
}

fn is_telling(name: &str) -> bool {
    let words = words(name);
    let after = |position: usize, before: &[&str]| {
        let word = position.checked_sub(1).and_then(|position| words.get(position));
        word.is_some_and(|word| before.contains(&word.as_str()))
    };
    words.iter().enumerate().any(|(position, word)| match word.as_str() {
        "key" => after(position, &KEYS),
        "token" => position.saturating_add(1) == words.len() && !after(position, &POSITIONS),
        word => TELLING.contains(&word),
    })
}

/// The words of `snake_case`, `kebab-case`, `camelCase` and `HTTPStyle` names, in lower case.
fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (position, character) in characters.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(position.saturating_add(1));
        let begins = character.is_uppercase()
            && (before.is_some_and(|c| !c.is_uppercase())
                || after.is_some_and(|c| c.is_lowercase()));
        if begins || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn telling_names() {
        for name in [
            "password",
            "dbPassword",
            "new_password",
            "api_key",
            "apiKey",
            "API-Key",
            "apikey",
            "X-API-Key",
            "token",
            "accessToken",
            "auth_token",
            "client_secret",
            "ssn",
            "SSN",
            "privateKey",
            "credentials",
            "PWD",
        ] {
            assert!(is_telling(name), "{name}");
        }
        for name in [
            "key",
            "primary_key",
            "max_tokens",
            "tokens",
            "page_token",
            "nextPageToken",
            "passage",
            "secretary",
            "compass",
            "keyboard",
            "token_count",
            "name",
            "assn",
            "",
        ] {
            assert!(!is_telling(name), "{name}");
        }
    }

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
