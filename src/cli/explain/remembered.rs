//! What policies have read of earlier calls: the places in their conditions, and the values there.

use std::collections::BTreeMap;

use cedar_policy::{EvalResult, PolicyId};
use serde_json::Value;

use super::account::ExplainedCall;
use crate::bundle::Bundle;
use crate::policy::MEMORY;

/// The values that the determining policies, and those that nearly match, read of earlier calls, by
/// the place.
pub(super) fn read(bundle: &Bundle, call: &ExplainedCall) -> BTreeMap<String, EvalResult> {
    let mut places = BTreeMap::new();
    let near = call.nearest.iter().filter(|near| near.misses == ["conditions"]);
    let ids = call.record.policies.iter().chain(near.map(|near| &near.policy));
    let contexts = [&call.question, &call.inner].into_iter().flatten();
    let contexts: Vec<_> = contexts.filter_map(|question| question.request().context()).collect();
    for id in ids {
        let policy = bundle.all_layers().policy(&PolicyId::new(id));
        let json = policy.and_then(|(_, policy)| policy.to_json().ok());
        let mut read = Vec::new();
        collect(json.as_ref().and_then(|it| it.get("conditions")), &mut read);
        for path in read {
            let value = contexts.iter().rev().find_map(|context| {
                let (first, rest) = path.split_first()?;
                let found = context.get(first)?;
                rest.iter().try_fold(found, |value, name| {
                    let EvalResult::Record(record) = value else { return None };
                    record.get(name).cloned()
                })
            });
            if let Some(value) = value {
                places.insert(shown(&path), value);
            }
        }
    }
    places
}

/// The longest paths into what is remembered.
fn collect(expression: Option<&Value>, read: &mut Vec<Vec<String>>) {
    let Some(expression) = expression else { return };
    if let Some(path) = path(expression) {
        if path.first().is_some_and(|first| MEMORY.contains(&first.as_str())) {
            read.push(path);
        }
        return;
    }
    match expression {
        Value::Array(items) => items.iter().for_each(|item| collect(Some(item), read)),
        Value::Object(members) => members.values().for_each(|value| collect(Some(value), read)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The members of `context` that lead to the value of an expression.
fn path(expression: &Value) -> Option<Vec<String>> {
    let access = expression.get(".")?;
    let (of, name) = (access.get("left")?, access.get("attr")?.as_str()?);
    let is_context = of.get("Var").is_some_and(|variable| variable == "context");
    let mut steps = if is_context { Vec::new() } else { path(of)? };
    steps.push(name.to_owned());
    Some(steps)
}

fn shown(path: &[String]) -> String {
    let mut text = "context".to_owned();
    for name in path {
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let step = if is_plain { format!(".{name}") } else { format!("[{name:?}]") };
        text.push_str(&step);
    }
    text
}
