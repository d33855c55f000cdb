//! Optional members that are never `null`.

use serde::{Deserialize, Deserializer};

/// Deserializes a present member, so that `null` is an error and only an absent member is `None`.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
