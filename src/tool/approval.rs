//! The Cedar action by which a person approves calls of a tool.

use cedar_policy::EntityUid;

use super::Tool;
use super::cedar::entity;

/// The group of all actions that approve.
pub const APPROVE: &str = "approve";

impl Tool {
    /// The name of the action that approves calls of the tool, `<server>/<tool>/approve`.
    pub fn approve_name(&self) -> String {
        format!("{}/{APPROVE}", self.qualified_name())
    }

    /// The action that approves calls of the tool.
    pub fn approve_action(&self) -> Option<EntityUid> {
        entity("Action", &self.approve_name())
    }
}
