//! Groups of events, and their stored form. Calls read and write accounts with many of them.

use prost::encoding::encode_varint;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Millis;

/// Events that are neighbours.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Group {
    /// When the last of them happened.
    pub(super) last: Millis,
    /// The time between the first and the last.
    pub(super) span: Millis,
    /// How many there are.
    pub(super) count: u64,
    /// The sum of their amounts.
    pub(super) sum: i64,
}

impl Group {
    /// When the first of them happened.
    pub(super) fn first(&self) -> Millis {
        self.last.saturating_sub(self.span)
    }

    /// The events of both.
    fn with(self, other: Self) -> Self {
        let (first, last) = (self.first().min(other.first()), self.last.max(other.last));
        Self {
            last,
            span: last.saturating_sub(first),
            count: self.count.saturating_add(other.count),
            sum: self.sum.saturating_add(other.sum),
        }
    }

    /// The size, as a power of two.
    fn size(&self) -> u32 {
        self.count.checked_ilog2().unwrap_or_default()
    }
}

/// The events of a window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    /// How many there are.
    pub(super) count: u64,
    /// The sum of their amounts.
    pub(super) sum: i64,
    /// When the first and the last of them happened.
    pub(super) span: Option<(Millis, Millis)>,
}

impl Tally {
    /// The events of both.
    pub(super) fn with(self, other: Self) -> Self {
        let span = match (self.span, other.span) {
            (Some((first, last)), Some((a, b))) => Some((first.min(a), last.max(b))),
            (one, other) => one.or(other),
        };
        let count = self.count.saturating_add(other.count);
        Self { count, sum: self.sum.saturating_add(other.sum), span }
    }
}

/// Joins the two oldest of more than `apart` groups of one size, beginning with the smallest. Returns
/// whether there are any.
pub(super) fn condense(groups: &mut Vec<Group>, apart: usize) -> bool {
    let before = groups.len();
    // Newer groups are smaller, so those of one size are neighbours.
    let (mut end, mut size) = (before, 0);
    while let Some(known @ [_, ..]) = groups.get(..end) {
        let of_size = known.iter().rev().take_while(|group| group.size() <= size).count();
        let oldest = end.saturating_sub(of_size);
        end = if of_size > apart {
            join(groups, oldest);
            oldest.saturating_add(1)
        } else {
            oldest
        };
        size = size.saturating_add(1);
    }
    groups.len() < before
}

/// Joins the group in a place with the next one, if there is one.
pub(super) fn join(groups: &mut Vec<Group>, place: usize) {
    let next = place.saturating_add(1);
    if next >= groups.len() {
        return;
    }
    let later = groups.remove(next);
    if let Some(group) = groups.get_mut(place) {
        *group = group.with(later);
    }
}

/// Groups in their stored form, and what is known of them without reading it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Packed {
    /// All events as one group.
    all: Group,
    /// The last event of the oldest group, with which it leaves a window.
    oldest: Millis,
    /// How many groups there are.
    length: usize,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

impl Packed {
    /// The stored form of groups that are ordered by their last events; `None` if there are none.
    pub(super) fn of(groups: &[Group]) -> Option<Self> {
        let (first, others) = groups.split_first()?;
        let mut bytes = Vec::with_capacity(groups.len().saturating_mul(USUAL));
        put(first, 0, &mut bytes);
        let mut packed = Self { all: *first, oldest: first.last, length: 1, bytes };
        for group in others {
            packed.push(group);
        }
        Some(packed)
    }

    /// Adds a group that is not before the others.
    pub(super) fn push(&mut self, group: &Group) {
        put(group, self.all.last, &mut self.bytes);
        self.all = self.all.with(*group);
        self.length = self.length.saturating_add(1);
    }

    /// When the last event happened.
    pub(super) fn last(&self) -> Millis {
        self.all.last
    }

    /// The last event of the oldest group, with which it leaves a window.
    pub(super) fn oldest(&self) -> Millis {
        self.oldest
    }

    /// The groups. If the stored form does not parse, all events are one.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups = Vec::with_capacity(self.length);
        for group in unpacked(&self.bytes) {
            let Some(group) = group else { return vec![self.all] };
            groups.push(group);
        }
        groups
    }

    /// How many groups there are.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The events after `since`: all but those that are not.
    pub(super) fn after(&self, since: Option<Millis>) -> Tally {
        let Group { last, count, sum, .. } = self.all;
        if since.is_some_and(|since| last <= since) {
            return Tally::default();
        }
        let begin = |group: &Group| since.map_or(group.first(), |since| group.first().max(since));
        let all = Tally { count, sum, span: Some((begin(&self.all), last)) };
        let Some(since) = since.filter(|since| self.oldest <= *since) else { return all };
        let mut after = all;
        for group in unpacked(&self.bytes) {
            let Some(group) = group else { return all };
            if group.last > since {
                // How much more than the largest sum it was is not known.
                let sum = if sum == i64::MAX { sum } else { after.sum };
                return Tally { sum, span: Some((begin(&group), last)), ..after };
            }
            after.count = after.count.saturating_sub(group.count);
            after.sum = after.sum.saturating_sub(group.sum);
        }
        all
    }
}

