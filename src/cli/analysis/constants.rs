//! The constants of policies, and the values next to them.

use serde_json::{Value, json};

/// The values next to a constant, each with the difference in words.
pub(in crate::cli) fn neighbours(constant: &Value) -> Vec<(Value, String)> {
    let becomes =
        |value: Value, text: String, other: String| (value, format!("`{text}` becomes `{other}`"));
    match constant {
        Value::Bool(value) => {
            vec![becomes((!value).into(), value.to_string(), (!value).to_string())]
        }
        Value::Number(number) => {
            let Some(number) = number.as_i64() else { return Vec::new() };
            let others = [number.checked_sub(1), number.checked_add(1)].into_iter().flatten();
            others.map(|n| becomes(n.into(), number.to_string(), n.to_string())).collect()
        }
        Value::String(text) => {
            let other = format!("{text}~");
            vec![becomes(other.as_str().into(), format!("{text:?}"), format!("{other:?}"))]
        }
        Value::Object(_) => {
            let Some((kind, id)) = entity(constant) else { return Vec::new() };
            let other = format!("{id}~");
            let value = json!({ "__entity": { "type": kind, "id": other } });
            vec![becomes(value, format!("{kind}::{id:?}"), format!("{kind}::{other:?}"))]
        }
        Value::Null | Value::Array(_) => Vec::new(),
    }
}

fn entity(value: &Value) -> Option<(&str, &str)> {
    let entity = value.get("__entity")?;
    Some((entity.get("type")?.as_str()?, entity.get("id")?.as_str()?))
}

/// The decimals next to a literal `decimal("…")`, in its last digit.
pub(in crate::cli) fn decimals(literal: &Value) -> Vec<(Value, String)> {
    let Some(text) = decimal(literal) else { return Vec::new() };
    let others = next_to(text).into_iter().flatten();
    others
        .map(|other| {
            let what = format!("`{text}` becomes `{other}`");
            (json!({ "decimal": [{ "Value": other }] }), what)
        })
        .collect()
}

fn decimal(node: &Value) -> Option<&str> {
    node.get("decimal")?.get(0)?.get("Value")?.as_str()
}

/// The decimals below and above, with as many digits.
fn next_to(text: &str) -> Option<[String; 2]> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = fraction.len();
    let number: i64 = format!("{whole}{fraction}").parse().ok()?;
    let negative = text.starts_with('-');
    // A negative zero before the point loses its sign.
    let number = if negative && number > 0 { number.checked_neg()? } else { number };
    let written = |number: i64| {
        let sign = if number < 0 { "-" } else { "" };
        let all = format!("{:0>width$}", number.unsigned_abs(), width = digits.saturating_add(1));
        let point = all.len().checked_sub(digits)?;
        Some(format!("{sign}{}.{}", all.get(..point)?, all.get(point..)?))
    };
    Some([written(number.checked_sub(1)?)?, written(number.checked_add(1)?)?])
}

/// The constants of a policy and the values next to them, as arguments of calls.
pub(in crate::cli) fn of(policy: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    collect(policy.get("conditions").unwrap_or(&Value::Null), &mut found);
    found
}

fn collect(node: &Value, found: &mut Vec<Value>) {
    let mut add = |value: Value| {
        if !found.contains(&value) {
            found.push(value);
        }
    };
    if let Some(text) = decimal(node) {
        let texts = next_to(text).into_iter().flatten().chain([text.to_owned()]);
        for number in texts.filter_map(|text| text.parse::<f64>().ok()) {
            // A whole number is written without a fraction, as clients do.
            #[expect(clippy::cast_possible_truncation, reason = "compared afterwards")]
            let whole = number as i64;
            #[expect(
                clippy::cast_precision_loss,
                clippy::float_cmp,
                reason = "exactness is the question"
            )]
            let is_whole = whole as f64 == number;
            add(if is_whole { whole.into() } else { number.into() });
        }
        return;
    }
    if let Some(constant) = node.get("Value") {
        if let Some((_, id)) = entity(constant) {
            add(id.into());
            return;
        }
        add(constant.clone());
        for (value, _) in neighbours(constant) {
            add(value);
        }
        return;
    }
    match node {
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The arguments with each constant in place of each value of its type.
pub(in crate::cli) fn placed(base: &Value, constants: &[Value]) -> Vec<Value> {
    let mut places = Vec::new();
    leaves(base, String::new(), &mut places);
    let pairs = places.iter().flat_map(|place| constants.iter().map(move |it| (place, it)));
    let changed = pairs.filter_map(|(place, constant)| {
        let mut changed = base.clone();
        let leaf = changed.pointer_mut(place)?;
        let fits = (leaf.is_number() && constant.is_number())
            || (leaf.is_string() && constant.is_string())
            || (leaf.is_boolean() && constant.is_boolean());
        *leaf = Some(constant.clone()).filter(|_| fits)?;
        Some(changed)
    });
    changed.collect()
}

fn leaves(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                leaves(element, format!("{place}/{position}"), places);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                leaves(member, format!("{place}/{name}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => places.push(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_next_to_a_decimal() {
        for (text, below, above) in [
            ("500.0", "499.9", "500.1"),
            ("0.05", "0.04", "0.06"),
            ("0.0", "-0.1", "0.1"),
            ("-0.5", "-0.6", "-0.4"),
            ("-1.00", "-1.01", "-0.99"),
            ("9.9999", "9.9998", "10.0000"),
        ] {
            assert_eq!(next_to(text), Some([below.to_owned(), above.to_owned()]), "{text}");
        }
        assert_eq!(next_to("5"), None);
    }

    #[test]
    fn constants_of_a_policy() {
        let policy = json!({ "conditions": [{ "body": { "&&": {
            "left": { "lessThan": [{ "Var": "context" }, { "decimal": [{ "Value": "5.0" }] }] },
            "right": { "==": { "left": { "Value": 3 }, "right": { "Value": { "__entity": { "type": "A", "id": "x" } } } } },
        } } }] });
        assert_eq!(
            of(&policy),
            [json!(4.9), json!(5.1), json!(5), json!(3), json!(2), json!(4), json!("x")]
        );
    }
}
