//! Why a call may not pass.

use crate::bundle::LayerName;
use crate::reason::Reason;

/// Why a call may not pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The reason.
    pub reason: Reason,
    /// The policies that refused it, in the order of their ids.
    pub policies: Vec<String>,
    /// The layer that refused it.
    pub layer: Option<LayerName>,
    /// What the caller may be told: the author's `@reason`, or what is wrong with the arguments.
    pub advice: Option<String>,
    /// What went wrong, for the record only.
    pub detail: Option<String>,
}

impl Denial {
    /// A denial without policies.
    pub fn because(reason: Reason) -> Self {
        Self { reason, policies: Vec::new(), layer: None, advice: None, detail: None }
    }

    /// The denial of a call that does not fit the schema, which loading the bundle rules out. Cedar's
    /// own error repeats values, which may be arguments that the inventory redacts.
    pub(crate) fn unfit() -> Self {
        let detail = Some("the call does not fit the bundle's schema".to_owned());
        Self { detail, ..Self::because(Reason::Internal) }
    }
}