/// Serializes groups of which the rest is not stored: it is known once they are read.
#[expect(clippy::ref_option, reason = "serde has it so")]
pub(super) fn pack<S: Serializer>(
    groups: &Option<Packed>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(groups.as_ref().map_or(&[], |packed| &packed.bytes))
}

/// Deserializes them.
pub(super) fn unpack<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Packed>, D::Error> {
    let bytes = <&[u8]>::deserialize(deserializer)?;
    let mut known: Option<Packed> = None;
    for group in unpacked(bytes) {
        let group = group.ok_or_else(|| D::Error::custom("a group is cut off"))?;
        if let Some(packed) = &mut known {
            packed.all = packed.all.with(group);
            packed.length = packed.length.saturating_add(1);
        } else {
            known = Some(Packed { all: group, oldest: group.last, length: 1, bytes: Vec::new() });
        }
    }
    if let Some(packed) = &mut known {
        packed.bytes = bytes.to_vec();
    }
    Ok(known)
}

/// A group begins with the time since the last event of the group before it, doubled, and 1 more if its
/// span, count and sum follow. Most are one event without an amount.
fn put(group: &Group, before: Millis, bytes: &mut Vec<u8>) {
    let Group { last, span, count, sum } = *group;
    let after = last.saturating_sub(before).saturating_mul(2);
    if (span, count, sum) == (0, 1, 0) {
        encode_varint(after, bytes);
        return;
    }
    for number in [after | 1, span, count, unsigned(sum)] {
        encode_varint(number, bytes);
    }
}

/// The groups, up to one that is cut off, in whose place is `None`.
fn unpacked(mut bytes: &[u8]) -> impl Iterator<Item = Option<Group>> {
    let mut before = 0;
    std::iter::from_fn(move || {
        (!bytes.is_empty()).then(|| {
            let group = group(&mut bytes, before)?;
            before = group.last;
            Some(group)
        })
    })
}

fn group(bytes: &mut &[u8], before: Millis) -> Option<Group> {
    let after = take(bytes)?;
    let last = before.saturating_add(after / 2);
    if after & 1 == 0 {
        return Some(Group { last, span: 0, count: 1, sum: 0 });
    }
    let (span, count) = (take(bytes)?, take(bytes)?);
    Some(Group { last, span, count, sum: signed(take(bytes)?) })
}

/// Takes what `encode_varint` writes: seven bits in each byte, the lowest first, and the highest bit set
/// where more follow. Its counterpart is made for buffers in pieces, and takes several times as long.
fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0_u64, 0_u32);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(*byte & 0x7f).checked_shl(shift)?;
        if *byte < 0x80 {
            return Some(number);
        }
        shift = shift.saturating_add(7);
    }
}

/// A signed number as one that is small if it is near zero.
fn unsigned(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn signed(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ (number & 1).cast_signed().wrapping_neg()
}

/// So many bytes are enough for most groups.
const USUAL: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_groups() -> impl Strategy<Value = Vec<Group>> {
        let group = (0_u64..1 << 42, 0_u64..1 << 42, 1_u64..1 << 28, any::<i64>());
        let group = group.prop_map(|(last, span, count, sum)| Group { last, span, count, sum });
        prop::collection::vec(group, 1..40).prop_map(|mut groups| {
            groups.sort_by_key(|group| group.last);
            groups
        })
    }

    proptest! {
        /// What is stored is what is read.
        #[test]
        fn groups_are_read_as_they_were_stored(groups in any_groups()) {
            let packed = Packed::of(&groups).unwrap();
            prop_assert_eq!(packed.groups(), groups);
        }

        /// What is left of the whole are the groups that end in a window.
        #[test]
        fn a_window_has_its_groups(groups in any_groups(), since in 0_u64..1 << 42) {
            let mut groups = groups;
            // Sums that are exact.
            for group in &mut groups {
                group.sum >>= 8;
            }
            let after = Packed::of(&groups).unwrap().after(Some(since));
            let inside: Vec<Group> = groups.into_iter().filter(|it| it.last > since).collect();
            prop_assert_eq!(after.count, inside.iter().map(|group| group.count).sum::<u64>());
            prop_assert_eq!(after.sum, inside.iter().map(|group| group.sum).sum::<i64>());
            let last = after.span.map(|(_, last)| last);
            prop_assert_eq!(last, inside.last().map(|group| group.last));
        }

        /// A stored form that is cut within a group counts no less than the whole.
        #[test]
        fn damage_takes_nothing_away(groups in any_groups(), lost in 1_usize..8, since in 0_u64..1 << 42) {
            let mut packed = Packed::of(&groups).unwrap();
            let before = packed.after(Some(since)).count;
            packed.bytes.truncate(packed.bytes.len().saturating_sub(lost));
            prop_assume!(unpacked(&packed.bytes).any(|group| group.is_none()));
            prop_assert!(packed.after(Some(since)).count >= before);
        }
    }
}
