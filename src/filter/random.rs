//! Randomness for decision ids, asked of the host for many requests at once.

use std::cell::RefCell;

/// How many bytes of randomness a request gets.
const SHARE: usize = 16;

/// For how many requests the host is asked at once. It costs the same as for one.
const SHARES: usize = 64;

/// Random bytes of the host that no request has had yet.
#[derive(Debug, Default)]
pub(super) struct Random(RefCell<Vec<[u8; SHARE]>>);

impl Random {
    /// One request's randomness.
    pub(super) fn draw(&self) -> Result<u128, String> {
        let mut shares = self.0.borrow_mut();
        if shares.is_empty() {
            let mut fresh = [[0; SHARE]; SHARES];
            getrandom::fill(fresh.as_flattened_mut()).map_err(|error| error.to_string())?;
            shares.extend(fresh);
        }
        // The host has just filled them.
        let share = shares.pop().ok_or_else(|| "there is no randomness".to_owned())?;
        Ok(u128::from_ne_bytes(share))
    }
}
