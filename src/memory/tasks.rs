//! Which principal and actor have a task, and which tool made it.
//!
//! Tasks have slots of their own: a bundle that binds none has none of them, and no number of tasks
//! makes an account forget what it counts.

use serde::{Deserialize, Serialize};

use super::{Key, Millis, Name, Owners, Plan, Recalled, Stored, Write};
use crate::tool::Tool;

/// The most tasks of one principal and actor.
const MOST: usize = 64;

/// The most bytes of a stored entry.
const ENTRY: usize = 48;

/// The shortest time for which a task is remembered: a server may keep it for longer than it has said.
const SHORTEST: Millis = 3_600_000;

/// The longest: some servers say that they keep a task for ever, or nothing.
const LONGEST: Millis = 7 * 24 * SHORTEST;

/// What is remembered of a task besides its id: whose it is, and of which tool.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) key: Key,
    /// The server, which chooses the ids of its tasks.
    pub(super) server: String,
    /// The tool; `None` if it is not known.
    pub(super) tool: Option<Name>,
}

/// A task that a server has made for a call.
#[derive(Clone, Debug)]
pub(super) struct Made {
    id: Name,
    tool: Option<Name>,
    kept: Millis,
}

impl Origin {
    /// The task of this id, which its server keeps for so long, if it says.
    pub(super) fn made(&self, id: &str, ttl: Option<Millis>) -> Made {
        let kept = ttl.map_or(LONGEST, |ttl| ttl.clamp(SHORTEST, LONGEST));
        Made { id: named(&self.server, id), tool: self.tool, kept }
    }
}

/// The tasks of one principal and actor.
#[derive(Debug)]
pub struct OwnTasks(Vec<Task>);

impl OwnTasks {
    /// What is remembered of the tasks of a sender; none, if it was not read.
    pub fn of(owners: &Owners, recalled: &Recalled) -> Self {
        let Some(key) = owners.tasks else { return Self(Vec::new()) };
        let mut slots = recalled.slots.iter();
        let stored = slots.find(|(slot, _)| *slot == key.slot).map(|(_, stored)| stored);
        let TaskBucket(mut tasks) = stored.map(TaskBucket::read).unwrap_or_default();
        tasks.retain(|task| task.owner == key.owner && task.until > recalled.now);
        Self(tasks)
    }

    /// The task of this id on a server, if it is one of theirs.
    pub fn find(&self, server: &str, id: &str) -> Option<&Task> {
        let id = named(server, id);
        self.0.iter().find(|task| task.id == id)
    }
}

/// A task.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Task {
    /// The digest of whose it is.
    owner: u128,
    id: Name,
    tool: Option<Name>,
    /// When it can be forgotten.
    until: Millis,
}

impl Task {
    /// The digest of the tool that made it, if that is known.
    pub fn tool(&self) -> Option<Name> {
        self.tool
    }

    /// Whether a tool can have made it. Of a task on a resumed stream, the tool is not known.
    pub fn can_be_of(&self, plan: &Plan, tool: &Tool) -> bool {
        self.tool.is_none_or(|name| plan.tool(tool).is_some_and(|known| known.name == name))
    }
}

/// The tasks whose owners' keys fall into one slot, in the order in which they came.
#[derive(Debug, Default, Deserialize, Serialize)]
struct TaskBucket(Vec<Task>);

impl TaskBucket {
    /// Of a slot that does not parse, nothing is known.
    fn read(stored: &Stored) -> Self {
        postcard::from_bytes(&stored.bytes).unwrap_or_default()
    }

    /// Adds a task, within a limit of bytes. The first ones give way: those of its owner, who has at
    /// most half of the room, and then those of others.
    fn add(&mut self, task: Task, now: Millis, bytes: usize) {
        let Self(tasks) = self;
        tasks.retain(|it| it.until > now && !(it.owner == task.owner && it.id == task.id));
        let room = bytes / ENTRY;
        let owner = task.owner;
        while tasks.iter().filter(|it| it.owner == owner).count() >= MOST.min(room / 2).max(1) {
            let Some(first) = tasks.iter().position(|it| it.owner == owner) else { break };
            tasks.remove(first);
        }
        let superfluous = tasks.len().saturating_add(1).saturating_sub(room);
        tasks.drain(..superfluous.min(tasks.len()));
        tasks.push(task);
    }
}

