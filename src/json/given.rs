//! Optional members that are never `null`.

use serde::{Deserialize, Deserializer};

/// What is there, so that only an absent key is `None`.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
