//! What the gate remembers of earlier calls: histories, labels of data and budgets.
//!
//! Memory is a value that an edge reads and writes: this module has no clock and no store. Its owner is
//! a verified identity or a transaction, and what it takes is bounded.
//!
#![doc = include_str!("memory.md")]

mod account;
mod amount;
mod asked;
mod attributes;
mod bucket;
mod due;
mod global;
mod group;
mod kept;
mod lesson;
mod log;
mod names;
mod owners;
mod pace;
mod past;
mod plan;
mod planning;
mod rate_limit;
mod reach;
mod repeats;
mod room;
mod runaway;
mod schema;
mod seen;
mod settings;
mod signs;
mod store;
mod table;
mod tasks;
mod usage;
mod used;
mod working;

pub use amount::{Amount, ONE, Span};
pub use asked::{Asked, Particulars, Uncountable};
pub use attributes::Attributes;
pub use due::{Due, Unpaid};
pub use lesson::{Lesson, Lessons};
use names::Key;
pub use names::{ANY_TENANT, Name, Secret, Slot};
pub use owners::Owners;
pub use past::{Told, Untold};
pub use plan::{Budget, Plan, Sections};
pub use rate_limit::{Answer, Charge, GlobalLimit, PER_MONTH, Query, USE_OF_APPROVAL};
pub use settings::{
    BudgetSettings, GlobalSettings, HistorySettings, MemorySettings, Part, Problem, Rate,
    RateLimitSettings, RunawaySettings, Spends, Storm, SumSettings, Unanswered, Unavailable,
    Window,
};
pub use signs::{Anomaly, Signs};
pub use store::Store;
pub use tasks::{OwnTasks, Task};
pub use used::{Approval, Unusable};
pub use working::{Exceeded, Recalled, Spending, Stored, Working, Write};

/// A time in milliseconds of a clock that nobody sets, or a span of it.
pub type Millis = u64;

#[cfg(test)]
mod tests;
