//! Which arguments can be counted.

use super::argument::Kind;
use super::{Tool, resource};

impl Tool {
    /// Whether the argument at this dotted path is a number; `None` if there is none.
    pub fn is_number(&self, path: &str) -> Option<bool> {
        let kinds = resource::find(&self.input, path).into_iter();
        let kinds = kinds.filter_map(|fields| fields.last().map(|(_, field)| &field.argument.kind));
        let is_number = |kind: &Kind| matches!(kind, Kind::Long(_) | Kind::Decimal(_));
        kinds.map(is_number).reduce(|one, other| one && other)
    }
}
