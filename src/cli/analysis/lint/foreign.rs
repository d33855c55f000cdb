//! Finds policies about several tools that compare an argument with the values of only one of them.
//!
//! Every tool's enumeration is a separate type, so for the other tools the comparison is never
//! true, and a `forbid` does not match their calls.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::expression::path;
use super::facts::{entity, variable};
use super::world::{Read, World};
use crate::bundle::{Code, Finding};
use crate::cli::output::report::listed;
use crate::tool::Tool;

/// The entity types that arguments are compared with, by the path of the argument.
type Compared = BTreeMap<Vec<String>, BTreeSet<String>>;

/// The findings about one policy.
pub(super) fn check(world: &World<'_>, read: &Read<'_>) -> Vec<Finding> {
    let mut compared = Compared::new();
    for condition in &read.conditions {
        // If a condition reads the action, it is unknown which tool its parts apply to.
        if !collect(condition.get("body").unwrap_or(&Value::Null), &mut compared) {
            return Vec::new();
        }
    }
    let tools = world.tools(read);
    compared.iter().filter_map(|(path, types)| foreign(read, &tools, path, types)).collect()
}

/// Collects comparisons; returns whether the expression does not read the action.
fn collect(expression: &Value, compared: &mut Compared) -> bool {
    if *expression == variable("action") {
        return false;
    }
    for operator in ["==", "!=", "in"] {
        let Some(operand) = expression.get(operator) else { continue };
        let (left, right) = (operand.get("left"), operand.get("right"));
        for (argument, values) in [(left, right), (right, left)] {
            let argument = argument.and_then(path).filter(|path| path.starts_with(&input()));
            if let (Some(argument), Some(values)) = (argument, values) {
                let types = entities(values);
                compared.entry(argument).or_default().extend(types);
            }
        }
    }
    match expression {
        Value::Object(members) => members.values().all(|member| collect(member, compared)),
        Value::Array(elements) => elements.iter().all(|element| collect(element, compared)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn input() -> [String; 2] {
    ["context", "input"].map(str::to_owned)
}

/// The types of an entity literal, or of the entities in a set.
fn entities(expression: &Value) -> Vec<String> {
    let set = expression.get("Set").and_then(Value::as_array);
    let values = set.map_or(std::slice::from_ref(expression), Vec::as_slice).iter();
    values.filter_map(entity).map(|entity| entity.type_name().to_string()).collect()
}

/// The tools whose argument has none of the types that it is compared with.
fn foreign(
    read: &Read<'_>,
    tools: &[&Tool],
    path: &[String],
    types: &BTreeSet<String>,
) -> Option<Finding> {
    let of = |tool: &Tool| tool.enumeration(path.get(2..)?);
    let foreign = |tool: &&&Tool| of(tool).is_some_and(|own| !types.contains(&own));
    let foreign: Vec<_> = tools.iter().filter(foreign).collect();
    let (first, own) = foreign.first().and_then(|tool| Some((tool, of(tool)?)))?;
    let (name, other) = (path.join("."), types.first()?);
    let message = format!(
        "`{name}` is never equal to a value of `{other}` in calls of {}",
        listed(foreign.iter().map(|tool| tool.qualified_name()))
    );
    let help = format!(
        "in calls of `{}` it is of the type `{own}`: compare with the values of every tool, joined \
         by `||`, or write a policy for each tool",
        first.qualified_name()
    );
    Some(read.finding_at(&name, Code::ForeignValue, message).with_help(help))
}
