//! The gate's own header fields, as structured fields (RFC 9651).

use sfv::{DictSerializer, KeyRef, RefBareItem, StringRef};

use crate::record::{ActorField, PrincipalField, Record};

/// What was decided: a list with one item per call. A refusal has it, and so has the upstream
/// request of a permitted call.
pub const DECISION: &str = "toolgate-decision";

/// Who asked, as the gate verified it: a dictionary for the upstream.
pub const IDENTITY: &str = "toolgate-identity";

/// The prefix of every field that only the gate may set.
pub const RESERVED: &str = "toolgate-";

/// More bytes than most items have.
const USUAL: usize = 256;

/// The value of [`DECISION`], one item per record:
/// `deny;reason=forbidden;policy="refund-limit";bundle="acme@7 sha256:…";id="…"`.
pub fn decision<'a>(records: impl IntoIterator<Item = &'a Record>) -> String {
    let mut list = String::with_capacity(USUAL);
    for record in records {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(record.decision.token());
        list.push_str(";reason=");
        list.push_str(record.reason.as_str());
        let policies = record.policies.join(" ");
        if !policies.is_empty() {
            parameter(";policy=", &policies, &mut list);
        }
        list.push_str(record.bundle.parameter());
        parameter(";id=", &record.id, &mut list);
    }
    list
}

/// The parameter of [`DECISION`] that names a bundle.
pub(crate) fn bundle(title: &str) -> String {
    let mut text = String::new();
    parameter(";bundle=", title, &mut text);
    text
}

/// Appends a parameter with a string, which holds visible ASCII only: without one, there is none.
fn parameter(name: &str, value: &str, list: &mut String) {
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return;
    }
    list.push_str(name);
    list.push('"');
    if value.contains(['"', '\\']) {
        list.push_str(&value.replace('\\', "\\\\").replace('"', "\\\""));
    } else {
        list.push_str(value);
    }
    list.push('"');
}

/// The value of [`IDENTITY`]: `principal="User::\"alice\"", actor="Agent::\"support-bot\""`, and
/// `tenant="acme"` where the principal has one.
pub fn identity(principal: Option<&PrincipalField>, actor: Option<&ActorField>) -> String {
    let tenant = principal.and_then(|principal| principal.tenant.as_deref());
    let mut dictionary = DictSerializer::new();
    let principal = principal.map(|principal| principal.entity.as_str());
    let actor = actor.map(|actor| actor.entity.as_str());
    for (key, value) in [("principal", principal), ("actor", actor), ("tenant", tenant)] {
        if let (Ok(key), Some(value)) = (KeyRef::from_str(key), value) {
            let item = text(value).unwrap_or(RefBareItem::DisplayString(value));
            dictionary.bare_item(key, item);
        }
    }
    dictionary.finish().unwrap_or_default()
}

/// A string item, which holds visible ASCII only.
fn text(text: &str) -> Option<RefBareItem<'_>> {
    StringRef::from_str(text).ok().map(RefBareItem::String)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfv::{ListSerializer, TokenRef};

    use super::*;
    use crate::bundle::BundleId;
    use crate::reason::Reason;
    use crate::record::{Shared, sample};

    fn token(text: &str) -> RefBareItem<'_> {
        RefBareItem::Token(TokenRef::from_str(text).expect("a token"))
    }

    /// The same by a library.
    fn reference(records: &[Record]) -> String {
        let mut list = ListSerializer::new();
        for record in records {
            let (policies, bundle) = (record.policies.join(" "), record.bundle.to_string());
            let parameters = [
                ("reason", Some(token(record.reason.as_str()))),
                ("policy", text(&policies).filter(|_| !policies.is_empty())),
                ("bundle", text(&bundle)),
                ("id", text(&record.id)),
            ];
            let mut item = list.bare_item(token(record.decision.token()));
            for (key, value) in parameters {
                if let Some(value) = value {
                    item = item.parameter(KeyRef::from_str(key).expect("a key"), value);
                }
            }
        }
        list.finish().unwrap_or_default()
    }

    proptest! {
        #[test]
        fn decisions_are_a_structured_field(
            parts in prop::collection::vec(("[ -~]{0,8}|.{0,3}", prop::collection::vec("[ -~]{0,8}|.{0,3}", 0..3)), 0..3),
            reason in prop::sample::select(Reason::ALL),
        ) {
            let record = |(name, policies): (String, Vec<String>)| {
                let bundle = Shared::new(BundleId::new(&name, 7, sample().bundle.digest.clone()));
                Record { decision: reason.decision(), reason, policies, bundle, ..sample() }
            };
            let records: Vec<Record> = parts.into_iter().map(record).collect();
            prop_assert_eq!(decision(&records), reference(&records));
        }
    }
}
