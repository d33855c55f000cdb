//! A result of a tool that has every part with a label.

use serde_json::{Value, json};

use crate::tool::{Label, Step};

/// What stands for the data of a part.
const DATA: &str = "data";

/// The member that stands for all members.
const ANY: &str = "any";

/// The result.
pub(in crate::cli) fn result(labels: &[Label]) -> Value {
    let mut data = Value::Null;
    for path in labels.iter().flat_map(|label| &label.parts) {
        put(&mut data, path.steps());
    }
    json!({ "structuredContent": data })
}

/// Puts data at the end of a path. What is there already stays, as another path leads to it.
fn put(value: &mut Value, path: &[Step]) {
    let Some((step, rest)) = path.split_first() else {
        if value.is_null() {
            *value = json!(DATA);
        }
        return;
    };
    match step {
        Step::Member(name) => put_member(value, name, rest),
        Step::Members => put_member(value, ANY, rest),
        Step::Items => {
            if value.is_null() {
                *value = json!([null]);
            }
            for item in value.as_array_mut().into_iter().flatten() {
                put(item, rest);
            }
        }
    }
}

fn put_member(value: &mut Value, name: &str, rest: &[Step]) {
    if value.is_null() {
        *value = json!({});
    }
    if let Some(members) = value.as_object_mut() {
        put(members.entry(name).or_insert(Value::Null), rest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tool::Marks;
    use crate::tool::tests::tool;

    #[test]
    fn every_part_is_there() {
        let labels = [
            ("a", vec!["email", "phones[]", "addresses[].street", "account"]),
            ("b", vec!["account.*", "email"]),
        ];
        let labels = labels
            .map(|(name, parts)| (name.to_owned(), parts.into_iter().map(str::to_owned).collect()));
        let marks = Marks { labels: BTreeMap::from(labels), ..Marks::default() };
        let tool = tool(json!({ "type": "object", "properties": {} }), marks);
        let data = json!({
            "email": DATA, "phones": [DATA], "addresses": [{ "street": DATA }], "account": DATA
        });
        assert_eq!(result(tool.labels()), json!({ "structuredContent": data }));
    }
}
