//! Responses without what policies hide.
//!
//! What stays as it is, is copied without being read.

use std::borrow::Cow;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::bundle::{Bundle, Label, Step};
use super::question::Question;

/// A response with a list of tools.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ListResponse<'a> {
    #[serde(borrow)]
    jsonrpc: &'a RawValue,
    id: &'a RawValue,
    result: List<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct List<'a> {
    #[serde(borrow)]
    tools: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// A response with the result of a call.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CallResponse<'a> {
    #[serde(borrow)]
    jsonrpc: &'a RawValue,
    id: &'a RawValue,
    result: CallResult<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CallResult<'a> {
    #[serde(borrow)]
    content: Vec<Text<'a>>,
    structured_content: Value,
}

/// The only kind of content that is known to repeat the structured data.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// The list with the tools that may be permitted.
pub(super) fn list(
    body: &[u8],
    bundle: &Bundle,
    server: &str,
    question: &Question,
) -> anyhow::Result<Vec<u8>> {
    let mut response: ListResponse<'_> = serde_json::from_slice(body)?;
    let tools = std::mem::take(&mut response.result.tools);
    for raw in tools {
        let Named { name } = serde_json::from_str(raw.get())?;
        // A tool that the bundle does not have is not listed.
        let Some(tool) = bundle.tools.get(&format!("{server}/{name}")) else { continue };
        if question.may_permit(bundle, &tool.action)? {
            response.result.tools.push(raw);
        }
    }
    Ok(serde_json::to_vec(&response)?)
}

/// The result with the parts withheld that have these labels, also where a text repeats it.
pub(super) fn result(body: &[u8], labels: &[&Label]) -> anyhow::Result<Vec<u8>> {
    let mut response: CallResponse<'_> = serde_json::from_slice(body)?;
    let CallResult { content, structured_content } = &mut response.result;
    let repeats = |text: &Text<'_>| {
        serde_json::from_str::<Value>(&text.text).is_ok_and(|value| value == *structured_content)
    };
    let repeated: Vec<bool> = content.iter().map(repeats).collect();
    for label in labels {
        let note = format!("[withheld: {}]", label.name);
        for part in &label.parts {
            withhold(structured_content, part, &note);
        }
    }
    let masked = serde_json::to_string(structured_content)?;
    let names: Vec<&str> = labels.iter().map(|label| label.name.as_str()).collect();
    for (item, is_repeated) in content.iter_mut().zip(repeated) {
        item.text = match is_repeated {
            true => Cow::Borrowed(&masked),
            false => Cow::Owned(format!("[withheld: {}]", names.join(", "))),
        };
    }
    serde_json::to_vec(&response).context("the result cannot be written")
}

/// Withholds what a path leads to; a value of another form is withheld wholly.
fn withhold(value: &mut Value, path: &[Step], note: &str) {
    match (path.split_first(), value) {
        (Some((Step::Member(name), rest)), Value::Object(object)) => {
            if let Some(value) = object.get_mut(name) {
                withhold(value, rest, note);
            }
        }
        (Some((Step::Items, rest)), Value::Array(items)) => {
            for item in items {
                withhold(item, rest, note);
            }
        }
        (_, value) => *value = Value::String(note.to_owned()),
    }
}
