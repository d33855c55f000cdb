//! Whether the new bundle permits what the old one refuses.

use crate::cli::output::exit::Exit;

/// How sure it is that the new bundle permits a call that the old one refuses.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Widening {
    /// It permits none.
    None,
    /// It cannot be excluded.
    Possible,
    /// It permits one.
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
