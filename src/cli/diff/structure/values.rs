//! Compares two JSON values.

use serde_json::Value;

/// A path where two values differ.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli::diff) struct Difference {
    /// The path; empty for the whole value.
    pub(in crate::cli::diff) path: Vec<String>,
    pub(in crate::cli::diff) before: Option<Value>,
    pub(in crate::cli::diff) after: Option<Value>,
}

/// The differences between two values, in the order of names. Lists are compared as collections: an
/// element that only one of them has is a difference; if there is none, only their order can
/// differ.
pub(super) fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    visit(&mut Vec::new(), before, after, &mut found);
    found
}

fn visit(
    path: &mut Vec<String>,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                path.push(name.clone());
                visit(path, old.get(name), new.get(name), found);
                path.pop();
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            let (removed, added) = (without(old, new), without(new, old));
            if removed.is_empty() && added.is_empty() {
                found.push(at(path, before, after));
            }
            found.extend(removed.into_iter().map(|element| at(path, Some(element), None)));
            found.extend(added.into_iter().map(|element| at(path, None, Some(element))));
        }
        (before, after) => found.push(at(path, before, after)),
    }
}

fn at(path: &[String], before: Option<&Value>, after: Option<&Value>) -> Difference {
    Difference { path: path.to_vec(), before: before.cloned(), after: after.cloned() }
}

/// The elements that another list lacks or has less often.
fn without<'a>(list: &'a [Value], other: &[Value]) -> Vec<&'a Value> {
    let mut other: Vec<&Value> = other.iter().collect();
    let mut left = Vec::new();
    for element in list {
        match other.iter().position(|candidate| *candidate == element) {
            Some(position) => {
                other.swap_remove(position);
            }
            None => left.push(element),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: &Value, after: &Value, expected: &[(&str, Value, Value)]) {
        let found = differences(Some(before), Some(after));
        let shown = |value: &Option<Value>| value.clone().unwrap_or(json!("absent"));
        let found: Vec<_> = found
            .iter()
            .map(|each| (each.path.join("."), shown(&each.before), shown(&each.after)))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, a, b)| ((*path).to_owned(), a.clone(), b.clone()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_place_is_found() {
        check(&json!({ "a": 1 }), &json!({ "a": 1 }), &[]);
        check(
            &json!({ "a": { "b": 1, "c": 2 }, "d": null }),
            &json!({ "a": { "b": 2, "e": {} } }),
            &[
                ("a.b", json!(1), json!(2)),
                ("a.c", json!(2), json!("absent")),
                ("a.e", json!("absent"), json!({})),
                ("d", Value::Null, json!("absent")),
            ],
        );
        check(&json!({ "a": [1] }), &json!({ "a": {} }), &[("a", json!([1]), json!({}))]);
    }

    #[test]
    fn lists_are_collections() {
        let absent = || json!("absent");
        check(
            &json!([1, 2, 2]),
            &json!([2, 3, 1]),
            &[("", json!(2), absent()), ("", absent(), json!(3))],
        );
        check(&json!([1, 2]), &json!([2, 1]), &[("", json!([1, 2]), json!([2, 1]))]);
    }
}
