//! Measures the cost of each step of an exchange, by itself and beside Cedar's own authorizer.

mod answered;
mod asked;
mod document;
mod evidence;
mod remembered;
mod step;
mod versus;

pub use step::{Step, all};
pub use versus::{Versus, versus};
