//! Requests: however the body arrives, the decision is the same, and only what is permitted passes.

use arbitrary::Unstructured;
use chrono::DateTime;
use serde_json::Value;
use toolgate::cli::input::cases::Identity;
use toolgate::decide::Permits;
use toolgate::exchange::{Arrival, Effects, Ending, Event, Exchange, HeaderChange, Step};
use toolgate::gate::Gate;
use toolgate::head::Head;
use toolgate::header;
use toolgate::memory::Store;
use toolgate::reason::Decision;
use toolgate::record::{Record, to_lines};
use toolgate::tool::Tool;

use crate::bundles::{self, Loaded};
use crate::pieces::pieces;

pub(super) fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut byte = || input.arbitrary::<u8>().unwrap_or_default();
    let (bundle, caller, cuts) = (bundles::chosen(byte()), byte(), byte());
    let (arrival, body) = arrived(bundle, caller, input.take_rest());
    let (whole, _) = send(&bundle.gate, &arrival, &[body]);
    let (parts, is_drained) = send(&bundle.gate, &arrival, &pieces(body, cuts));
    assert_eq!(format!("{whole:?}"), format!("{parts:?}"), "in pieces");
    assert!(!is_drained || !matches!(parts.ending, Ending::Forward(_)), "a part was dropped");
    check(&bundle.gate, &arrival, body, &whole);
}

/// A request that is written as lines of headers, an empty line, and a body.
fn arrived<'a>(bundle: &Loaded, caller: u8, text: &'a [u8]) -> (Arrival, &'a [u8]) {
    let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap_or(text.len());
    let (head, body) = (&text[..end], text.get(end + 2..).unwrap_or_default());
    let fields = head.split(|byte| *byte == b'\n').map(|line| {
        // The name of a pseudo-header field begins with the separator.
        let colon =
            line.iter().skip(1).position(|byte| *byte == b':').map_or(line.len(), |at| at + 1);
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        let value = line.get(colon + 1..).unwrap_or_default();
        (name, value.strip_prefix(b" ").unwrap_or(value).to_vec())
    });
    let attested = bundle.caller(caller).map(Identity::attested);
    let arrival = Arrival {
        head: Head::new(fields.collect()),
        evidence: Ok(attested.unwrap_or_default().into()),
        source_ip: Some([10, 0, 0, 1].into()),
        time: DateTime::UNIX_EPOCH,
        entropy: 7,
        changed: std::sync::Arc::default(),
        approval: None,
    };
    (arrival, body)
}

/// What comes of a request, and whether a part of its body was dropped.
fn send(gate: &Gate, arrival: &Arrival, pieces: &[&[u8]]) -> (Effects, bool) {
    let mut exchange = Exchange::default();
    let mut step = exchange.step(gate, Event::Headers(arrival));
    let (mut held, mut is_drained) = (Vec::new(), false);
    let (last, first) = pieces.split_last().expect("there is always one");
    for piece in first {
        held.extend_from_slice(piece);
        step = match step {
            Step::AwaitBody => exchange.step(gate, Event::Buffered(held.len())),
            step @ (Step::Drain | Step::Consult(_) | Step::Done(_)) => step,
        };
        if let Step::Drain = step {
            is_drained = true;
            step = exchange.step(gate, Event::Drained(&held));
            held.clear();
        }
    }
    held.extend_from_slice(last);
    if let Step::AwaitBody = step {
        step = exchange.end(gate, &held, &Store::default(), 1);
    }
    let Step::Done(effects) = step else { panic!("the request is complete: {step:?}") };
    for event in [Event::Headers(arrival), Event::Buffered(1), Event::End(&held)] {
        let again = exchange.step(gate, event);
        let forwards = matches!(&again, Step::Done(Effects { ending: Ending::Forward(_), .. }));
        assert!(!forwards || gate.bundle.shadow.is_some(), "after the end: {again:?}");
    }
    (effects, is_drained)
}

