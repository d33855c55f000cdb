//! Claims, and the token that proves them.

/// Claims whose signature was verified.
#[derive(Clone, Debug)]
pub(super) struct Signed<T> {
    /// The JWS.
    pub(super) token: String,
    /// What it says.
    pub(super) claims: T,
}
