#![doc = include_str!("../README.md")]

pub mod reason;
pub mod json;
pub mod head;
pub mod sse;
pub mod digest;
pub mod key;
pub mod jose;
mod structured_field;
mod timestamp;
mod metadata;
mod limited_cache;

pub mod policy;
pub mod identity;
pub mod tool;
pub mod memory;
pub mod mcp;
pub mod bundle;
pub mod trust;
pub mod approval;

pub mod gate;
pub mod config;

pub mod decide;
pub mod record;
pub mod header;
pub mod assertion;
pub mod refusal;
pub mod exchange;

#[cfg(test)]
mod fixture;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(target_family = "wasm")]
mod filter;
