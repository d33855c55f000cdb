//! The gate's own header fields, as structured fields (RFC 9651).

use crate::bundle::BundleId;
use crate::record::{Draft, Outcome};
use crate::structured_field::parameter;

/// The decision: a list with one item per call. It is sent with a refusal, and to the upstream with
/// a permitted call.
pub const DECISION: &str = "toolgate-decision";

/// The verified identity: a dictionary for the upstream.
pub const IDENTITY: &str = "toolgate-identity";

/// The signed assertion: what was decided, for the server that runs it.
pub const ASSERTION: &str = "toolgate-assertion";

/// The prefix of fields that only the gate may set.
pub const RESERVED: &str = "toolgate-";

/// The fields by which a request can ask Envoy's router to run it several times, to give up early, or
/// to have its response named otherwise. How often a call runs is not for its caller to say.
const OF_THE_ROUTER: &[&str] = &[
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-is-timeout-retry",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
];

/// Whether a field of a request is removed before it is forwarded.
pub(crate) fn is_removed(name: &str) -> bool {
    name.starts_with(RESERVED) || (name.starts_with("x-envoy-") && OF_THE_ROUTER.contains(&name))
}

/// Larger than most items.
const USUAL: usize = 256;

/// The value of [`DECISION`], one item per message:
/// `deny;reason=forbidden;policy="refund-limit";bundle="acme@7 sha256:…";id="…"`.
pub(crate) fn decision<'a>(
    bundle: &BundleId,
    drafts: impl IntoIterator<Item = &'a Draft>,
) -> String {
    let items = drafts.into_iter().map(|draft| (&draft.outcome, draft.id.as_str()));
    list(bundle, items)
}

fn list<'a>(bundle: &BundleId, items: impl Iterator<Item = (&'a Outcome, &'a str)>) -> String {
    let mut list = String::with_capacity(USUAL);
    for (outcome, id) in items {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(outcome.decision().token());
        list.push_str(";reason=");
        list.push_str(outcome.reason.as_str());
        let policies = outcome.policies.join(" ");
        if !policies.is_empty() {
            parameter(";policy=", &policies, &mut list);
        }
        list.push_str(bundle.parameter());
        parameter(";id=", id, &mut list);
    }
    list
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfv::{KeyRef, ListSerializer, RefBareItem, TokenRef};

    use super::*;
    use crate::digest::Digest;
    use crate::reason::Reason;
    use crate::structured_field::text;

    fn token(text: &str) -> RefBareItem<'_> {
        RefBareItem::Token(TokenRef::from_str(text).expect("a token"))
    }

    /// The same value, serialized by a library.
    fn reference(bundle: &BundleId, items: &[(Outcome, String)]) -> String {
        let mut list = ListSerializer::new();
        for (outcome, id) in items {
            let (policies, bundle) = (outcome.policies.join(" "), bundle.to_string());
            let parameters = [
                ("reason", Some(token(outcome.reason.as_str()))),
                ("policy", text(&policies).filter(|_| !policies.is_empty())),
                ("bundle", text(&bundle)),
                ("id", text(id)),
            ];
            let mut item = list.bare_item(token(outcome.decision().token()));
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
            name in "[ -~]{0,8}|.{0,3}",
            items in prop::collection::vec(
                (prop::collection::vec("[ -~]{0,8}|.{0,3}", 0..3), "[ -~]{0,8}|.{0,3}"),
                0..3,
            ),
            reason in prop::sample::select(Reason::ALL),
        ) {
            let bundle = BundleId::new(&name, 7, Digest::of_bytes(b""));
            let item = |(policies, id)| (Outcome { policies, ..Outcome::because(reason) }, id);
            let items: Vec<(Outcome, String)> = items.into_iter().map(item).collect();
            let written = list(&bundle, items.iter().map(|(outcome, id)| (outcome, id.as_str())));
            prop_assert_eq!(written, reference(&bundle, &items));
        }
    }
}
