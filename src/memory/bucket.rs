//! A bucket of accounts, as all workers share it.

use std::borrow::Cow;

use postcard::ser_flavors::{Flavor, Size};
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::kept::Kept;
use super::{Key, Millis};

/// The accounts whose keys fall into one slot. Only those that a request is about are parsed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Bucket<'a> {
    #[serde(borrow)]
    accounts: Vec<Entry<'a>>,
    /// Until when an account without an entry may have lost one: the bucket was full.
    lost_until: Millis,
}

/// An account.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Entry<'a> {
    /// The digest of its owner.
    owner: u128,
    /// When it can be forgotten.
    until: Millis,
    /// The account in its stored form.
    #[serde(borrow, with = "serde_bytes")]
    account: Cow<'a, [u8]>,
}

impl<'a> Bucket<'a> {
    /// Parses a stored bucket; `None` if it is not what [`Self::to_bytes`] writes.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        postcard::from_bytes(bytes).ok()
    }

    /// The stored form.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        stored(self)
    }

    /// The account of a key, as it is now; `None` if it does not parse.
    pub(super) fn account(&self, key: Key, now: Millis, kept: &Kept) -> Option<Account> {
        match self.entry(key).filter(|entry| entry.until > now) {
            Some(Entry { account, .. }) => {
                kept.take(key, account).or_else(|| postcard::from_bytes(account).ok())
            }
            None => Some(Account::new(now, self.lost_until)),
        }
    }

    /// The stored form of the account of a key.
    pub(super) fn form(&self, key: Key) -> Option<&[u8]> {
        self.entry(key).map(|entry| &*entry.account)
    }

    fn entry(&self, key: Key) -> Option<&Entry<'a>> {
        self.accounts.iter().find(|entry| entry.owner == key.owner)
    }

    /// Stores an account that can be forgotten at a time, within a limit of bytes for the bucket. Of
    /// those for which there is no room, a mark is left: the account itself, if it needs more than half
    /// of the bucket, and then those that can be forgotten first.
    pub(super) fn store(
        &mut self,
        key: Key,
        account: &mut Account,
        until: Millis,
        now: Millis,
        most: usize,
    ) {
        self.accounts.retain(|entry| entry.owner != key.owner && entry.until > now);
        let mut bytes = stored(account);
        while bytes.len() > most / 2 {
            let is_smaller = account.shrink();
            if !is_smaller {
                account.lose(until);
            }
            bytes = stored(account);
            if !is_smaller {
                break;
            }
        }
        self.accounts.push(Entry { owner: key.owner, until, account: bytes.into() });
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
    postcard::serialize_with_flavor(value, Size::default()).unwrap_or(usize::MAX)
}

/// The stored form.
pub(super) fn stored(value: &impl Serialize) -> Vec<u8> {
    // Writing to a vector cannot fail.
    let bytes = Bytes(Vec::with_capacity(USUAL));
    postcard::serialize_with_flavor(value, bytes).unwrap_or_default()
}

/// So many bytes are enough for most of what is stored.
const USUAL: usize = 1024;

/// A vector with room. Those of the library begin without, or add one byte after the other.
struct Bytes(Vec<u8>);

impl Flavor for Bytes {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}
