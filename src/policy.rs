//! Cedar policies, ready to be asked: which of them can match a call, and each one's condition.
//!
//! A call is put before the policies whose scope can match it, and no others. Cedar's own answer
//! over the whole set is the same, because the condition of a policy begins with its scope.

mod answer;
mod bounds;
mod condition;
mod datum;
mod evaluator;
mod head;
mod index;
mod like;
mod rule;
mod rules;
mod scene;
mod scope;
mod seen;
pub mod value;

pub use answer::Answer;
pub use bounds::Bounds;
pub use datum::Datum;
pub use evaluator::Cedar;
pub use head::Head;
pub use index::Index;
pub use rule::Rule;
pub use rules::{Rules, Unreadable};
pub use scene::{Observed, Scene};
pub use scope::{Key, Keys, Scope};

#[cfg(test)]
mod tests;
