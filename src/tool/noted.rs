//! What records say about a tool.

use std::sync::Arc;

use super::marks::Marks;

/// The fields of a record that describe the tool.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The qualified name.
    pub name: Arc<str>,
    /// The name on the wire, if it is not the name in the bundle.
    pub wire_name: Option<Arc<str>>,
    /// As in [`Marks`].
    pub classes: Arc<[String]>,
    /// As in [`Marks`].
    pub data_class: Option<Arc<str>>,
    /// As in [`Marks`].
    pub operation: Option<Arc<str>>,
    /// As in [`Marks`].
    pub cost: Option<u32>,
}

impl Noted {
    pub(super) fn new(name: &str, wire_name: Option<&str>, marks: &Marks) -> Self {
        Self {
            name: name.into(),
            wire_name: wire_name.map(Into::into),
            classes: marks.classes.as_slice().into(),
            data_class: marks.data_class.as_deref().map(Into::into),
            operation: marks.operation.as_deref().map(Into::into),
            cost: marks.cost,
        }
    }
}
