//! A bucket of accounts, as all workers share it.

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::{Key, Millis};

/// The accounts whose keys fall into one slot.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Bucket {
    accounts: Vec<Entry>,
    /// Until when an account without an entry may have lost one: the bucket was full.
    lost_until: Millis,
}

/// An account.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Entry {
    /// The digest of its owner.
    owner: u128,
    /// When it can be forgotten.
    until: Millis,
    account: Account,
}

impl Bucket {
    /// Parses a stored bucket; `None` if it is not what [`Self::to_bytes`] writes.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        postcard::from_bytes(bytes).ok()
    }

    /// The stored form.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Writing to a vector cannot fail.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The account of a key, as it is now.
    pub(super) fn account(&self, key: Key, now: Millis) -> Account {
        let mut entries = self.accounts.iter();
        match entries.find(|entry| entry.owner == key.owner && entry.until > now) {
            Some(entry) => entry.account.clone(),
            None => Account::new(now, self.lost_until),
        }
    }

    /// Stores an account that can be forgotten at a time, within a limit of bytes for the bucket. Of
    /// those for which there is no room, a mark is left: the account itself, if it needs more than half
    /// of the bucket, and then those that can be forgotten first.
    pub(super) fn store(
        &mut self,
        key: Key,
        mut account: Account,
        until: Millis,
        now: Millis,
        most: usize,
    ) {
        self.accounts.retain(|entry| entry.owner != key.owner && entry.until > now);
        while size(&account) > most / 2 {
            if !account.shrink() {
                account.lose(until);
                break;
            }
        }
        self.accounts.push(Entry { owner: key.owner, until, account });
        while self.accounts.len() > 1 && size(self) > most {
            self.give_way(key);
        }
    }

    /// Drops the account that can be forgotten first, other than that of a key.
    fn give_way(&mut self, key: Key) {
        let entries = self.accounts.iter().enumerate();
        let others = entries.filter(|(_, entry)| entry.owner != key.owner);
        let first = others.min_by_key(|(_, entry)| entry.until).map(|(place, _)| place);
        if let Some(place) = first {
            let lost = self.accounts.remove(place);
            self.lost_until = self.lost_until.max(lost.until);
        }
    }
}

/// The stored size in bytes.
pub(super) fn size(value: &impl Serialize) -> usize {
    postcard::to_allocvec(value).map_or(usize::MAX, |bytes| bytes.len())
}
