//! The gate's own header fields, as structured fields (RFC 9651).

use sfv::{DictSerializer, KeyRef, ListSerializer, RefBareItem, StringRef, TokenRef};

use crate::record::{ActorField, PrincipalField, Record};

/// What was decided: a list with one item per call. A refusal has it, and so has the upstream
/// request of a permitted call.
pub const DECISION: &str = "toolgate-decision";

/// Who asked, as the gate verified it: a dictionary for the upstream.
pub const IDENTITY: &str = "toolgate-identity";

/// The prefix of every field that only the gate may set.
pub const RESERVED: &str = "toolgate-";

/// The value of [`DECISION`], one item per record:
/// `deny;reason=forbidden;policy="refund-limit";bundle="acme@7 sha256:…";id="…"`.
pub fn decision<'a>(records: impl IntoIterator<Item = &'a Record>) -> String {
    let mut list = ListSerializer::new();
    for record in records {
        let policies = record.policies.join(" ");
        let bundle = record.bundle.to_string();
        let parameters = [
            ("reason", token(record.reason.as_str())),
            ("policy", text(&policies).filter(|_| !policies.is_empty())),
            ("bundle", text(&bundle)),
            ("id", text(&record.id)),
        ];
        let Some(decision) = token(record.decision.token()) else { continue };
        let mut item = list.bare_item(decision);
        for (key, value) in parameters {
            if let (Ok(key), Some(value)) = (KeyRef::from_str(key), value) {
                item = item.parameter(key, value);
            }
        }
    }
    list.finish().unwrap_or_default()
}

/// The value of [`IDENTITY`]: `principal="User::\"alice\"", actor="Agent::\"support-bot\""`, and
/// `tenant="acme"` where the principal has one.
pub fn identity(principal: Option<&PrincipalField>, actor: Option<&ActorField>) -> String {
    let tenant = principal.and_then(|principal| principal.tenant.as_deref());
    let (principal, actor) = (principal.map(ToString::to_string), actor.map(ToString::to_string));
    let mut dictionary = DictSerializer::new();
    for (key, value) in
        [("principal", principal.as_deref()), ("actor", actor.as_deref()), ("tenant", tenant)]
    {
        if let (Ok(key), Some(value)) = (KeyRef::from_str(key), value) {
            let item = text(value).unwrap_or(RefBareItem::DisplayString(value));
            dictionary.bare_item(key, item);
        }
    }
    dictionary.finish().unwrap_or_default()
}

fn token(text: &str) -> Option<RefBareItem<'_>> {
    TokenRef::from_str(text).ok().map(RefBareItem::Token)
}

/// A string item, which holds visible ASCII only.
fn text(text: &str) -> Option<RefBareItem<'_>> {
    StringRef::from_str(text).ok().map(RefBareItem::String)
}
