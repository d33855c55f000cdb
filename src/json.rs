//! Strict JSON: only documents that every JSON reader reads the same way.
//!
//! What the gate decides about and what the tool receives is one byte string read by two readers.
//! Wherever readers are known to differ (duplicate keys, big numbers, lone surrogates, NUL, byte
//! order marks…), the document is refused instead of guessing what the other one will see.

mod canonical;
mod error;
mod given;
mod normal;
mod number;
mod plain;
mod read;
mod rendered;
mod text;
mod unique;
mod value;
mod visible;
mod write;

pub use canonical::canonical;
pub use error::JsonError;
pub(crate) use given::given;
pub use normal::{Inexact, Normalize, normalized};
pub use number::Number;
pub(crate) use plain::{cut, is_plain};
pub use read::{read, read_few};
pub use rendered::{REDACTED, Rendered, Shared};
pub use unique::unique;
pub use value::{Object, Value};
pub(crate) use visible::escape_hidden;
#[cfg(any(test, feature = "cli"))]
pub(crate) use visible::is_hidden;
pub(crate) use write::{hex, quote};
