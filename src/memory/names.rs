//! Names and keys in stored memory: digests, so that all of them have one size.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How many slots there are for accounts. The number is part of the layout: with another one, accounts
/// would be looked for elsewhere.
pub(super) const SLOTS: u16 = 8192;

/// How many further slots there are for tasks.
const TASK_SLOTS: u16 = 1024;

/// How many further slots there are for used approvals.
const APPROVAL_SLOTS: u16 = 64;

/// Where these begin.
const APPROVALS: u16 = SLOTS + TASK_SLOTS;

/// The digest of the name of a tool, a label, a budget, a resource or a call.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Name(
    // A digest takes more as a number of variable length.
    #[serde(with = "postcard::fixint::be")] pub u64,
);

impl Name {
    /// The digest of a name, or of several parts.
    pub fn of(value: &impl Serialize) -> Self {
        Self(u64::from_be_bytes(Digest::of(value).head()))
    }
}

/// Whose account or tasks it is about, and where they are stored.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    /// The digest of the owner. It is the same for every proxy.
    pub(super) owner: u128,
    /// The slot of the account or the tasks.
    pub(super) slot: Slot,
}

impl Key {
    /// The key of an owner.
    pub(super) fn of(owner: &impl Serialize, secret: &Secret) -> Self {
        let owner = u128::from_be_bytes(Digest::of(owner).head());
        Self { owner, slot: secret.slot(owner) }
    }

    /// The key of the tasks of an owner.
    pub(super) fn of_tasks(owner: &impl Serialize, secret: &Secret) -> Self {
        let owner = u128::from_be_bytes(Digest::of(owner).head());
        Self { owner, slot: secret.slot_of_tasks(owner) }
    }

    /// The key of an approval.
    pub(super) fn of_approval(approval: &impl Serialize, secret: &Secret) -> Self {
        let owner = u128::from_be_bytes(Digest::of(approval).head());
        let slot = Slot(secret.place(owner, APPROVAL_SLOTS).saturating_add(APPROVALS));
        Self { owner, slot }
    }
}

/// What decides, together with its owner, where an account is stored. A caller who can choose a part of
/// an owner, such as a transaction, would otherwise find one that fills somebody else's slot.
///
/// The default is for edges that have no callers.
#[derive(Clone, Default)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A secret of random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The name of the proxy that has the secret, which does not tell the secret. With another layout, it
    /// remembers nothing of before, and is another proxy.
    pub fn proxy(&self) -> String {
        let parts = [b"proxy", LAYOUT.as_bytes(), self.0.as_slice()];
        let name = Digest::of_bytes(&parts.concat());
        format!("{:032x}", u128::from_be_bytes(name.head()))
    }

    fn slot(&self, owner: u128) -> Slot {
        Slot(self.place(owner, SLOTS))
    }

    fn slot_of_tasks(&self, owner: u128) -> Slot {
        Slot(self.place(owner, TASK_SLOTS).saturating_add(SLOTS))
    }

    /// One of so many places.
    fn place(&self, owner: u128, places: u16) -> u16 {
        let digest = Digest::of_bytes(&[self.0.as_slice(), &owner.to_be_bytes()].concat());
        u16::from_be_bytes(digest.head()).checked_rem(places).unwrap_or_default()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The tenant that stands for any, which no policy names.
pub const ANY_TENANT: &str = "*";

/// One of the values that all workers share.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(u16);

/// The names of the shared values begin with the version of the layout of what slots store. Memory of
/// another one is not read.
const LAYOUT: &str = "toolgate.memory/5.";

impl Slot {
    /// The slots of accounts.
    pub fn of_accounts() -> impl DoubleEndedIterator<Item = Self> + Clone {
        (0..SLOTS).map(Self)
    }

    /// The slots of tasks.
    pub fn of_tasks() -> impl DoubleEndedIterator<Item = Self> + Clone {
        (SLOTS..APPROVALS).map(Self)
    }

    /// The slots of used approvals.
    pub fn of_approvals() -> impl DoubleEndedIterator<Item = Self> + Clone {
        (APPROVALS..APPROVALS.saturating_add(APPROVAL_SLOTS)).map(Self)
    }

    /// Whether it has accounts.
    pub(super) fn has_accounts(self) -> bool {
        self.0 < SLOTS
    }

    /// The name of the shared value.
    pub fn name(self) -> String {
        // Each call reads and writes some, and `format!` takes several times as long.
        [LAYOUT, &self.0.to_string()].concat()
    }
}
