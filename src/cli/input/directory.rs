//! Compiles a bundle directory to its document, with the source location of each part.

mod advice;
mod built;
mod case_files;
mod elsewhere;
mod entities;
mod environments;
mod label_paths;
mod layers;
mod layout;
mod opened;
mod overlay;
mod source_map;
mod reader;
mod strays;
pub(in crate::cli) mod tools;

pub use case_files::{tests, tests_for};
pub use environments::{environments, named, open, open_for, open_to_load};
pub(in crate::cli) use layout::is_inside;
pub use opened::Opened;
pub(in crate::cli) use opened::in_order;
pub use source_map::SourceMap;
