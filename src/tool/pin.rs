//! What a reviewer saw of a tool, as digests, to compare with what its server lists now.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::digest::Digest;
use crate::json::Object;

/// The members that every revision of MCP has. A list without one of them differs.
const ALWAYS: [&str; 2] = ["description", "inputSchema"];

/// The digests of a tool's description: of the whole, and of each member except the name.
///
/// A client of an older revision gets fewer members than the reviewer saw, so the digest of the whole
/// alone would find changes where there are none.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Pin {
    pub(super) digest: Digest,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) members: BTreeMap<String, Digest>,
}

impl Pin {
    /// The pin of a tool as its server describes it. The digest covers every member, known or not, so
    /// that nothing that a client shows to a model or a user can change unnoticed.
    pub fn of(tool: &Value) -> Self {
        let members = tool.as_object().into_iter().flatten().filter(|(name, _)| *name != "name");
        let members = members.map(|(name, value)| (name.clone(), Digest::of(value))).collect();
        Self::new(Digest::of(tool), members)
    }

    pub(super) fn new(digest: Digest, members: BTreeMap<String, Digest>) -> Self {
        Self { digest, members }
    }

    /// The digest of everything that the server states about the tool.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The digest of a tool in a list, if it differs: a member is another one, or new, or one that no
    /// revision leaves out is missing.
    pub fn difference(&self, listed: &Object<'_>) -> Option<Digest> {
        let digest = Digest::of_bytes(listed.canonical().as_bytes());
        if digest == self.digest {
            return None;
        }
        let is_pinned = |(name, value): (&str, &crate::json::Value<'_>)| {
            name == "name"
                || self
                    .members
                    .get(name)
                    .is_some_and(|pinned| *pinned == Digest::of_bytes(value.canonical().as_bytes()))
        };
        let lacks = |name: &&str| self.members.contains_key(*name) && listed.get(name).is_none();
        let differs = !listed.iter().all(is_pinned) || ALWAYS.iter().any(lacks);
        differs.then_some(digest)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::read;

    #[track_caller]
    fn differs(pin: &Pin, listed: &Value) -> bool {
        let text = listed.to_string();
        let listed = read(text.as_bytes(), 16).unwrap();
        pin.difference(listed.as_object().unwrap()).is_some()
    }

    #[test]
    fn only_members_that_a_reviewer_saw_pass() {
        let schema = json!({ "type": "object", "properties": { "n": { "maximum": 2.50 } } });
        let tool = json!({ "name": "a", "description": "A.", "title": "A", "inputSchema": schema });
        let pin = Pin::of(&tool);
        assert!(!differs(&pin, &tool));
        let older = json!({ "inputSchema": schema, "name": "a", "description": "A." });
        assert!(!differs(&pin, &older), "revisions without titles");
        for (change, listed) in [
            ("description", json!({ "name": "a", "description": "B.", "inputSchema": schema })),
            ("schema", json!({ "name": "a", "description": "A.", "inputSchema": {} })),
            ("no description", json!({ "name": "a", "inputSchema": schema })),
            ("no schema", json!({ "name": "a", "description": "A." })),
            ("new member", {
                let mut listed = tool.clone();
                listed["annotations"] = json!({ "readOnlyHint": true });
                listed
            }),
        ] {
            assert!(differs(&pin, &listed), "{change}");
        }
    }

    #[test]
    fn without_members_only_the_whole_counts() {
        let tool = json!({ "name": "a", "description": "A." });
        let pin = Pin::new(Pin::of(&tool).digest, BTreeMap::new());
        assert!(!differs(&pin, &tool));
        assert!(differs(&pin, &json!({ "name": "a", "description": "A.", "title": "A" })));
    }
}
