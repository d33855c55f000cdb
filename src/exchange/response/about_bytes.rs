//! Header fields that describe the bytes of a body, which differ once it is changed.

use crate::exchange::effects::HeaderChange;

const NAMES: [&str; 7] = [
    "accept-ranges",
    "content-digest",
    "content-md5",
    "digest",
    "etag",
    "repr-digest",
    "transfer-encoding",
];

/// The removal of all of them.
pub(super) fn removed() -> impl Iterator<Item = HeaderChange> {
    NAMES.into_iter().map(|name| HeaderChange::Remove(name.to_owned()))
}