fn check(gate: &Gate, arrival: &Arrival, body: &[u8], effects: &Effects) {
    for forged in arrival.head.names_with_prefix(header::RESERVED) {
        let is_removed = |change: &HeaderChange| *change == HeaderChange::Remove(forged.to_owned());
        assert!(effects.headers.iter().any(is_removed), "{forged}");
    }
    let lines = to_lines(&effects.records);
    assert_eq!(lines.lines().count(), effects.records.len());
    let records = lines.lines().map(serde_json::from_str::<Value>);
    assert!(records.into_iter().all(|line| line.is_ok_and(|line| line.is_object())), "{lines}");
    match &effects.ending {
        Ending::Forward(_) if gate.bundle.shadow.is_some() => {}
        Ending::Forward(permits) => forwarded(gate, arrival, body, effects, permits),
        Ending::Replace(replacement) => {
            serde_json::from_slice::<Value>(replacement.body()).expect("a message of the gate");
        }
        Ending::Reply(reply) => {
            let is_json = |(name, value): &(&str, String)| {
                *name == "content-type" && value == "application/json"
            };
            if reply.headers.iter().any(is_json) {
                serde_json::from_slice::<Value>(&reply.body).expect("a reply is JSON");
            }
            assert!(!reply.headers.is_empty() && (200..600).contains(&reply.status));
        }
    }
}

/// Every message of a forwarded body has a permit, as another reader of JSON finds them.
fn forwarded(gate: &Gate, arrival: &Arrival, body: &[u8], effects: &Effects, permits: &Permits) {
    assert!(effects.decision().is_some_and(|decision| decision.starts_with("permit")));
    assert!(permits.iter().next().is_some());
    let attested = arrival.evidence.as_ref().expect("it is known").attested().expect("it is read");
    assert!(!attested.tokens.is_empty() || attested.peer.is_some(), "nobody is permitted");
    if body.is_empty() {
        let method = arrival.head.one(":method").ok().flatten();
        assert!(matches!(method, Some("GET" | "DELETE")), "{method:?}");
        return;
    }
    let value: Value = serde_json::from_slice(body).expect("every reader reads it");
    let messages = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
    let facts = arrival.facts(&gate.environment);
    let channel = gate.bundle.channel(&facts.authority, &facts.path).expect("it has a channel");
    let method_of = |name: &str| gate.bundle.method(&channel.server, name);
    let mut records = effects.records.iter();
    for message in messages {
        match message.get("method").map(|method| method.as_str().expect("a method is a text")) {
            Some("tools/call") => {
                let name = message["params"]["name"].as_str().expect("a call has a name");
                let tool = gate.bundle.tool(&channel.server, name).expect("the tool is known");
                permitted(tool, records.next().expect("a call has a record"));
            }
            Some(name) if method_of(name).is_some() => {
                let method = method_of(name).expect("it was found");
                permitted(method, records.next().expect("a decided method has a record"));
            }
            // Lists of what decided methods use.
            Some(list @ ("resources/list" | "resources/templates/list")) => {
                assert!(method_of("resources/read").is_some() || is_housekeeping(gate, list));
            }
            Some(list @ "prompts/list") => {
                assert!(method_of("prompts/get").is_some() || is_housekeeping(gate, list));
            }
            Some(method) => assert!(is_housekeeping(gate, method), "{method}"),
            None => assert!(message.get("result").or(message.get("error")).is_some()),
        }
    }
    assert!(records.next().is_none(), "there is a record of nothing");
}

fn permitted(tool: &Tool, record: &Record) {
    assert_eq!(record.decision, Decision::Permit);
    assert_eq!(record.tool.as_deref(), Some(tool.qualified_name()));
    assert!(!record.policies.is_empty());
}

fn is_housekeeping(gate: &Gate, method: &str) -> bool {
    let known = [
        "initialize",
        "ping",
        "server/discover",
        "tools/list",
        "logging/setLevel",
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
        "notifications/tasks/status",
    ];
    known.contains(&method) || gate.bundle.methods.iter().any(|listed| listed == method)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (position, bundle) in (0..).zip(bundles::all()) {
        for file in &bundle.cases {
            for case in &file.cases {
                let named = case.identity.as_ref().and_then(|name| file.identities.get(name));
                let tokens = named.map(|named| (&named.tokens, &named.spiffe));
                let caller = bundle.callers.iter().position(|caller| {
                    caller.as_ref().map(|caller| (&caller.tokens, &caller.spiffe)) == tokens
                });
                let caller =
                    caller.and_then(|caller| u8::try_from(caller).ok()).unwrap_or_default();
                let (arrival, body) = case.arrival(None, &bundle.gate.bundle);
                let cuts = u8::try_from(seeds.len() % 7).unwrap_or_default();
                let mut seed = vec![position, caller, cuts];
                for name in arrival.head.names_with_prefix("") {
                    for value in arrival.head.all(name) {
                        seed.extend_from_slice(format!("{name}: {value}\n").as_bytes());
                    }
                }
                seed.push(b'\n');
                seed.extend_from_slice(&body);
                seeds.push(seed);
            }
        }
    }
    seeds
}
