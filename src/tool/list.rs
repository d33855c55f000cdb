//! Parses a server's MCP `tools/list` response and pins its tools by digest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::is_wire_name;
use super::pin::Pin;
use super::problem::{Problem, ToolError};
use crate::digest::Digest;
use crate::json::Normalize as _;

/// One tool as its server describes it, reduced to what the gate reads. The pin covers the rest, such
/// as the description that a model reads.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", try_from = "Entry")]
pub struct ToolDescription {
    name: String,
    input_schema: Value,
    #[serde(flatten)]
    pin: Pin,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    classes: BTreeSet<String>,
}

/// A tool in a built document, before validation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    name: String,
    input_schema: Value,
    digest: Digest,
    #[serde(default)]
    members: BTreeMap<String, Digest>,
    #[serde(default)]
    classes: BTreeSet<String>,
}

impl ToolDescription {
    /// The name of the tool on the wire.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The JSON Schema of its arguments, in normal form.
    pub fn input_schema(&self) -> &Value {
        &self.input_schema
    }

    /// The digests of everything that the server states about the tool.
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// The classes that patterns of names give it, as the tools file lists them.
    pub fn classes(&self) -> &BTreeSet<String> {
        &self.classes
    }
}

impl TryFrom<Entry> for ToolDescription {
    type Error = Problem;

    fn try_from(entry: Entry) -> Result<Self, Problem> {
        let Entry { name, mut input_schema, digest, members, classes } = entry;
        if !is_wire_name(&name) {
            return Err(Problem::ToolName);
        }
        if !input_schema.is_object() {
            return Err(Problem::NoSchema);
        }
        input_schema.normalize()?;
        Ok(Self { name, input_schema, pin: Pin::new(digest, members), classes })
    }
}

/// The tools of `{"tools": […]}`, of a JSON-RPC response that contains it, or of a bare array.
pub fn listed(list: &Value) -> Option<&Vec<Value>> {
    let answer = list.get("result").unwrap_or(list);
    answer.get("tools").unwrap_or(answer).as_array()
}

/// Parses a list of tools with their `classes`, and compares it with its `pins`, if present.
///
/// The error lists every tool that cannot be parsed or differs from its pin.
pub fn read_tools(list: &Value) -> Result<Vec<ToolDescription>, Vec<ToolError>> {
    let answer = list.get("result").unwrap_or(list);
    let Some(tools) = listed(list) else {
        return Err(vec![ToolError::new("", "", Problem::NotAList)]);
    };
    let mut descriptions = Vec::new();
    let mut errors = Vec::new();
    let is_beside = |member: &str| list.get("result").is_some() && list.get(member).is_some();
    if ["tools", "pins", "classes"].into_iter().any(is_beside) {
        errors.push(ToolError::new("", "", Problem::TwoAnswers));
    }
    if answer.get("nextCursor").is_some_and(|cursor| !cursor.is_null()) {
        errors.push(ToolError::new("", "", Problem::OnePage));
    }
    let mut seen = BTreeSet::new();
    for (position, tool) in tools.iter().enumerate() {
        match description(tool) {
            Ok(tool) if seen.insert(tool.name.clone()) => descriptions.push(tool),
            Ok(tool) => errors.push(ToolError::new(&tool.name, "", Problem::Repeated)),
            Err(problem) => {
                let name = tool.get("name").and_then(Value::as_str);
                let place = name.map_or_else(|| format!("#{position}"), ToOwned::to_owned);
                errors.push(ToolError::new(&place, "", problem));
            }
        }
    }
    if let Some(pins) = answer.get("pins") {
        errors.extend(unpinned(pins, &descriptions));
    }
    if let Some(classes) = answer.get("classes") {
        errors.extend(classify(classes, &mut descriptions));
    }
    if errors.is_empty() { Ok(descriptions) } else { Err(errors) }
}

fn description(tool: &Value) -> Result<ToolDescription, Problem> {
    let name = tool.get("name").and_then(Value::as_str).ok_or(Problem::Nameless)?;
    let input_schema = tool.get("inputSchema").unwrap_or(&Value::Null).clone();
    let (name, classes) = (name.to_owned(), BTreeSet::new());
    let Pin { digest, members, .. } = Pin::of(tool);
    ToolDescription::try_from(Entry { name, input_schema, digest, members, classes })
}

/// The differences between pins and tools.
fn unpinned(pins: &Value, tools: &[ToolDescription]) -> Vec<ToolError> {
    let Ok(mut pins) = BTreeMap::<String, Digest>::deserialize(pins) else {
        return vec![ToolError::new("", "", Problem::Pins)];
    };
    let mut errors = Vec::new();
    for tool in tools {
        match pins.remove(&tool.name) {
            Some(digest) if digest == tool.pin.digest => {}
            Some(_) => errors.push(ToolError::new(&tool.name, "", Problem::NotAsPinned)),
            None => errors.push(ToolError::new(&tool.name, "", Problem::NotPinned)),
        }
    }
    errors.extend(pins.keys().map(|name| ToolError::new(name, "", Problem::PinOfNothing)));
    errors
}

/// Gives every tool the classes that list its name.
fn classify(classes: &Value, tools: &mut [ToolDescription]) -> Vec<ToolError> {
    let Ok(classes) = BTreeMap::<String, BTreeSet<String>>::deserialize(classes) else {
        return vec![ToolError::new("", "", Problem::Classes)];
    };
    let mut errors = Vec::new();
    for (class, names) in classes {
        for name in names {
            match tools.iter_mut().find(|tool| tool.name == name) {
                Some(tool) => _ = tool.classes.insert(class.clone()),
                None => errors.push(ToolError::new(&name, "", Problem::ClassOfNothing)),
            }
        }
    }
    errors
}
