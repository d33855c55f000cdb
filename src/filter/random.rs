//! Randomness for decision ids, fetched from the host for many requests at once.

use std::cell::RefCell;

/// The bytes of randomness per request.
const SHARE: usize = 16;

/// The number of requests per host call. The call costs the same as for one request.
const SHARES: usize = 64;

/// Random bytes that are not used yet.
#[derive(Debug, Default)]
pub(super) struct Random(RefCell<Vec<[u8; SHARE]>>);

impl Random {
    /// Draws the randomness for one request.
    pub(super) fn draw(&self) -> Result<u128, String> {
        let mut shares = self.0.borrow_mut();
        if shares.is_empty() {
            let mut fresh = [[0; SHARE]; SHARES];
            getrandom::fill(fresh.as_flattened_mut()).map_err(|error| error.to_string())?;
            shares.extend(fresh);
        }
        // The host call above filled the list.
        let share = shares.pop().ok_or_else(|| "there is no randomness".to_owned())?;
        Ok(u128::from_ne_bytes(share))
    }
}
