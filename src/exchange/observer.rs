//! What policies are asked, for whoever wants to see it.

use crate::decide::Question;
use crate::identity::Identity;

/// Sees what policies are asked. The filter has no observer.
pub trait Observer: std::fmt::Debug {
    /// Policies are about to be asked about the call in the `index`-th message of the body.
    fn asked(&self, index: usize, identity: &Identity, question: &Question<'_>);
}
