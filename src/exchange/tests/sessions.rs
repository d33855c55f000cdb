//! Sessions that belong to whoever opened them.

use super::*;
use crate::mcp::SessionKey;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;

fn gate() -> Gate {
    let mut document = fixture::document();
    document.manifest.mcp.bind_sessions = true;
    let gate = Gate::new(crate::bundle::load(&document).unwrap().bundle, "test".to_owned());
    gate.with_sessions(SessionKey::new([7; 32]))
}

pub(super) fn claims(person: &str, agent: &str) -> Value {
    let mut claims = fixture::claims();
    claims["sub"] = json!(person);
    claims["act"]["sub"] = json!(agent);
    claims
}

fn response(fields: &[(&str, &str)]) -> Head {
    Head::new(fields.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect())
}

/// The id of a session as alice gets it.
fn opened(gate: &Gate) -> String {
    let mut exchange = Exchange::default();
    let arrival = arrival(&POST, Some(claims("alice", "bot")));
    assert!(matches!(exchange.step(gate, Event::Headers(&arrival)), Step::AwaitBody));
    forwarded(exchange.step(gate, Event::End(INITIALIZE.as_bytes())));
    assert!(exchange.bind_session(gate, &response(&[(":status", "200")])).is_none());
    let twice = response(&[("mcp-session-id", "a"), ("mcp-session-id", "b")]);
    let dropped = exchange.bind_session(gate, &twice);
    assert_eq!(dropped, Some(HeaderChange::Remove("mcp-session-id".to_owned())));
    match exchange.bind_session(gate, &response(&[("mcp-session-id", "s-1")])) {
        Some(HeaderChange::Set("mcp-session-id", sealed)) => sealed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_for_the_principal_and_the_actor_that_opened_it() {
    let gate = gate();
    let session = opened(&gate);
    assert!(session.starts_with("s-1."));
    let body = call("get", r#"{"id":"p"}"#);
    let send = |session: &str, person, agent| {
        let fields = [&POST[..], &[("mcp-session-id", session)]].concat();
        run(&gate, &fields, Some(claims(person, agent)), body.as_bytes())
    };
    let forward = forwarded(send(&session, "alice", "bot"));
    let upstream = HeaderChange::Set("mcp-session-id", "s-1".to_owned());
    assert!(forward.headers.contains(&upstream), "{:?}", forward.headers);
    let others = [
        (&*session, "bob", "bot"),
        (&session, "alice", "other-bot"),
        ("s-1", "alice", "bot"),
        ("", "alice", "bot"),
        ("s-2.AAAAAAAAAAAAAAAAAAAAAA", "alice", "bot"),
    ];
    for (session, person, agent) in others {
        let (refusal, _) = refused(send(session, person, agent));
        assert_eq!(
            (refusal.reply.status, refusal.records[0].reason),
            (404, Reason::SessionMismatch)
        );
    }
}

#[test]
fn streams_and_ends_of_sessions_are_for_their_owner_too() {
    let gate = gate();
    let session = opened(&gate);
    for method in ["GET", "DELETE"] {
        let fields = [
            (":method", method),
            (":path", "/pay/mcp"),
            (":authority", "pay.internal"),
            ("accept", "text/event-stream"),
            ("mcp-session-id", &session),
        ];
        forwarded(run(&gate, &fields, Some(claims("alice", "bot")), b""));
        let (refusal, _) = refused(run(&gate, &fields, Some(claims("bob", "bot")), b""));
        assert_eq!(refusal.records[0].reason, Reason::SessionMismatch);
    }
}

#[test]
fn a_bundle_that_does_not_bind_sessions_leaves_them_alone() {
    let fields = [&POST[..], &[("mcp-session-id", "s-1")]].concat();
    let body = call("get", r#"{"id":"p"}"#);
    let step = run(&fixture::gate(), &fields, Some(fixture::claims()), body.as_bytes());
    assert!(
        !forwarded(step)
            .headers
            .iter()
            .any(|change| { matches!(change, HeaderChange::Set("mcp-session-id", _)) })
    );
}

/// No known key is used by mistake.
#[test]
fn without_a_key_no_session_is_anybodys() {
    let bound = gate();
    let session = opened(&bound);
    let keyless = Gate { sessions: None, ..gate() };
    let fields = [&POST[..], &[("mcp-session-id", &session)]].concat();
    let body = call("get", r#"{"id":"p"}"#);
    let (refusal, _) =
        refused(run(&keyless, &fields, Some(claims("alice", "bot")), body.as_bytes()));
    assert_eq!(refusal.records[0].reason, Reason::SessionMismatch);
}

#[test]
fn a_candidate_knows_the_sessions_that_the_bundle_in_force_binds() {
    let body = call("get", r#"{"id":"p"}"#);
    let candidate = |gate: &Gate, session: &str| {
        let fields = [&POST[..], &[("mcp-session-id", session)]].concat();
        let step = run(gate, &fields, Some(claims("alice", "bot")), body.as_bytes());
        forwarded(step).records[0].candidate.as_ref().unwrap().outcome.reason
    };
    let both = gate().beside(Some(gate().bundle)).with_sessions(SessionKey::new([7; 32]));
    assert_eq!(candidate(&both, &opened(&both)), Reason::Permitted);
    // What a server gave has no code yet.
    let alone = fixture::gate().beside(Some(gate().bundle));
    assert_eq!(candidate(&alone, "s-1"), Reason::Permitted);
}
