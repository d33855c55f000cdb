//! The message that the upstream gets in place of a refused request, where answers come on an event
//! stream.
//!
//! A caller there ignores the reply to its POST. The upstream answers this message with an error for
//! the id of the request, and that answer reaches the caller.

use crate::json;
use crate::mcp::Id;

/// The message around an id. No server has its method, so it runs nothing; servers may log it.
const MESSAGE: [&str; 2] = [r#"{"jsonrpc":"2.0","id":"#, r#","method":"toolgate/refused"}"#];

/// The longest id that the message repeats, in bytes.
const LONGEST_ID: usize = 512;

/// More than the nesting of a batch of messages.
const DEPTH: usize = 4;

/// A body made by the gate: fixed words and the ids of refused requests, nothing else of the body that
/// was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replacement {
    body: String,
    describing: Vec<String>,
}

impl Replacement {
    /// One message for each id, as a batch if the refused body was one; `None` without an id, and if
    /// one is too long, or would not be read alike by every server. `describing` are the names of
    /// header fields that describe the refused body.
    pub(crate) fn of(ids: &[&Id], batch: bool, describing: &[String]) -> Option<Self> {
        let messages = ids.iter().map(|id| message(id)).collect::<Option<Vec<String>>>()?;
        let body = match (messages.as_slice(), batch) {
            ([only], false) => only.clone(),
            ([_, ..], true) => format!("[{}]", messages.join(",")),
            ([], _) | ([_, ..], false) => return None,
        };
        json::read(body.as_bytes(), DEPTH).ok()?;
        Some(Self { body, describing: describing.to_vec() })
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.body.as_bytes()
    }

    /// The names of header fields that describe the refused body, and do not go to the upstream.
    pub fn describing(&self) -> &[String] {
        &self.describing
    }
}

fn message(id: &Id) -> Option<String> {
    let mut written = String::new();
    match id {
        Id::Number(number) => written = number.to_string(),
        Id::Text(text) if text.len() <= LONGEST_ID => json::quote(text, &mut written),
        Id::Text(_) => return None,
    }
    let [before, after] = MESSAGE;
    Some([before, &written, after].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mcp::{self, Kind, StandardHeaders};

    fn of(ids: &[Id], batch: bool) -> Option<String> {
        let ids: Vec<&Id> = ids.iter().collect();
        let replacement = Replacement::of(&ids, batch, &[])?;
        Some(String::from_utf8(replacement.body().to_vec()).unwrap())
    }

    fn text(id: &str) -> Id {
        Id::Text(id.to_owned())
    }

    #[test]
    fn a_replacement_has_an_id_and_fixed_words() {
        let message =
            |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"toolgate/refused"}}"#);
        assert_eq!(of(&[Id::Number(-7)], false), Some(message("-7")));
        assert_eq!(of(&[text("a\"}")], false), Some(message(r#""a\"}""#)));
        let both = format!("[{},{}]", message("1"), message(r#""1""#));
        assert_eq!(of(&[Id::Number(1), text("1")], true), Some(both));
        assert_eq!(of(&[text("1")], true), Some(format!("[{}]", message(r#""1""#))));
    }

    #[test]
    fn what_cannot_be_answered_is_not_replaced() {
        for (ids, batch) in [
            (vec![], false),
            (vec![], true),
            (vec![text("1"), text("2")], false),
            (vec![text(&"x".repeat(LONGEST_ID + 1))], false),
            (vec![text("1"), text(&"x".repeat(LONGEST_ID + 1))], true),
            (vec![text("a\0")], false),
            (vec![Id::Number(1 << 53)], false),
        ] {
            assert_eq!(of(&ids, batch), None, "{ids:?}");
        }
    }

    fn id() -> impl Strategy<Value = Id> {
        prop_oneof![any::<i64>().prop_map(Id::Number), ".{0,20}".prop_map(Id::Text)]
    }

    proptest! {
        /// Whatever the ids are, the gate itself reads its message as one of its own.
        #[test]
        fn a_replacement_is_what_the_gate_reads_in_it(
            mut ids in prop::collection::vec(id(), 1..5),
            batch in any::<bool>(),
        ) {
            ids.sort_unstable();
            ids.dedup();
            let given: Vec<&Id> = ids.iter().collect();
            if let Some(replacement) = Replacement::of(&given, batch, &[]) {
                let value = json::read(replacement.body(), DEPTH).unwrap();
                let body = mcp::read(&value, &StandardHeaders::default(), ids.len()).unwrap();
                prop_assert_eq!(body.is_batch(), batch);
                let read: Vec<&Id> =
                    body.messages().iter().filter_map(|it| it.request_id()).collect();
                prop_assert_eq!(read, given);
                for message in body.messages() {
                    let kind = &message.kind;
                    prop_assert!(
                        matches!(kind, Kind::Request { method: "toolgate/refused", .. }),
                        "another method"
                    );
                }
            }
        }
    }
}
