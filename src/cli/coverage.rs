//! What the cases of a bundle have reached, whether that is enough, and which cases would help.

mod measure;
mod shown;
mod suggest;
mod tally;

pub use measure::{Goal, Measure};
pub use suggest::{Suggestion, suggest};
pub use tally::{Coverage, PolicyCoverage, ToolCoverage};
