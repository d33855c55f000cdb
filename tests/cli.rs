//! Command lines → stdout, stderr and exit code, as whole transcripts.

mod build;
mod check;
mod diff;
mod explain;
mod sandbox;
mod sign;
mod test;
mod usage;
