//! What the user gives: the bundle's directory, its YAML, Cedar and test files, and trusted keys.

pub(in crate::cli) mod arguments;
pub mod cases;
mod cedar_file;
pub mod directory;
pub(in crate::cli) mod trust;
pub(in crate::cli) mod yaml;
