//! Observes the Cedar requests of an exchange.

use crate::decide::Question;
use crate::identity::Identity;

/// Receives the Cedar request of each call. The filter has no observer.
pub trait Observer: std::fmt::Debug {
    /// Called before policies are evaluated for the call in the `index`-th message of the body.
    fn asked(&self, index: usize, identity: &Identity, question: &Question<'_>);

    /// Called before policies are evaluated for the inner call of that call. They are not if the
    /// call itself is refused.
    fn asked_inner(&self, index: usize, question: &Question<'_>);
}
