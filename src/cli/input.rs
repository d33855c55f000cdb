//! Reads user input: bundle directories with their YAML, Cedar, tool and test files, and key
//! files.

pub(in crate::cli) mod arguments;
pub mod cases;
mod cedar_file;
pub mod directory;
pub(in crate::cli) mod key;
pub(in crate::cli) mod trust;
pub(in crate::cli) mod yaml;
