//! Mutations of seeds, the same ones in every run.

use crate::pieces::Dice;

/// Pieces of text at which the readers branch.
const WORDS: [&[u8]; 24] = [
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff",
    b"\\u0000",
    b"\\ud800",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-0",
    b"1e400",
    b"9007199254740993",
    b"1.0",
    b"data: ",
    b"event: endpoint\n",
    b"tools/call",
];

/// The longest mutation, in bytes.
const LONGEST: usize = 1 << 16;

/// So many mutations of the seeds, each of up to eight changes.
pub fn mutations(seeds: &[Vec<u8>], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut dice = Dice::new(0x5eed);
    (0..count).filter_map(move |_| {
        let mut bytes = dice.pick(seeds)?.clone();
        for _ in 0..=dice.below(8) {
            change(&mut bytes, seeds, &mut dice);
        }
        bytes.truncate(LONGEST);
        Some(bytes)
    })
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let start = dice.below(bytes.len() + 1);
    let end = (start + dice.below(16)).min(bytes.len());
    match dice.below(6) {
        0 => bytes.truncate(start),
        1 => drop(bytes.drain(start..end)),
        2 => {
            let again = bytes[start..end].to_vec();
            bytes.splice(start..start, again);
        }
        3 => {
            let word = dice.pick(&WORDS).copied().unwrap_or_default();
            bytes.splice(start..end, word.iter().copied());
        }
        4 => {
            let other = dice.pick(seeds).map_or(&[][..], Vec::as_slice);
            let from = dice.below(other.len() + 1);
            let to = (from + dice.below(64)).min(other.len());
            bytes.splice(start..end, other[from..to].iter().copied());
        }
        _ => {
            if let Some(byte) = bytes.get_mut(start) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }
}
