//! Verified claims in Envoy's encoding: their order changes nothing, and what is encoded is what is
//! decided on.

use arbitrary::Unstructured;
use chrono::DateTime;
use serde_json::{Value, json};
use toolgate::bundle::Bundle;
use toolgate::exchange::{Arrival, Event, Exchange, Step};
use toolgate::gate::Gate;
use toolgate::head::Head;
use toolgate::identity::{Attested, Certificate, Evidence, identify};
use toolgate::memory::Store;

use crate::pieces::Dice;
use crate::{bundles, protobuf, small};

/// Longer than any input.
const LONGEST: usize = 1 << 20;

/// Members nested this deeply are in order in a key.
const SORTED: usize = 16;

pub(super) fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let bundle = &bundles::chosen(input.arbitrary().unwrap_or_default()).gate.bundle;
    let turn = input.arbitrary::<u8>().unwrap_or_default();
    let bytes = input.take_rest();
    let certificate = Certificate::listed(Some("spiffe://acme.example/agent/support-bot"));
    for peer in [None, Some(certificate)] {
        let evidence = Evidence::Encoded { metadata: bytes.to_vec(), peer };
        evidence.sender_key(LONGEST);
        if let Ok(attested) = evidence.attested() {
            identified(bundle, &attested);
            decided_alike(&evidence, &attested);
        }
    }
    if let Ok(tokens @ Value::Object(_)) = serde_json::from_slice(bytes) {
        reordered(&tokens, turn);
    }
}

fn identified(bundle: &Bundle, attested: &Attested) {
    if let Ok(identity) = identify(&bundle.identity, attested) {
        assert!(!identity.principal.id.is_empty());
    }
}

/// Encoded claims, the same once more, and decoded ones lead to one decision.
fn decided_alike(evidence: &Evidence, attested: &Attested) {
    let gate = small::gate();
    let step = ask(gate, evidence.clone());
    assert_eq!(ask(gate, evidence.clone()), step);
    assert_eq!(ask(gate, Evidence::Read(attested.clone())), step);
}

fn ask(gate: &Gate, evidence: Evidence) -> String {
    let head = [(":method", "GET"), (":path", small::PATH), ("accept", "text/event-stream")];
    let head = head.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let arrival = Arrival {
        head: Head::new(head.into()),
        evidence: Ok(evidence),
        source_ip: None,
        time: DateTime::UNIX_EPOCH,
        entropy: 7,
        changed: std::sync::Arc::default(),
        approval: None,
    };
    let mut exchange = Exchange::default();
    let step = match exchange.step(gate, Event::Headers(&arrival)) {
        Step::AwaitBody => exchange.end(gate, b"", &Store::default(), 1),
        step @ (Step::Drain | Step::Consult(_) | Step::Done(_)) => step,
    };
    format!("{step:?}")
}

/// Claims have one key and decode to themselves, in whatever order their members are.
fn reordered(tokens: &Value, turn: u8) {
    let encoded = |turn: u64| Evidence::Encoded {
        metadata: protobuf::metadata(tokens, &mut Dice::new(turn)),
        peer: None,
    };
    let (one, other) = (encoded(turn.into()), encoded(u64::from(turn) + 1));
    let keys = [&one, &other].map(|evidence| evidence.sender_key(LONGEST));
    assert!(keys.iter().all(Option::is_some), "{tokens}");
    assert!(depth(tokens) > SORTED || keys[0] == keys[1], "{tokens}");
    match (one.attested(), other.attested()) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (one, other) => assert_eq!(one.is_ok(), other.is_ok()),
    }
}

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return 0,
    };
    1 + inner.unwrap_or_default()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (position, bundle) in (0..).zip(bundles::all()) {
        for caller in bundle.callers.iter().flatten() {
            let tokens = json!(caller.tokens);
            let metadata = protobuf::metadata(&tokens, &mut Dice::new(1));
            seeds.push([&[position, 1], metadata.as_slice()].concat());
            seeds.push([&[position, 2], tokens.to_string().as_bytes()].concat());
        }
    }
    let small = json!({ "session": small::claims() });
    seeds.push([&[0, 1], protobuf::metadata(&small, &mut Dice::new(1)).as_slice()].concat());
    seeds
}
