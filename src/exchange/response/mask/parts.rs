//! The parts of a value that are withheld.

use std::rc::Rc;

use crate::json::Value;
use crate::tool::{ResultPath, Step, Withheld};

/// Parts of a value, each with what stands in its place.
#[derive(Debug)]
pub(super) struct Parts<'a>(Vec<(&'a [Step], Hidden)>);

/// What stands in place of a part.
#[derive(Clone, Debug)]
struct Hidden {
    withheld: Withheld,
    note: Rc<str>,
}

impl<'a> Parts<'a> {
    /// The parts at these paths of a result.
    pub(super) fn new(
        paths: impl IntoIterator<Item = (&'a ResultPath, Withheld, &'a str)>,
    ) -> Self {
        let part = |(path, withheld, label): (&'a ResultPath, Withheld, &'a str)| {
            (path.steps(), Hidden { withheld, note: note(label).into() })
        };
        Self(paths.into_iter().map(part).collect())
    }

    /// Withholds the parts of a value that is the whole result, the value of its member `result`, or an
    /// item of either: servers write these alone into texts. False if a part is in none of these
    /// places, so that the value can be something else.
    pub(super) fn withhold_from_fragment(&self, value: &mut Value<'_>) -> bool {
        let mut there = Vec::new();
        for (path, hidden) in &self.0 {
            let found = suffixes(path).filter(|path| leads(value, path));
            let before = there.len();
            there.extend(found.map(|path| (path, hidden.clone())));
            if there.len() == before {
                return false;
            }
        }
        Parts(there).withhold(value);
        true
    }

    /// Withholds the parts.
    pub(super) fn withhold(&self, value: &mut Value<'_>) {
        for (path, hidden) in &self.0 {
            if !inside(value, path, hidden) {
                *value = hidden.note();
            }
        }
    }
}

impl Hidden {
    /// The text in place of a value.
    fn note<'v>(&self) -> Value<'v> {
        Value::String(String::from(&*self.note).into())
    }
}

/// The text in place of what has these labels.
pub(super) fn note(labels: &str) -> String {
    format!("[withheld: {labels}]")
}

/// The path from a result, and from the parts of it that servers write alone.
fn suffixes(path: &[Step]) -> impl Iterator<Item = &[Step]> {
    let alone = |step: &&Step| match step {
        Step::Items => true,
        Step::Member(name) => name == "result",
        Step::Members => false,
    };
    let left_out = path.iter().take_while(alone).count();
    (0..=left_out).filter_map(|start| path.get(start..))
}

/// Whether a path leads somewhere in a value, all the way in each of its items.
fn leads(value: &Value<'_>, path: &[Step]) -> bool {
    let Some((step, rest)) = path.split_first() else { return true };
    match (step, value) {
        (_, Value::Null) => true,
        (Step::Member(name), Value::Object(object)) => {
            object.get(name).is_some_and(|value| leads(value, rest))
        }
        (Step::Members, Value::Object(object)) => object.iter().all(|(_, it)| leads(it, rest)),
        (Step::Items, Value::Array(items)) => items.iter().all(|item| leads(item, rest)),
        (Step::Member(_) | Step::Members | Step::Items, _) => false,
    }
}

/// Withholds what a path leads to; false if it is the value itself, or if the value has another form
/// than the path, so that all of it has to be withheld.
fn inside(value: &mut Value<'_>, path: &[Step], hidden: &Hidden) -> bool {
    let Some((step, rest)) = path.split_first() else { return false };
    let keep = |value: &mut Value<'_>| {
        let is_kept = inside(value, rest, hidden);
        if !is_kept {
            *value = hidden.note();
        }
        is_kept || hidden.withheld == Withheld::Mask
    };
    match (step, value) {
        (_, Value::Null) => true,
        (Step::Member(name), Value::Object(object)) => {
            if !object.get_mut(name).is_none_or(keep) {
                object.retain(|member, _| member != name);
            }
            true
        }
        (Step::Members, Value::Object(object)) => {
            object.retain(|_, value| keep(value));
            true
        }
        (Step::Items, Value::Array(items)) => {
            items.retain_mut(keep);
            true
        }
        (Step::Member(_) | Step::Members | Step::Items, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;

    #[track_caller]
    fn check(paths: &[&str], withheld: Withheld, value: &str, expected: &str) {
        let paths: Vec<_> = paths.iter().map(|path| ResultPath::parse(path).unwrap()).collect();
        let parts = Parts::new(paths.iter().map(|path| (path, withheld, "pii")));
        let mut value = read(value.as_bytes(), 16).unwrap();
        parts.withhold(&mut value);
        assert_eq!(serde_json::to_string(&value).unwrap(), expected);
    }

    #[test]
    fn parts_are_masked_or_dropped() {
        let value = r#"{"a":{"b":[{"c":"x","d":1},{"c":null}]},"e":2}"#;
        for (path, masked, dropped) in [
            (
                "a.b[].c",
                r#"{"a":{"b":[{"c":"[withheld: pii]","d":1},{"c":"[withheld: pii]"}]},"e":2}"#,
                r#"{"a":{"b":[{"d":1},{}]},"e":2}"#,
            ),
            (
                "a.b[]",
                r#"{"a":{"b":["[withheld: pii]","[withheld: pii]"]},"e":2}"#,
                r#"{"a":{"b":[]},"e":2}"#,
            ),
            ("*", r#"{"a":"[withheld: pii]","e":"[withheld: pii]"}"#, "{}"),
            ("f.g", value, value),
        ] {
            check(&[path], Withheld::Mask, value, masked);
            check(&[path], Withheld::Drop, value, dropped);
        }
        check(&["a", "e"], Withheld::Drop, value, "{}");
    }

    #[test]
    fn a_value_of_another_form_is_withheld_wholly() {
        let all = "\"[withheld: pii]\"";
        check(&["a"], Withheld::Mask, "[1]", all);
        check(&["[]"], Withheld::Drop, "{\"a\":1}", all);
        check(&["a.b"], Withheld::Mask, r#"{"a":"x y","c":1}"#, r#"{"a":"[withheld: pii]","c":1}"#);
        check(&["a[].b"], Withheld::Drop, r#"{"a":{"b":1},"c":1}"#, r#"{"c":1}"#);
        check(&["a.b"], Withheld::Mask, r#"{"a":null}"#, r#"{"a":null}"#);
    }
}
