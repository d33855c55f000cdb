//! Accounts that need not be parsed again.

use std::sync::{Mutex, PoisonError};

use super::Key;
use super::account::Account;

/// Longer accounts are not kept, so that what all senders keep is bounded.
const LONGEST: usize = 4096;

/// The accounts of a sender as it has last stored them. Most calls find what the one before has stored:
/// another worker, or another sender with the same account, changes the stored form.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<(Key, Vec<u8>, Account)>>);

impl Kept {
    /// The account with this stored form, which is not kept any longer.
    pub(super) fn take(&self, key: Key, stored: &[u8]) -> Option<Account> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _, _)| *known == key)?;
        let (_, known, account) = kept.swap_remove(place);
        (known == stored).then_some(account)
    }

    /// Keeps an account and its stored form.
    pub(super) fn keep(&self, key: Key, stored: &[u8], account: Account) {
        debug_assert_eq!(postcard::from_bytes(stored), Ok(account.clone()), "it is read as stored");
        if stored.len() <= LONGEST {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|(known, _, _)| *known != key);
            kept.push((key, stored.to_vec(), account));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Secret;
    use crate::memory::bucket::stored;

    #[test]
    fn only_the_same_stored_form_is_the_same_account() {
        let [one, other] = ["one", "other"].map(|owner| Key::of(&owner, &Secret::default()));
        let account = |now| Account::new(now, 7);
        let form = |now| stored(&account(now));
        let kept = Kept::default();
        kept.keep(one, &form(1), account(1));
        assert_eq!(kept.take(other, &form(1)), None);
        assert_eq!(kept.take(one, &form(1)), Some(account(1)));
        assert_eq!(kept.take(one, &form(1)), None, "it was taken");
        kept.keep(one, &form(1), account(1));
        kept.keep(one, &form(2), account(2));
        assert_eq!(kept.take(one, &form(1)), None, "somebody has stored another one");
        assert_eq!(kept.take(one, &form(2)), None, "of which nothing is known then");
    }
}
