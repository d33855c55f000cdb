//! SHA-256 digests over canonical JSON (RFC 8785).

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::json;

/// The block size of hashing, in bytes.
const PIECE: usize = 16_384;

/// A SHA-256 digest, written as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of a value's canonical JSON, which does not depend on key order and spacing.
    pub fn of(value: &impl Serialize) -> Self {
        Self::of_bytes(&json::canonical(value))
    }

    /// The digest of raw bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of_hash(Sha256::new_with_prefix(bytes))
    }

    fn of_hash(hash: Sha256) -> Self {
        let mut digits = [0; 64];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(hash.finalize()) {
            *pair = json::hex(byte);
        }
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
        Self(text)
    }

    /// The first bytes, for names that only have to differ.
    pub fn head<const N: usize>(&self) -> [u8; N] {
        let digits = self.0.as_bytes().get(7..).unwrap_or_default();
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let byte = |[high, low]: &[u8; 2]| {
            let [high, low] = [*high, *low].map(|digit| value(digit).unwrap_or_default());
            (high << 4) | low
        };
        let mut head = [0; N];
        for (place, pair) in head.iter_mut().zip(digits.as_chunks().0) {
            *place = byte(pair);
        }
        head
    }

    /// The digest's text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix("sha256:").unwrap_or_default();
        let plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() == 64 && digits.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not `sha256:` and 64 hexadecimal digits in lower case"))
        }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An incremental digest of JSON.
#[derive(Debug, Default)]
pub struct Digesting {
    hash: Sha256,
    /// Bytes not hashed yet: serializers write JSON in pieces of a few bytes.
    pending: Vec<u8>,
}

impl Digesting {
    /// Adds raw text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.add(text.as_bytes());
        self
    }

    /// Adds the canonical JSON of a value.
    pub fn canonical(&mut self, value: &impl Serialize) -> &mut Self {
        self.add(&json::canonical(value));
        self
    }

    /// Adds the JSON of a value that contains no numbers and whose objects have their members in
    /// order, so that its JSON is already canonical.
    pub fn plain(&mut self, value: &impl Serialize) -> &mut Self {
        // Strings and maps with string keys always serialize, and this writer does not fail.
        let _ = serde_json::to_writer(&mut *self, value);
        self
    }

    /// The digest of everything added.
    pub fn finish(&mut self) -> Digest {
        let Self { mut hash, pending } = std::mem::take(self);
        hash.update(pending);
        Digest::of_hash(hash)
    }

    fn add(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE {
            self.hash.update(&self.pending);
            self.pending.clear();
        }
    }
}

impl std::io::Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
