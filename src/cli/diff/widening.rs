//! Whether the new bundle permits calls that the old one refuses.

use crate::cli::output::exit::Exit;

/// How certain it is that the new bundle permits a call that the old one refuses.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Widening {
    /// It permits no such call.
    None,
    /// It may permit one.
    Possible,
    /// It permits at least one.
    Certain,
}

impl From<Widening> for Exit {
    fn from(widening: Widening) -> Self {
        match widening {
            Widening::None => Self::Success,
            Widening::Possible | Widening::Certain => Self::Failure,
        }
    }
}
