//! How much of a response can go back through Envoy's buffer.

use serde_json::Value;

use crate::metadata;

/// The name under which a listener's metadata has the size of its buffers.
const FILTER: &str = "toolgate";

/// The size in bytes.
const BUFFER_BYTES: &str = "buffer_bytes";

/// Envoy's buffer, if nothing else is configured.
const USUAL: usize = 1 << 20;

/// The size of Envoy's buffer for a response.
///
/// Envoy ends a response that overflows it in the middle of a host call, which neither the filter nor
/// Envoy survives. It tells its size to nobody, so the listener's metadata repeats it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    bytes: usize,
    is_told: bool,
}

impl Room {
    /// The size that the encoded metadata of a listener has, or Envoy's default.
    pub fn told(metadata: &[u8]) -> Self {
        let told = metadata::of_filter(metadata, FILTER).ok();
        let value = told.and_then(|mut values| values.find(|(name, _)| name == BUFFER_BYTES));
        match value {
            // All numbers of metadata are floating-point.
            Some((_, Value::Number(number))) => {
                let bytes = number.as_f64().and_then(|bytes| format!("{bytes}").parse().ok());
                bytes.map_or_else(Self::default, |bytes| Self { bytes, is_told: true })
            }
            _ => Self::default(),
        }
    }

    /// This size.
    #[cfg(test)]
    pub(crate) fn of(bytes: usize) -> Self {
        Self { bytes, is_told: true }
    }

    /// The size in bytes.
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }

    /// Why a longer body is not read.
    pub(super) fn exceeded(self) -> &'static str {
        if self.is_told {
            "the body is longer than the buffer of Envoy's listener"
        } else {
            "the body is longer than 1 MiB, and the listener's metadata has no `buffer_bytes`"
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: USUAL, is_told: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with one field, whose content is shorter than 128 bytes.
    fn field(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// Metadata with this value.
    fn metadata(filter: &str, name: &str, value: &[u8]) -> Vec<u8> {
        let entry = |name: &str, value: &[u8]| {
            field(1, &[field(1, name.as_bytes()), field(2, value)].concat())
        };
        entry(filter, &entry(name, value))
    }

    fn number(number: f64) -> Vec<u8> {
        [&[2 << 3 | 1], &number.to_le_bytes()[..]].concat()
    }

    #[test]
    fn a_size_that_is_not_told_is_envoys() {
        for (metadata, bytes) in [
            (metadata("toolgate", "buffer_bytes", &number(16_777_216.0)), 16_777_216),
            (metadata("toolgate", "buffer_bytes", &number(65536.0)), 65536),
            (metadata("toolgate", "buffer_bytes", &number(0.0)), 0),
            (metadata("toolgate", "buffer_bytes", &number(-1.0)), USUAL),
            (metadata("toolgate", "buffer_bytes", &number(1.5)), USUAL),
            (metadata("toolgate", "buffer_bytes", &number(f64::INFINITY)), USUAL),
            (metadata("toolgate", "buffer_bytes", &number(1e30)), USUAL),
            (metadata("toolgate", "buffer_bytes", &field(3, b"65536")), USUAL),
            (metadata("toolgate", "bytes", &number(65536.0)), USUAL),
            (metadata("other", "buffer_bytes", &number(65536.0)), USUAL),
            (b"\xff".to_vec(), USUAL),
            (Vec::new(), USUAL),
        ] {
            assert_eq!(Room::told(&metadata).bytes(), bytes, "{metadata:?}");
        }
    }
}
