//! Tools that a server lists otherwise than the bundle pins them, as all workers know them.
//!
//! A worker that sees such a list writes it to a value that all workers read and that outlives a
//! configuration. The pin is part of an entry's key, so that a bundle with another pin begins anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::Bundle;
use crate::digest::Digest;
use crate::tool::Tool;

/// The most entries. Beyond them, entries are for all tools of a server.
const MOST: usize = 4096;

/// The tools that differ from their pins: for each key, the digest of what was listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChangedTools(BTreeMap<Digest, Digest>);

/// One tool that was listed otherwise than it is pinned.
#[derive(Clone, Debug)]
pub struct Change {
    key: Digest,
    server_key: Digest,
    listed: Digest,
}

impl Change {
    /// The change of a tool of this bundle, listed with this digest.
    pub fn new(bundle: &Bundle, tool: &Tool, listed: Digest) -> Self {
        let (key, server_key) = (key(bundle, tool), server_key(bundle, tool.server()));
        Self { key, server_key, listed }
    }
}

impl ChangedTools {
    /// The key of the value that all workers share.
    pub const KEY: &'static str = "toolgate.changed_tools";

    /// Parses the shared value; `None` if it is not what [`Self::to_bytes`] writes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let lines = std::str::from_utf8(bytes).ok()?.lines();
        let entry = |line: &str| {
            let (key, listed) = line.split_once(' ')?;
            Some((digest(key)?, digest(listed)?))
        };
        lines.map(entry).collect::<Option<_>>().map(Self)
    }

    /// The shared value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let lines = self.0.iter().map(|(key, listed)| format!("{key} {listed}\n"));
        lines.collect::<String>().into_bytes()
    }

    /// The digest with which a tool was listed, if it differs from its pin.
    pub fn of(&self, bundle: &Bundle, tool: &Tool) -> Option<&Digest> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&key(bundle, tool)).or_else(|| self.0.get(&server_key(bundle, tool.server())))
    }

    /// Whether all of these changes are known.
    pub fn has(&self, changes: &[Change]) -> bool {
        let is_known = |change: &Change| {
            self.0.contains_key(&change.key) || self.0.contains_key(&change.server_key)
        };
        changes.iter().all(is_known)
    }

    /// Adds changes of tools of a bundle. If there are too many, entries of other bundles go, and a
    /// change then stands for all tools of its server.
    pub fn add(&mut self, changes: &[Change], bundle: &Bundle) {
        let mut others_are_gone = false;
        for change in changes {
            if self.has(std::slice::from_ref(change)) {
                continue;
            }
            if self.0.len() >= MOST && !others_are_gone {
                let known: BTreeSet<Digest> = keys(bundle).collect();
                self.0.retain(|key, _| known.contains(key));
                others_are_gone = true;
            }
            let full = self.0.len() >= MOST;
            let key = if full { &change.server_key } else { &change.key };
            self.0.insert(key.clone(), change.listed.clone());
        }
    }
}

/// The keys of a bundle's tools and servers.
fn keys(bundle: &Bundle) -> impl Iterator<Item = Digest> {
    let servers: BTreeSet<&str> = bundle.tools().map(Tool::server).collect();
    let tools = bundle.tools().map(|tool| key(bundle, tool));
    tools.chain(servers.into_iter().map(|server| server_key(bundle, server)))
}

fn key(bundle: &Bundle, tool: &Tool) -> Digest {
    let (server, pin) = (tool.server(), tool.pin().digest());
    Digest::of(&(&bundle.id.name, server, bundle.reviewed(server), tool.wire_name(), pin))
}

fn server_key(bundle: &Bundle, server: &str) -> Digest {
    Digest::of(&(&bundle.id.name, server, bundle.reviewed(server)))
}

fn digest(text: &str) -> Option<Digest> {
    text.to_owned().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn change(bundle: &Bundle, name: &str) -> Change {
        Change::new(bundle, bundle.tool("pay", name).unwrap(), Digest::of_bytes(b"new"))
    }

    #[test]
    fn a_change_is_of_one_tool_until_it_is_reviewed() {
        let bundle = fixture::bundle();
        let of = |changed: &ChangedTools, bundle: &Bundle, name: &str| {
            changed.of(bundle, bundle.tool("pay", name).unwrap()).is_some()
        };
        let mut changed = ChangedTools::default();
        changed.add(&[change(&bundle, "get")], &bundle);
        let changed = ChangedTools::read(&changed.to_bytes()).unwrap();
        assert!(
            changed.has(&[change(&bundle, "get")]) && !changed.has(&[change(&bundle, "refund")])
        );
        assert!(of(&changed, &bundle, "get") && !of(&changed, &bundle, "refund"));
        let mut document = fixture::document();
        document.manifest.version = 4;
        let pushed = crate::bundle::load(&document).unwrap().bundle;
        assert!(of(&changed, &pushed, "get"), "another version has the same pin");
        document.manifest.servers.get_mut("pay").unwrap().reviewed = 1;
        let reviewed = crate::bundle::load(&document).unwrap().bundle;
        assert!(!of(&changed, &reviewed, "get"));
    }

    #[test]
    fn what_no_worker_wrote_does_not_read() {
        assert_eq!(ChangedTools::read(b""), Some(ChangedTools::default()));
        for bytes in [&b"x"[..], b"\xff", b"sha256:0 sha256:0\n"] {
            assert_eq!(ChangedTools::read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn too_many_changes_are_of_the_whole_server() {
        let bundle = fixture::bundle();
        let other = |n: usize| (Digest::of(&n), Digest::of(&n));
        let mut full = ChangedTools((0..MOST).map(other).collect());
        full.add(&[change(&bundle, "get")], &bundle);
        assert_eq!(full.0.len(), 1, "entries of other bundles are gone");
        let own = keys(&bundle).next().unwrap();
        assert!(full.0.contains_key(&own));
        full.0.extend((1..MOST).map(other));
        let before = full.clone();
        full.add(&[change(&bundle, "get")], &bundle);
        assert_eq!(full, before, "a change that is known takes no room");
    }
}