impl Plan {
    /// What is to be stored so that a sender has a task.
    pub(super) fn keep(&self, key: Key, made: &Made, stored: &Stored, now: Millis) -> Write {
        let mut bucket = TaskBucket::read(stored);
        let Made { id, tool, kept } = *made;
        let task = Task { owner: key.owner, id, tool, until: now.saturating_add(kept) };
        bucket.add(task, now, self.bucket_bytes);
        let bytes = super::bucket::stored(&bucket);
        Write { slot: key.slot, bytes, version: stored.version, changes: Vec::new() }
    }
}

fn named(server: &str, id: &str) -> Name {
    Name::of(&(server, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Secret;

    fn task(owner: u128, id: u64, until: Millis) -> Task {
        Task { owner, id: Name(id), tool: Some(Name(u64::MAX)), until }
    }

    fn ids(bucket: &TaskBucket, owner: u128) -> Vec<u64> {
        bucket.0.iter().filter(|task| task.owner == owner).map(|task| task.id.0).collect()
    }

    #[test]
    fn the_oldest_tasks_of_an_owner_give_way_to_its_own() {
        let mut bucket = TaskBucket::default();
        bucket.add(task(1, 0, 100), 0, 8192);
        for id in 0..70 {
            bucket.add(task(2, id, 100), 0, 8192);
        }
        assert_eq!(ids(&bucket, 1), [0]);
        assert_eq!(ids(&bucket, 2), (6..70).collect::<Vec<_>>());
        // The server says again how long it keeps one.
        bucket.add(task(2, 6, 200), 0, 8192);
        assert_eq!(ids(&bucket, 2), (7..70).chain([6]).collect::<Vec<_>>());
        bucket.add(task(1, 1, 200), 100, 8192);
        assert_eq!((ids(&bucket, 1), ids(&bucket, 2)), (vec![1], vec![6]));
    }

    #[test]
    fn nobody_takes_more_than_half_of_a_slot() {
        let mut bucket = TaskBucket::default();
        bucket.add(task(1, 0, 100), 0, 1024);
        for id in 0..30 {
            bucket.add(task(2, id, 100), 0, 1024);
        }
        assert_eq!((ids(&bucket, 1), ids(&bucket, 2)), (vec![0], (20..30).collect()));
    }

    #[test]
    fn those_in_the_same_slot_have_their_own_tasks() {
        let key = Key::of_tasks(&"somebody", &Secret::default());
        let other = Key { owner: key.owner.wrapping_add(1), ..key };
        let task = Task { id: named("desk", "t"), ..task(key.owner, 0, 100) };
        let bytes = postcard::to_allocvec(&TaskBucket(vec![task])).unwrap();
        let slots = vec![(key.slot, Stored { bytes, version: None })];
        let recalled = Recalled { now: 1, slots, stored: Vec::new() };
        let has = |key| {
            let owners = Owners::new(None, None, Vec::new(), Some(key));
            OwnTasks::of(&owners, &recalled).find("desk", "t").is_some()
        };
        assert!(has(key) && !has(other));
    }

    #[test]
    fn a_slot_stays_within_its_bytes() {
        for bytes in [0, 50, 1024, 8192] {
            let mut bucket = TaskBucket::default();
            for number in 0..1000 {
                let owner = u128::MAX.saturating_sub(number % 400);
                bucket.add(task(owner, u64::MAX, (1 << 42) - 1), 0, bytes);
                let stored = postcard::to_allocvec(&bucket).unwrap().len();
                assert!(stored <= bytes.max(ENTRY), "{stored} of {bytes}");
            }
            assert_eq!(bucket.0.last().unwrap().owner, u128::MAX - 999 % 400);
        }
    }

    #[test]
    fn two_servers_can_give_tasks_the_same_id() {
        let key = Key::of_tasks(&"somebody", &Secret::default());
        let made = |server: &str, id: &str| {
            Origin { key, server: server.to_owned(), tool: None }.made(id, None).id
        };
        assert_ne!(made("desk", "t"), made("crms", "t"));
        assert_ne!(made("a", "bc"), made("ab", "c"));
    }

    #[test]
    fn a_slot_that_does_not_parse_has_no_tasks() {
        for bytes in [vec![], vec![7], vec![255; 40]] {
            assert!(TaskBucket::read(&Stored { bytes, version: None }).0.is_empty());
        }
    }
}
