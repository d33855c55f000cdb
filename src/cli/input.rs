//! Reads what the user gives: bundle directories with their YAML, Cedar, tools and test files, and
//! files with trusted keys.

pub(in crate::cli) mod arguments;
pub mod cases;
mod cedar_file;
pub mod directory;
pub(in crate::cli) mod trust;
pub(in crate::cli) mod yaml;
