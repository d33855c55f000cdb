//! Optional members that are never `null`.

use serde::{Deserialize, Deserializer};

/// Deserializes a member that is present, so that `null` is an error and only absence is `None`.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
