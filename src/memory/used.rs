//! The approvals that were used, so that none is used twice.

use serde::{Deserialize, Serialize};

use super::names::Key;
use super::{Millis, Recalled, Secret, Slot, Stored, Write};

/// The most used approvals in one slot. One more is refused.
const MOST: usize = 256;

/// How much longer a used approval is remembered than it is valid, for clocks that are set.
const MARGIN: Millis = 3_600_000;

/// One approval, by the id of its request.
#[derive(Clone, Copy, Debug)]
pub struct Approval(Key);

/// Why an approval cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// It was used before.
    Used,
    /// It cannot be remembered that it is used.
    NotRemembered,
}

impl Approval {
    /// The approval of a request with this id.
    pub fn of(request: &str, secret: &Secret) -> Self {
        Self(Key::of_approval(&request, secret))
    }

    /// Where it is remembered that it is used.
    pub fn slot(&self) -> Slot {
        self.0.slot
    }

    /// What is to be stored when it is used, to be remembered for as long as it is valid.
    ///
    /// # Errors
    ///
    /// [`Unusable`]
    pub fn used(&self, recalled: Option<&Recalled>, valid: Millis) -> Result<Write, Unusable> {
        let Key { owner, slot } = self.0;
        let recalled = recalled.ok_or(Unusable::NotRemembered)?;
        let stored = recalled.slots.iter().find(|(known, _)| *known == slot);
        let (_, stored) = stored.ok_or(Unusable::NotRemembered)?;
        let UsedBucket(mut used) = UsedBucket::read(stored).ok_or(Unusable::NotRemembered)?;
        used.retain(|(_, until)| *until > recalled.now);
        // This request may have used it in an attempt that another worker overtook.
        let by_this = recalled.stored.iter().any(|write| write.slot == slot);
        let is_used = used.iter().any(|(known, _)| *known == owner);
        match (is_used, by_this) {
            (true, false) => return Err(Unusable::Used),
            (true, true) => {}
            (false, _) if used.len() >= MOST => return Err(Unusable::NotRemembered),
            (false, _) => {
                used.push((owner, recalled.now.saturating_add(valid).saturating_add(MARGIN)));
            }
        }
        let bytes = super::bucket::stored(&UsedBucket(used));
        Ok(Write { slot, bytes, version: stored.version, changes: Vec::new() })
    }
}

/// The used approvals in one slot, and when each can be forgotten.
#[derive(Debug, Default, Deserialize, Serialize)]
struct UsedBucket(Vec<(u128, Millis)>);

impl UsedBucket {
    /// `None` if it is not what was stored.
    fn read(stored: &Stored) -> Option<Self> {
        if stored.bytes.is_empty() {
            return Some(Self::default());
        }
        postcard::from_bytes(&stored.bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Store;

    const VALID: Millis = 600_000;

    fn recall(store: &Store, approval: Approval, now: Millis, stored: Vec<Write>) -> Recalled {
        store.recall(&[approval.slot()], now, stored)
    }

    #[test]
    fn of_two_workers_that_race_one_uses_it() {
        let (mut store, approval) = (Store::default(), Approval::of("r", &Secret::default()));
        let both = [recall(&store, approval, 0, vec![]), recall(&store, approval, 0, vec![])];
        let [first, second] = both.map(|known| approval.used(Some(&known), VALID).unwrap());
        assert!(store.write(&first) && !store.write(&second));
        let again = recall(&store, approval, 1, vec![]);
        assert_eq!(approval.used(Some(&again), VALID), Err(Unusable::Used));
        // The request that has used it can go on.
        let own = recall(&store, approval, 1, vec![first]);
        assert!(approval.used(Some(&own), VALID).is_ok());
    }

    #[test]
    fn it_is_remembered_for_longer_than_it_is_valid() {
        let (mut store, approval) = (Store::default(), Approval::of("r", &Secret::default()));
        let write = approval.used(Some(&recall(&store, approval, 0, vec![])), VALID).unwrap();
        assert!(store.write(&write));
        let at = |now| approval.used(Some(&recall(&store, approval, now, vec![])), VALID).is_ok();
        assert!(!at(VALID) && !at(VALID + MARGIN - 1) && at(VALID + MARGIN));
    }

    #[test]
    fn what_cannot_be_remembered_is_not_used() {
        let (mut store, secret) = (Store::default(), Secret::default());
        let one = Approval::of("r", &secret);
        assert_eq!(one.used(None, VALID), Err(Unusable::NotRemembered));
        assert_eq!(one.used(Some(&Recalled::default()), VALID), Err(Unusable::NotRemembered));
        let slots = vec![(one.slot(), Stored { bytes: vec![255; 9], version: None })];
        let odd = Recalled { slots, ..Recalled::default() };
        assert_eq!(one.used(Some(&odd), VALID), Err(Unusable::NotRemembered));
        let mut same = (0..).map(|id: u32| Approval::of(&id.to_string(), &secret));
        let of_slot = same.by_ref().filter(|it| it.slot() == one.slot());
        for (used, approval) in of_slot.enumerate() {
            match approval.used(Some(&recall(&store, approval, 0, vec![])), VALID) {
                Ok(write) => assert!(store.write(&write)),
                Err(why) => {
                    assert_eq!((why, used), (Unusable::NotRemembered, MOST));
                    return;
                }
            }
        }
    }
}
