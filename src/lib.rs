#![doc = include_str!("../README.md")]

pub mod reason;
pub mod exchange;

pub mod head;
pub mod identity;
pub mod json;
pub mod mcp;
pub mod tool;
pub mod policy;
mod budget;
mod recent;
pub mod decide;
pub mod refusal;
pub mod header;
pub mod record;

pub mod bundle;
pub mod config;
pub mod digest;
pub mod trust;

#[cfg(test)]
mod fixture;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(target_family = "wasm")]
mod filter;
