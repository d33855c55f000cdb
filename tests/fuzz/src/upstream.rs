//! Forwarded requests to the small bundle's server, and what their caller gets of the response.

use std::sync::Arc;

use chrono::DateTime;
use toolgate::exchange::{
    Arrival, Effects, Ending, Event, Exchange, HeaderChange, ResponseEvent, ResponseStep, Room,
    Step,
};
use toolgate::gate::ChangedTools;
use toolgate::head::Head;
use toolgate::identity::Attested;
use toolgate::memory::Store;

use crate::pieces::pieces;
use crate::small;

/// A call whose result has labels.
pub(crate) const CALL: &str = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"get","arguments":{"id":"p"}}}"#;

/// Bodies of requests whose responses are looked at. The empty one is that of a `GET`.
pub(crate) const REQUESTS: [&str; 4] = [
    r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#,
    CALL,
    "",
    r#"[{"jsonrpc":"2.0","id":7,"method":"tools/list"},{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"get","arguments":{"id":"p"}}}]"#,
];

/// A response of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response<'a> {
    pub(crate) status: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) cuts: u8,
}

/// What the caller gets.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) headers: Vec<HeaderChange>,
    pub(crate) body: Vec<u8>,
    /// Whether it is the server's response, unread.
    pub(crate) passed: bool,
}

impl Received {
    /// The content type, which the server's is unless it was changed.
    pub(crate) fn content_type<'a>(&'a self, of_server: &'a str) -> &'a str {
        let set = self.headers.iter().rev().find_map(|change| match change {
            HeaderChange::Set("content-type", value) => Some(value.as_str()),
            HeaderChange::Set(..) | HeaderChange::Remove(_) => None,
        });
        set.unwrap_or(of_server)
    }
}

/// An exchange whose request was forwarded.
pub(crate) fn asked(body: &str) -> Exchange {
    let gate = small::gate();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = [
        (":method", method),
        (":path", small::PATH),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    let tokens = [("session".to_owned(), small::claims())].into();
    let arrival = Arrival {
        head: fields(&head),
        evidence: Ok(Attested { tokens, peer: None }.into()),
        source_ip: None,
        time: DateTime::UNIX_EPOCH,
        entropy: 7,
        changed: Arc::default(),
        approval: None,
    };
    let mut exchange = Exchange::default();
    exchange.step(gate, Event::Headers(&arrival));
    let step = exchange.end(gate, body.as_bytes(), &Store::default(), 1);
    let forwards = matches!(&step, Step::Done(Effects { ending: Ending::Forward(_), .. }));
    assert!(forwards && exchange.looks_at_response(), "{step:?}");
    exchange
}

/// What the caller gets of a response.
pub(crate) fn received(mut exchange: Exchange, response: &Response<'_>) -> Received {
    let gate = small::gate();
    let head = fields(&[(":status", response.status), ("content-type", response.content_type)]);
    let mut received = Received::default();
    let mut changed = ChangedTools::default();
    take(
        &mut received,
        exchange.respond(gate, ResponseEvent::Headers(&head, false, Room::default())),
        b"",
    );
    let parts = pieces(response.body, response.cuts);
    for (position, part) in (1..).zip(&parts) {
        if received.passed {
            received.body.extend_from_slice(part);
            continue;
        }
        let event = ResponseEvent::Body(part, position == parts.len(), &changed);
        let step = exchange.respond(gate, event);
        if let ResponseStep::Send { evidence: Some(evidence), .. } = &step {
            changed.add(evidence.changes(), &gate.bundle);
            assert_eq!(ChangedTools::read(&changed.to_bytes()).as_ref(), Some(&changed));
        }
        take(&mut received, step, part);
    }
    received
}

fn take(received: &mut Received, step: ResponseStep, part: &[u8]) {
    match step {
        ResponseStep::Hold => {}
        ResponseStep::Pass => {
            received.passed = true;
            received.body.extend_from_slice(part);
        }
        ResponseStep::Send { headers, body, .. } => {
            received.headers.extend(headers);
            received.body.extend_from_slice(&body);
        }
    }
}

fn fields(fields: &[(&str, &str)]) -> Head {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    Head::new(fields.iter().map(owned).collect())
}
