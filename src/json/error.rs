//! Why a document is not strict JSON.

/// Why a document is refused, and at which byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonError {
    /// Some parsers skip a byte order mark, others refuse it.
    #[error("byte order mark at byte {0}")]
    ByteOrderMark(usize),
    /// The bytes are not UTF-8; some parsers replace them.
    #[error("invalid UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The document ends too early.
    #[error("unexpected end of the document at byte {0}")]
    Truncated(usize),
    /// The grammar does not allow this character here.
    #[error("unexpected character at byte {0}")]
    Unexpected(usize),
    /// Something follows the document.
    #[error("more data after the document at byte {0}")]
    TrailingData(usize),
    /// There are more values than the limit allows.
    #[error("too many values at byte {0}")]
    TooManyValues(usize),
    /// Arrays and objects are nested deeper than the limit.
    #[error("nested too deep at byte {0}")]
    TooDeep(usize),
    /// An earlier member of the same object has this key.
    #[error("duplicate key at byte {0}")]
    DuplicateKey(usize),
    /// A string has an unescaped control character.
    #[error("unescaped control character at byte {0}")]
    ControlCharacter(usize),
    /// A string contains U+0000, at which some parsers end it.
    #[error("character U+0000 at byte {0}")]
    Nul(usize),
    /// A backslash does not start a JSON escape.
    #[error("unknown escape at byte {0}")]
    UnknownEscape(usize),
    /// A surrogate has no other half.
    #[error("lone surrogate at byte {0}")]
    LoneSurrogate(usize),
    /// A number does not follow the grammar.
    #[error("malformed number at byte {0}")]
    MalformedNumber(usize),
    /// A number is longer than the limit.
    #[error("number too long at byte {0}")]
    NumberTooLong(usize),
    /// Parsers with doubles would round this integer, or it has more than 64 bits.
    #[error("integer beyond 2^53 - 1 at byte {0}")]
    UnsafeInteger(usize),
    /// Parsers with doubles read this number as infinity or zero.
    #[error("number out of range at byte {0}")]
    NumberOutOfRange(usize),
    /// Some parsers keep the sign of `-0`, others drop it.
    #[error("negative zero at byte {0}")]
    NegativeZero(usize),
}

impl JsonError {
    /// The byte offset of the error.
    pub fn offset(self) -> usize {
        match self {
            Self::ByteOrderMark(at)
            | Self::NotUtf8(at)
            | Self::Truncated(at)
            | Self::Unexpected(at)
            | Self::TrailingData(at)
            | Self::TooManyValues(at)
            | Self::TooDeep(at)
            | Self::DuplicateKey(at)
            | Self::ControlCharacter(at)
            | Self::Nul(at)
            | Self::UnknownEscape(at)
            | Self::LoneSurrogate(at)
            | Self::MalformedNumber(at)
            | Self::NumberTooLong(at)
            | Self::UnsafeInteger(at)
            | Self::NumberOutOfRange(at)
            | Self::NegativeZero(at) => at,
        }
    }
}
