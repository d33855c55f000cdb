//! Parses strings, eight bytes at a time; strings without escapes are borrowed.

use std::borrow::Cow;

use super::JsonError;
use super::read::Reader;

impl<'a> Reader<'a> {
    /// Parses the string whose opening quote is next.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.advance(1);
        let plain = self.plain_run()?;
        if self.peek() == Some(b'"') {
            self.advance(1);
            return Ok(Cow::Borrowed(plain));
        }
        let mut unescaped = plain.as_bytes().to_vec();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    // What is added to the text is whole characters, so this does not fail.
                    let unescaped = String::from_utf8(unescaped);
                    return unescaped.map(Cow::Owned).map_err(|_| JsonError::NotUtf8(self.at));
                }
                Some(b'\\') => self.escape(&mut unescaped)?,
                Some(0) => return Err(JsonError::Nul(self.at)),
                Some(_) => return Err(JsonError::ControlCharacter(self.at)),
                None => return Err(self.unexpected(None)),
            }
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.advance(copy_plain(rest, &mut unescaped));
        }
    }

    /// Consumes the bytes before the next quote, backslash or control character.
    fn plain_run(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        self.advance(plain_prefix(rest));
        self.slice(start, self.at)
    }

    /// Parses the escape whose backslash is next, and appends its character.
    fn escape(&mut self, unescaped: &mut Vec<u8>) -> Result<(), JsonError> {
        let start = self.at;
        self.advance(1);
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.advance(1);
                let character = self.unicode_escape(start)?;
                unescaped.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            Some(_) => return Err(JsonError::UnknownEscape(start)),
            None => return Err(self.unexpected(None)),
        };
        self.advance(1);
        unescaped.push(character);
        Ok(())
    }

    /// Parses the digits of a `\u` escape that starts at `start`, including its low surrogate if
    /// any.
    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let high = self.hex4(start)?;
        if high == 0 {
            return Err(JsonError::Nul(start));
        }
        if !(0xD800..0xDC00).contains(&high) {
            // Only a low surrogate is not a character here.
            return char::from_u32(high.into()).ok_or(JsonError::LoneSurrogate(start));
        }
        let low_start = self.at;
        for expected in *b"\\u" {
            match self.peek() {
                Some(byte) if byte == expected => self.advance(1),
                Some(_) => return Err(JsonError::LoneSurrogate(start)),
                None => return Err(self.unexpected(None)),
            }
        }
        let low = self.hex4(low_start)?;
        let mut decoded = char::decode_utf16([high, low]);
        match decoded.next() {
            Some(Ok(character)) => Ok(character),
            Some(Err(_)) | None => Err(JsonError::LoneSurrogate(start)),
        }
    }

    /// Parses four hexadecimal digits of an escape that starts at `start`.
    fn hex4(&mut self, start: usize) -> Result<u16, JsonError> {
        let mut value: u16 = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or_else(|| self.unexpected(None))?;
            let digit = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
            value = (value << 4) | digit.ok_or(JsonError::UnknownEscape(start))?;
            self.advance(1);
        }
        Ok(value)
    }
}

/// The number of bytes before the first quote, backslash or control character.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length: usize = 0;
    for word in words {
        let marks = special_marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return length.saturating_add(marks.trailing_zeros() as usize / 8);
        }
        length = length.saturating_add(8);
    }
    length.saturating_add(short_plain_prefix(rest))
}

/// Copies the bytes before the first quote, backslash or control character, and returns their number.
/// To copy eight bytes and to drop some again is faster than to copy any other number.
pub(super) fn copy_plain(bytes: &[u8], copy: &mut Vec<u8>) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length: usize = 0;
    for word in words {
        copy.extend_from_slice(word);
        let marks = special_marks(u64::from_le_bytes(*word));
        if marks != 0 {
            let plain = marks.trailing_zeros() as usize / 8;
            copy.truncate(copy.len().saturating_sub(8).saturating_add(plain));
            return length.saturating_add(plain);
        }
        length = length.saturating_add(8);
    }
    let plain = short_plain_prefix(rest);
    copy.extend(rest.iter().take(plain));
    length.saturating_add(plain)
}

/// Whether a text has no quotes, backslashes and control characters.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    all_words(bytes, bytes, |word, _| special_marks(word) == 0)
}

/// Whether two texts are equal and have no quotes, backslashes and control characters.
pub(super) fn are_plain_and_equal(bytes: &[u8], others: &[u8]) -> bool {
    bytes.len() == others.len()
        && all_words(bytes, others, |word, other| word == other && special_marks(word) == 0)
}

/// Whether a function is true for all bytes of two texts of one length, given in words of eight. Some
/// bytes are given twice, and spaces fill up short texts.
#[inline]
fn all_words(bytes: &[u8], others: &[u8], is_true: impl Fn(u64, u64) -> bool) -> bool {
    let eight = |word: &[u8; 8], other: &[u8; 8]| {
        is_true(u64::from_le_bytes(*word), u64::from_le_bytes(*other))
    };
    if let (Some(last), Some(other)) = (bytes.last_chunk(), others.last_chunk()) {
        let (words, others) = (bytes.as_chunks().0, others.as_chunks().0);
        return words.iter().zip(others).all(|(word, other)| eight(word, other))
            && eight(last, other);
    }
    let short = |bytes: &[u8]| match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            (u64::from(u32::from_le_bytes(*first)) << 32) | u64::from(u32::from_le_bytes(*last))
        }
        _ => bytes
            .iter()
            .fold(u64::from_le_bytes([b' '; 8]), |word, byte| (word << 8) | u64::from(*byte)),
    };
    is_true(short(bytes), short(others))
}

/// As [`plain_prefix`], one byte at a time.
fn short_plain_prefix(bytes: &[u8]) -> usize {
    let special = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F));
    special.unwrap_or(bytes.len())
}

/// Sets the top bit of the special bytes of a word; bits above the lowest one may be false
/// positives.
fn special_marks(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
    const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);

    // A byte below the subtrahend borrows, which sets its top bit unless it was already set.
    let below = |word: u64, bytes: u64| word.wrapping_sub(bytes) & !word;
    let control = below(word, SPACES);
    let quote = below(word ^ QUOTES, ONES);
    let backslash = below(word ^ BACKSLASHES, ONES);
    (control | quote | backslash) & TOPS
}
