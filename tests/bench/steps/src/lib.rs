//! What each step of an exchange costs, one by one and beside Cedar's own authorizer.

mod asked;
mod document;
mod evidence;
mod step;
mod versus;

pub use step::{Step, all};
pub use versus::{Versus, versus};
