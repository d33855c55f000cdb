//! Texts of others, as text and nothing else.

use maud::{Markup, html};
use serde_json::Value;

use crate::json::{REDACTED, is_hidden};

/// A text whose invisible characters show, and whose direction of writing changes nothing around it.
pub(super) fn visible(text: &str) -> Markup {
    let mut rest = text;
    let mut pieces = Vec::new();
    while let Some((before, hidden)) =
        rest.find(is_hidden).and_then(|place| rest.split_at_checked(place))
    {
        let mut after = hidden.chars();
        let Some(character) = after.next() else { break };
        pieces.push((before, character));
        rest = after.as_str();
    }
    html! {
        bdi {
            @for (before, character) in pieces {
                (before)
                span.hidden title="a character that does not show" {
                    (format!("U+{:04X}", u32::from(character)))
                }
            }
            (rest)
        }
    }
}

/// A value of JSON. Kinds are told, so that a number and a text with digits differ.
pub(super) fn value(value: &Value) -> Markup {
    html! {
        @match value {
            Value::Null => span.kind { "null" },
            Value::Bool(it) => { code { (it) } " " span.kind { "boolean" } },
            Value::Number(it) => { code { (it) } " " span.kind { "number" } },
            Value::String(it) if it == REDACTED => em.withheld { "withheld" },
            Value::String(it) if it.is_empty() => span.kind { "empty text" },
            Value::String(it) => span.text { (visible(it)) },
            Value::Array(it) if it.is_empty() => span.kind { "empty list" },
            Value::Array(it) => ol.values { @for element in it { li { (self::value(element)) } } },
            Value::Object(it) if it.is_empty() => span.kind { "no members" },
            Value::Object(it) => dl.values {
                @for (name, member) in it {
                    div { dt { (visible(name)) } dd { (self::value(member)) } }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_acts_or_hides_is_spelled_out() {
        for (text, shown) in [
            ("plain é 😀", "<bdi>plain é 😀</bdi>"),
            ("<script>&\"", "<bdi>&lt;script&gt;&amp;&quot;</bdi>"),
            (
                "a\u{202e}b",
                "<bdi>a<span class=\"hidden\" title=\"a character that does not show\">U+202E\
                 </span>b</bdi>",
            ),
        ] {
            assert_eq!(visible(text).into_string(), shown);
        }
    }

    #[test]
    fn kinds_are_told() {
        let shown = value(&json!({ "<b>": ["1", 1, true, null, "", [], {}, REDACTED] }));
        let shown = shown.into_string();
        for part in [
            "<dt><bdi>&lt;b&gt;</bdi></dt>",
            "<li><span class=\"text\"><bdi>1</bdi></span></li>",
            "<li><code>1</code> <span class=\"kind\">number</span></li>",
            "<li><code>true</code> <span class=\"kind\">boolean</span></li>",
            "<span class=\"kind\">empty text</span>",
            "<em class=\"withheld\">withheld</em>",
        ] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }
}
