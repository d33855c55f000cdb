//! An index of policies, which finds those that can match a call by lookup.

mod request_keys;
mod scan;

use hashbrown::{HashMap, HashSet};

pub use request_keys::RequestKeys;

use super::{Key, ScopeKeys};
use crate::policy::PolicySource;
use scan::Scanned;

/// The policies of one layer by scope, identified by their position in the layer.
#[derive(Debug, Default)]
pub struct Index {
    principals: HashSet<Key>,
    actions: HashSet<Key>,
    resources: HashSet<Key>,
    /// The last entry of each scope.
    scopes: HashMap<[Key; 3], u32>,
    entries: Vec<Entry>,
    /// The number of policies added.
    policies: u32,
}

/// A policy, and the previous entry with the same scope.
#[derive(Debug)]
struct Entry {
    policy: u32,
    before: Option<u32>,
}

impl Index {
    /// Creates an index with capacity for this number of policies.
    pub fn with_capacity(policies: usize) -> Self {
        let scopes = HashMap::with_capacity(policies);
        Self { scopes, entries: Vec::with_capacity(policies), ..Self::default() }
    }

    /// Adds the next policy of the layer, and returns its `@mode`.
    pub fn add(&mut self, source: PolicySource<'_>) -> Option<String> {
        let Scanned { scope, mode } = Scanned::of(source);
        self.insert(&scope, self.policies);
        // 2^32 policies do not fit in memory.
        self.policies = self.policies.saturating_add(1);
        mode
    }

    /// Adds a policy at a position.
    pub fn insert(&mut self, scope: &ScopeKeys, policy: u32) {
        self.principals.insert(scope.principal);
        self.resources.insert(scope.resource);
        for action in &scope.actions {
            self.actions.insert(*action);
            // More than 2^32 entries do not fit in memory.
            let entry = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
            let before = self.scopes.insert([scope.principal, *action, scope.resource], entry);
            self.entries.push(Entry { policy, before });
        }
    }

    /// The policies that can match a call, in the order of the layer.
    pub fn candidates(&self, keys: &RequestKeys<'_>) -> Vec<u32> {
        let principals = present(&keys.principal, &self.principals);
        let actions = present(&keys.action, &self.actions);
        let resources = match &keys.resource {
            Some(keys) => present(keys, &self.resources),
            None => self.resources.iter().copied().collect(),
        };
        let mut found = Vec::new();
        for principal in &principals {
            for action in &actions {
                for resource in &resources {
                    let mut next = self.scopes.get(&[*principal, *action, *resource]).copied();
                    while let Some(entry) = next.and_then(|entry| self.entry(entry)) {
                        found.push(entry.policy);
                        next = entry.before;
                    }
                }
            }
        }
        found.sort_unstable();
        // A call can match two actions of one policy.
        found.dedup();
        found
    }

    fn entry(&self, position: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(position).ok()?)
    }
}

/// The keys of a call that occur in any policy.
fn present(keys: &[Key], used: &HashSet<Key>) -> Vec<Key> {
    let any = std::iter::once(&Key::ANY);
    any.chain(keys).filter(|key| used.contains(*key)).copied().collect()
}
