//! Choices that follow from a number, such as where a body is cut.

/// A sequence of choices: xorshift, which is enough to cut bodies and bend seeds.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below a limit, or 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.0 >> 16) % limit).unwrap_or_default()
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// Bytes in one piece or in many, of which some are empty; at least one.
pub(crate) fn pieces(mut bytes: &[u8], cuts: u8) -> Vec<&[u8]> {
    let longest = match cuts {
        0 => return vec![bytes],
        1 => return bytes.chunks(1).chain([&[][..]]).collect(),
        cuts => 1 << (cuts % 10),
    };
    let mut dice = Dice::new(cuts.into());
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(dice.below(longest + 1).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}
