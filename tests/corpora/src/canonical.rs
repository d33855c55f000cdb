//! The test vectors of RFC 8785, byte for byte.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use toolgate::json;

use crate::files::Files;
use crate::tally::Tally;

const DOCUMENTS: &str = "documents";
const NUMBERS: &str = "numbers, by the published digest of so many lines";

/// The published digests, each with the count of numbers it covers. The sequence starts with the
/// corpus's seeds and is derived from them.
const DIGESTS: [(usize, &str); 4] = [
    (1_000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"),
    (10_000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"),
    (100_000, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7"),
    (1_000_000, "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16"),
];

/// Serializes every document, and at most this many numbers.
pub(crate) fn run(files: &Files, most: usize) -> Tally {
    let mut tally = Tally::default();
    for (name, input) in files.iter() {
        if let Some(name) = name.strip_prefix("input/") {
            let output = files.bytes(&format!("output/{name}"));
            document(&mut tally, name, input, output.unwrap_or_default());
        }
    }
    match seeds(files) {
        Some(seeds) => numbers(&mut tally, &seeds, most),
        None => tally.differed(NUMBERS, "numbers-seeds.txt does not read".to_owned()),
    }
    tally
}

/// Parses the document as a bundle is parsed and as a caller's document is.
fn document(tally: &mut Tally, name: &str, input: &[u8], output: &[u8]) {
    let written = serde_json::from_slice::<Value>(input).map(|value| json::canonical(&value));
    let strictly = json::read(input, 64).map(|value| json::canonical(&value));
    for written in [written.map_err(|e| e.to_string()), strictly.map_err(|e| e.to_string())] {
        match written {
            Ok(bytes) if bytes == output => tally.agreed(DOCUMENTS),
            Ok(bytes) => {
                let bytes = String::from_utf8_lossy(&bytes).into_owned();
                tally.differed(DOCUMENTS, format!("{name} is written as {bytes}"));
            }
            Err(error) => tally.differed(DOCUMENTS, format!("{name} does not read: {error}")),
        }
    }
}

fn seeds(files: &Files) -> Option<Vec<u64>> {
    let lines = files.text("numbers-seeds.txt")?.lines();
    lines.map(|line| u64::from_str_radix(line, 16).ok()).collect()
}

fn numbers(tally: &mut Tally, seeds: &[u64], most: usize) {
    let mut hash = Sha256::new();
    let mut digests = DIGESTS.iter().take_while(|(count, _)| *count <= most).peekable();
    for (count, bits) in (1..).zip(seeds.iter().copied().chain(serial()).chain(drawn())) {
        let Some((due, expected)) = digests.peek() else { break };
        let written = json::canonical(&f64::from_bits(bits));
        hash.update(format!("{bits:x},"));
        hash.update(&written);
        hash.update("\n");
        tally.count("numbers written", 1);
        if count == *due {
            let digest = hex(&hash.clone().finalize());
            if digest == *expected {
                tally.agreed(NUMBERS);
            } else {
                tally.differed(NUMBERS, format!("the first {count} have {digest}"));
            }
            digests.next();
        }
    }
}

/// The numbers from the smallest normal one.
fn serial() -> impl Iterator<Item = u64> {
    (0..2_000).map(|n| 0x0010_0000_0000_0000 + n)
}

/// Numbers from a chain of digests.
fn drawn() -> impl Iterator<Item = u64> {
    let first: [u8; 32] = Sha256::digest([0; 32]).into();
    let blocks = std::iter::successors(Some(first), |block| Some(Sha256::digest(block).into()));
    let words = blocks.flat_map(|block| {
        let (words, _) = block.as_chunks::<8>();
        <[u64; 4]>::try_from(words.iter().map(|it| u64::from_le_bytes(*it)).collect::<Vec<_>>())
            .expect("a digest has four words")
    });
    words.filter(|bits| f64::from_bits(*bits).is_finite() && f64::from_bits(*bits) != 0.0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
