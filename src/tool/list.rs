//! What a server offers: the answer to MCP `tools/list`.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::problem::{Problem, ToolError};

/// The longest name a tool can have.
const MAX_NAME: usize = 128;

/// One tool as its server describes it, reduced to what the gate reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolDescription {
    name: String,
    input_schema: Value,
}

impl ToolDescription {
    /// The name of the tool.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The JSON Schema of its arguments.
    pub fn input_schema(&self) -> &Value {
        &self.input_schema
    }
}

/// Reads `{"tools": […]}`, a JSON-RPC response around it, or the bare array.
///
/// The error has every tool that cannot be read.
pub fn read_tools(list: &Value) -> Result<Vec<ToolDescription>, Vec<ToolError>> {
    let answer = list.get("result").unwrap_or(list);
    let Some(tools) = answer.get("tools").unwrap_or(answer).as_array() else {
        return Err(vec![ToolError::new("", "", Problem::NotAList)]);
    };
    let mut descriptions = Vec::new();
    let mut errors = Vec::new();
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
    if errors.is_empty() { Ok(descriptions) } else { Err(errors) }
}

fn description(tool: &Value) -> Result<ToolDescription, Problem> {
    let name = tool.get("name").and_then(Value::as_str).ok_or(Problem::Nameless)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
        return Err(Problem::ToolName);
    }
    let schema = tool.get("inputSchema").filter(|schema| schema.is_object());
    Ok(ToolDescription {
        name: name.to_owned(),
        input_schema: schema.ok_or(Problem::NoSchema)?.clone(),
    })
}
