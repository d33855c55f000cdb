//! Randomness that nobody can guess.

use rustls::crypto::ring;

use super::output::exit::Stop;
use super::output::report::Problem;

/// Random bytes.
pub(in crate::cli) fn bytes<const N: usize>() -> Result<[u8; N], Stop> {
    let mut bytes = [0; N];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Problem::new("the system gives no random numbers"))?;
    Ok(bytes)
}
