//! Transcripts of command lines: stdout, stderr and exit code.

mod build;
mod check;
mod coverage;
mod decided_again;
mod diff;
mod diff_log;
mod emit;
mod environments;
mod explain;
mod faces;
mod flipped;
mod freeform;
mod hidden;
mod history;
mod init;
mod inner;
mod inventory;
mod keys;
mod junit;
mod labels;
mod meant;
mod mutate;
mod names;
mod openapi;
mod rates;
mod sandbox;
mod sign;
mod test;
mod tool_server;
mod usage;

pub(crate) use sandbox::copy;
