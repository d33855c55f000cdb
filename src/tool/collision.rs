//! Tools that cannot be told apart in Cedar.

use std::collections::BTreeMap;

use super::{Problem, Tool, ToolError};

/// Finds tools of one bundle with the same Cedar namespace: one error for each except the first.
pub fn collisions(tools: &[Tool]) -> Vec<ToolError> {
    let mut owners = BTreeMap::new();
    let mut errors = Vec::new();
    for tool in tools {
        if let Some(owner) = owners.insert(tool.namespace(), tool.qualified_name()) {
            let problem = Problem::Collision(tool.namespace().to_owned(), format!("`{owner}`"));
            errors.push(ToolError::new(tool.qualified_name(), "", problem));
        }
    }
    errors
}
