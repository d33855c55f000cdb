//! Why a document is not strict JSON.

/// Why a document is refused, and at which byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonError {
    /// Some readers skip a byte order mark, some refuse it.
    #[error("byte order mark at byte {0}")]
    ByteOrderMark(usize),
    /// The bytes are not UTF-8; some readers replace them.
    #[error("invalid UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The document ends too early.
    #[error("unexpected end of the document at byte {0}")]
    Truncated(usize),
    /// The grammar has another character here.
    #[error("unexpected character at byte {0}")]
    Unexpected(usize),
    /// Something follows the document.
    #[error("more data after the document at byte {0}")]
    TrailingData(usize),
    /// There are more values than the limit.
    #[error("too many values at byte {0}")]
    TooManyValues(usize),
    /// Arrays and objects nest deeper than the limit.
    #[error("nested too deep at byte {0}")]
    TooDeep(usize),
    /// An earlier member of the same object has this key.
    #[error("duplicate key at byte {0}")]
    DuplicateKey(usize),
    /// A string has an unescaped control character.
    #[error("unescaped control character at byte {0}")]
    ControlCharacter(usize),
    /// A string has U+0000, where some readers end it.
    #[error("character U+0000 at byte {0}")]
    Nul(usize),
    /// A backslash starts no escape of JSON.
    #[error("unknown escape at byte {0}")]
    UnknownEscape(usize),
    /// A surrogate stands without its other half.
    #[error("lone surrogate at byte {0}")]
    LoneSurrogate(usize),
    /// A number does not follow the grammar.
    #[error("malformed number at byte {0}")]
    MalformedNumber(usize),
    /// A number is written with absurdly many bytes.
    #[error("number too long at byte {0}")]
    NumberTooLong(usize),
    /// Readers with doubles would round this integer.
    #[error("integer beyond 2^53 - 1 at byte {0}")]
    UnsafeInteger(usize),
    /// Readers with doubles see infinity or zero in this number.
    #[error("number out of range at byte {0}")]
    NumberOutOfRange(usize),
    /// Some readers keep the sign of `-0`, some lose it.
    #[error("negative zero at byte {0}")]
    NegativeZero(usize),
}

impl JsonError {
    /// The byte at which the document is refused.
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
