//! Prints JSON as YAML on one line, with as few quotes as possible.

use serde_json::Value;

/// Words that some YAML parsers do not read as strings.
const TAKEN: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A value in YAML's flow style, with as few quotes as possible.
pub(in crate::cli) fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let members =
                members.iter().map(|(key, value)| format!("{}: {}", text(key), flow(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::String(string) => text(string),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn text(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b" -_./".contains(&b);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let taken = TAKEN.iter().any(|word| text.eq_ignore_ascii_case(word));
    if begins && !taken && !text.ends_with(' ') && text.bytes().all(plain) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for value in [
            json!({ "account": "acme", "contact_id": "c-1", "stars": 3, "ok": true, "none": null }),
            json!({ "a b": ["yes", "No", "1", "", " x", "x ", "# no", "a: b", "{", "é", "\n"] }),
            json!({ "0x1": { "true": {}, "-": [] }, "/path": 1.5, "2026-01-01": "2026-01-01" }),
        ] {
            let text = flow(&value);
            let read: Value = serde_saphyr::from_str(&text).expect("YAML");
            assert_eq!(read, value, "{text}");
        }
    }

    #[test]
    fn plain_texts_have_no_quotes() {
        for (value, text) in [
            (json!({ "path": "/crm/mcp" }), "{ path: /crm/mcp }"),
            (json!({ "to": ["a@b.example", "a b"] }), r#"{ to: ["a@b.example", a b] }"#),
            (json!({}), "{}"),
        ] {
            assert_eq!(flow(&value), text);
        }
    }
}
