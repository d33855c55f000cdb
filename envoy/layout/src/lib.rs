//! Lays out the functions of a filter, and adds hints about which of their branches are taken.
//!
//! After running the rest of Envoy, a processor no longer has the filter's code at hand: it fetches
//! the code again, and treats every branch that it cannot predict as not taken. So it matters
//! whether the code of a call is contiguous and its path straight.

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

/// Why a module cannot be laid out, or a profile cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not WebAssembly.
    #[error("not a module: {0}")]
    Parse(#[from] wasmparser::BinaryReaderError),
    /// It contains something that cannot be rewritten.
    #[error("cannot be written again: {0}")]
    Rewrite(String),
    /// The module lacks something.
    #[error("the module has no {0}")]
    Lacks(&'static str),
    /// A line of the profile is invalid.
    #[error("line {line}: `{text}` is not `OPERATORS BRANCHES NAME`")]
    Line {
        /// The line number, from one.
        line: usize,
        /// The text of the line.
        text: String,
    },
    /// The logs have too few calls written by a marked filter.
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
