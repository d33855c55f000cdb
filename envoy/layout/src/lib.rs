//! Where the functions of a filter stand, and which of their branches are taken.
//!
//! A processor that comes back to the filter after all of Envoy has forgotten its code: it fetches
//! it anew and takes every branch that it cannot foresee for one that is not taken. So it counts
//! whether the code of a call is in one place, and whether its way through it is straight on.

mod apply;
mod mark;
mod module;
mod profile;
mod rewrite;
mod sightings;
#[cfg(test)]
mod tests;

pub use apply::{Fit, laid_out};
pub use mark::marked;
pub use module::Module;
pub use profile::Profile;
pub use sightings::Sightings;

/// Why a module cannot be laid out, or a profile not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not WebAssembly.
    #[error("not a module: {0}")]
    Parse(#[from] wasmparser::BinaryReaderError),
    /// It has something that cannot be written again.
    #[error("cannot be written again: {0}")]
    Rewrite(String),
    /// The module lacks something.
    #[error("the module has no {0}")]
    Lacks(&'static str),
    /// A line of a profile is no line of a profile.
    #[error("line {line}: `{text}` is not `OPERATORS BRANCHES NAME`")]
    Line {
        /// From one.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// The logs have too little of what a marked filter writes.
    #[error("the logs have {0} calls of this filter, marked, which is too little to learn from")]
    FewCalls(u32),
}

impl Error {
    fn rewrite(error: wasm_encoder::reencode::Error<Self>) -> Self {
        match error {
            wasm_encoder::reencode::Error::UserError(error) => error,
            wasm_encoder::reencode::Error::ParseError(error) => Self::Parse(error),
            error => Self::Rewrite(error.to_string()),
        }
    }
}
