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
        let mut unescaped = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => unescaped.push(self.escape()?),
                Some(0) => return Err(JsonError::Nul(self.at)),
                Some(_) => return Err(JsonError::ControlCharacter(self.at)),
                None => return Err(self.unexpected(None)),
            }
            unescaped.push_str(self.plain_run()?);
        }
    }

    /// Consumes the bytes before the next quote, backslash or control character.
    fn plain_run(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        self.advance(plain_prefix(rest));
        self.slice(start, self.at)
    }

    /// Parses the escape whose backslash is next.
    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.advance(1);
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.advance(1);
                return self.unicode_escape(start);
            }
            Some(_) => return Err(JsonError::UnknownEscape(start)),
            None => return Err(self.unexpected(None)),
        };
        self.advance(1);
        Ok(character)
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
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F));
    length.saturating_add(tail.unwrap_or(rest.len()))
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
