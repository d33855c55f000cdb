//! Coverage: what a bundle's cases reach, whether that is enough, and which cases would help.

mod admitted;
mod decided;
mod halves;
mod labels;
mod measure;
mod reachable;
mod shown;
mod suggest;
mod tally;

pub use labels::{LabelCoverage, ResultLabel};
pub use measure::{Goal, Measure};
pub use reachable::{BudgetCoverage, Coverage, PolicyCoverage, ToolCoverage};
pub use suggest::{Calls, Request, Suggestion, suggest};
