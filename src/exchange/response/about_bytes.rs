//! Header fields that describe the bytes of a body, which differ once it is changed.

use crate::exchange::effects::HeaderChange;
use crate::head::Head;

const NAMES: [&str; 7] = [
    "accept-ranges",
    "content-digest",
    "content-md5",
    "digest",
    "etag",
    "repr-digest",
    "transfer-encoding",
];

/// Those that a response has.
pub(super) fn of(head: &Head) -> Vec<&'static str> {
    NAMES.into_iter().filter(|name| head.has(name)).collect()
}

/// The removal of all of them.
pub(super) fn removed() -> impl Iterator<Item = HeaderChange> {
    NAMES.into_iter().map(|name| HeaderChange::Remove(name.to_owned()))
}
