//! Finds calls that are permitted because they omit something.
//!
//! A `forbid` with a `has` condition does not match calls without the attribute. That is often
//! intended. It is rarely intended if the tool has a default for the absent value, or if the same
//! value can be given in another form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::argument;
use super::claims::Claims;
use super::expression::{attributes, path};
use super::world::{Read, World};
use crate::bundle::{Code, Finding};
use crate::tool::Tool;

/// The prefix of the names of a union's choices.
const CHOICE: &str = "typeChoice";

/// The choices of unions that policies read, by the path of the union.
#[derive(Default)]
pub(super) struct Choices<'a> {
    read: BTreeMap<Vec<String>, BTreeSet<String>>,
    asking: Vec<(Read<'a>, BTreeSet<Vec<String>>)>,
}

/// All paths tested with `has` so that the policy permits more calls if they are absent.
fn asked(read: &Read<'_>) -> BTreeSet<Vec<String>> {
    let mut asked = BTreeSet::new();
    read.visit_passing(&mut |operator, operand| {
        let of = operand.get("left").filter(|_| operator == "has").and_then(path);
        let Some(mut steps) = of else { return };
        for attribute in attributes(operand) {
            steps.push(attribute.to_owned());
            asked.insert(steps.clone());
        }
    });
    asked
}

impl<'a> Choices<'a> {
    /// Checks one policy; its unions are kept until all policies are read.
    pub(super) fn add(
        &mut self,
        world: &World<'_>,
        claims: &Claims<'_>,
        read: Read<'a>,
        findings: &mut Vec<Finding>,
    ) {
        let asked = asked(&read);
        let mut unions = BTreeSet::new();
        for steps in asked {
            match steps.split_last() {
                Some((last, union)) if last.starts_with(CHOICE) && !read.is_permit() => {
                    self.read.entry(union.to_vec()).or_default().insert(last.clone());
                    unions.insert(union.to_vec());
                }
                Some((last, _)) if last.starts_with(CHOICE) => {}
                _ if is_claimed(claims, &read, &steps) || is_chosen(world, &read, &steps) => {}
                _ => findings.extend(absent(world, &read, &steps)),
            }
        }
        if !unions.is_empty() {
            self.asking.push((read, unions));
        }
    }

    /// Unions of which policies read only some choices.
    pub(super) fn findings(&self, world: &World<'_>) -> Vec<Finding> {
        let unions = self.asking.iter();
        let unions = unions.flat_map(|(read, unions)| unions.iter().map(move |u| (read, u)));
        let finding = |(read, union): (&Read<'_>, &Vec<String>)| {
            let looked = self.read.get(union)?;
            let unread = |tool: &&Tool| {
                let path = union.get(2..)?;
                let (schema, path) =
                    argument::given(tool, path).or_else(|| Some((world.schema(tool)?, path)))?;
                let choices = argument::choices(schema, path);
                choices.into_iter().find(|choice| !looked.contains(choice))
            };
            let tools = world.tools(read);
            let (tool, choice) = tools.iter().find_map(|tool| Some((tool, unread(tool)?)))?;
            let name = union.join(".");
            let message = format!(
                "it looks at one form of `{name}`, and `{}` also takes `{choice}`",
                tool.qualified_name()
            );
            let help = "forbid the other forms as well, or write what is allowed with `unless`";
            let piece = name.clone() + " has ";
            Some(read.finding_at(&piece, Code::ChoicePasses, message).with_help(help))
        };
        unions.filter_map(finding).collect()
    }
}

/// The finding about a path that may be absent.
fn absent(world: &World<'_>, read: &Read<'_>, steps: &[String]) -> Option<Finding> {
    let name = steps.join(".");
    if is_certain(world, read, steps) {
        return None;
    }
    if let Some((tool, default)) = default_of(world, read, steps) {
        let message = format!(
            "a call without `{name}` is not held against it, and then `{tool}` takes `{default}`"
        );
        let help = format!("say what holds without it: `!({}) || …`", has(steps));
        return Some(read.finding_at(&has(steps), Code::DefaultPasses, message).with_help(help));
    }
    if read.is_permit() {
        return None;
    }
    let message = format!("a call without `{name}` is not forbidden");
    let help = format!("if it should be, write `unless {{ {} && … }}`", has(steps));
    Some(read.finding_at(&has(steps), Code::AbsencePasses, message).with_help(help))
}

/// Whether the path is an attribute from an optional claim, which has a finding of its own.
fn is_claimed(claims: &Claims<'_>, read: &Read<'_>, steps: &[String]) -> bool {
    let [variable, name, ..] = steps else { return false };
    variable == "principal" && claims.of_attribute(read, name).is_some()
}

/// Whether it is the form of an argument that another argument chooses, so that there is exactly one.
fn is_chosen(world: &World<'_>, read: &Read<'_>, steps: &[String]) -> bool {
    argument(steps)
        .is_some_and(|argument| world.tools(read).iter().all(|tool| tool.is_chosen(argument)))
}

fn has(steps: &[String]) -> String {
    let (last, of) = steps.split_last().map_or(("", steps), |(last, of)| (last.as_str(), of));
    format!("{} has {last}", of.join("."))
}

/// Whether every call in scope has the argument.
fn is_certain(world: &World<'_>, read: &Read<'_>, steps: &[String]) -> bool {
    argument(steps)
        .is_some_and(|argument| world.tools(read).iter().all(|tool| tool.is_certain(argument)))
}

/// The path of an argument.
fn argument(steps: &[String]) -> Option<&[String]> {
    let [context, input, argument @ ..] = steps else { return None };
    (context == "context" && input == "input").then_some(argument)
}

/// The default of a tool in scope for an absent argument.
fn default_of(world: &World<'_>, read: &Read<'_>, steps: &[String]) -> Option<(String, Value)> {
    let argument = argument(steps)?;
    world.tools(read).into_iter().filter(|tool| !tool.is_certain(argument)).find_map(|tool| {
        let of_bundle = || {
            let (schema, path) = argument::given(tool, argument)?;
            argument::default(schema, path)
        };
        let default = argument::default(world.schema(tool)?, argument).or_else(of_bundle)?;
        Some((tool.qualified_name().to_owned(), default.clone()))
    })
}
