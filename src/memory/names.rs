//! Names and keys in stored memory: digests, so that all of them have one size.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How many slots there are. The number is part of the layout: with another one, accounts would be
/// looked for elsewhere.
pub(super) const SLOTS: u16 = 8192;

/// The digest of the name of a tool, a label, a budget, a resource or a call.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Name(pub u64);

impl Name {
    /// The digest of a name, or of several parts.
    pub fn of(value: &impl Serialize) -> Self {
        Self(u64::from_be_bytes(Digest::of(value).head()))
    }
}

/// The digest of whose account it is. Nobody can choose one: it is made of a verified identity.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct Key(pub(super) u128);

impl Key {
    /// The key of an owner.
    pub(super) fn of(owner: &impl Serialize) -> Self {
        Self(u128::from_be_bytes(Digest::of(owner).head()))
    }

    /// The slot of the account.
    pub(super) fn slot(self) -> Slot {
        let place = self.0.checked_rem(u128::from(SLOTS)).unwrap_or_default();
        Slot(u16::try_from(place).unwrap_or_default())
    }
}

/// One of the values that all workers share.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(u16);

/// The version of the layout of a stored bucket. Memory of another one is not read.
const LAYOUT: u8 = 2;

impl Slot {
    /// All slots.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SLOTS).map(Self)
    }

    /// The name of the shared value.
    pub fn name(self) -> String {
        format!("toolgate.memory/{LAYOUT}.{}", self.0)
    }
}
