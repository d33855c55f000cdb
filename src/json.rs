//! Strict JSON: accepts only documents that every JSON parser interprets alike.
//!
//! The gate and the tool parse the same bytes with different parsers. Where parsers are known to
//! differ (duplicate keys, lone surrogates, NUL, byte order marks…), the document is refused rather
//! than guessing how the other parser interprets it. Integers that doubles round are kept as they
//! are written: they matter only where they are read.

mod canonical;
mod error;
mod given;
mod list;
mod message;
mod normal;
mod number;
mod plain;
mod read;
mod rendered;
mod spelled;
mod text;
mod unique;
mod value;
mod visible;
mod write;

pub use canonical::canonical;
pub use error::JsonError;
pub(crate) use given::given;
pub(crate) use list::{Element, Extent, List};
pub(crate) use message::{read_message, unread};
pub use normal::{Inexact, Normalize, normalized};
pub use number::Number;
use number::Numbers;
pub(crate) use plain::{cut, is_plain};
pub use read::{read, read_body};
pub use rendered::{REDACTED, Rendered, Shared};
pub use unique::unique;
pub use value::{Object, Value};
pub(crate) use visible::{escape_hidden, is_hidden};
pub(crate) use write::{hex, quote};
