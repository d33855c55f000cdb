//! Command lines → stdout, stderr and exit code, as whole transcripts.

mod build;
mod check;
mod explain;
mod sandbox;
mod test;
mod usage;
