//! Approvals: nobody's bytes approve a call, and signed claims approve only what they must.

use std::rc::Rc;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use chrono::DateTime;
use serde_json::{Value, json};
use toolgate::approval::{self, APPROVAL, Heard};
use toolgate::exchange::{Arrival, Consult, Consulted, Ending, Event, Exchange, Step};
use toolgate::gate::Gate;
use toolgate::head::Head;
use toolgate::identity::{Attested, Evidence};
use toolgate::jose::Signer;
use toolgate::memory::Store;

use crate::bundles;

/// Ed25519 keys, whose 32 bytes are all 1 and all 9: that of the gate, and that of the bundle's service.
const GATE_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const SERVICE_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ";
const GATE: &str = "https://gate.acme.example";
const SERVICE: &str = "https://approvals.acme.example";
const NOW: i64 = 1_800_000_000;

/// A gate that asks people, its request for approval of [`CALL`], and who signs approvals.
struct Asking {
    gate: Gate,
    request: String,
    service: Signer,
}

static ASKING: LazyLock<Asking> = LazyLock::new(|| {
    let asks = |it: &&bundles::Loaded| it.document.manifest.name.as_str() == "approvals";
    let document = &bundles::all().iter().find(asks).expect("the bundle").document;
    let bundle = toolgate::bundle::load(document).expect("a bundle").bundle;
    let [own, service] = [GATE_KEY, SERVICE_KEY].map(|key| key.parse().expect("a key"));
    let gate = Gate::new(bundle, String::new()).signing_with(own);
    let Step::Consult(Consult::Approval(query)) = decide(&gate, None, None) else {
        panic!("nobody is asked")
    };
    let body: Value = serde_json::from_str(&query.body).expect("JSON");
    let request = body["binding_token"].as_str().expect("a request").to_owned();
    Asking { gate, request, service }
});

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"transfer","arguments":{"to":"bob","amount":5000}}}"#;

pub(super) fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let how: u8 = input.arbitrary().unwrap_or_default();
    let (bytes, asking) = (input.take_rest(), &*ASKING);
    match how % 3 {
        0 => assert!(!is_forwarded(asking, Some(bytes), None), "unsigned bytes approve a call"),
        1 => {
            let heard = Heard::read("200", bytes);
            if let Heard::Decided(_) = heard {
                let answer: Value = serde_json::from_slice(bytes).expect("JSON");
                assert!(["approved", "denied"].contains(&answer["status"].as_str().unwrap_or("")));
            }
            assert!(!is_forwarded(asking, None, Some(heard)), "unsigned bytes approve a call");
        }
        _ => {
            let Ok(Value::Object(changes)) = serde_json::from_slice(bytes) else { return };
            let mut claims = genuine(&asking.request);
            let is_unchanged = changes.is_empty();
            claims.as_object_mut().expect("an object").extend(changes);
            let Ok(signed) = asking.service.sign(APPROVAL, &claims) else { return };
            let forwarded = is_forwarded(asking, Some(signed.as_bytes()), None);
            assert!(!forwarded || approves(&claims, &asking.request), "{claims}");
            assert!(forwarded || !is_unchanged, "the service's own approval");
        }
    }
}

/// The claims of an approval.
fn genuine(request: &str) -> Value {
    json!({ "iss": SERVICE, "aud": GATE, "iat": NOW, "exp": NOW + 300, "jti": "a-1", "request": request,
        "decision": "approved",
        "approver": { "sub": "carol", "tenant": "acme", "roles": ["finance"] } })
}

/// Whether signed claims approve the call, as far as any approval must.
fn approves(claims: &Value, request: &str) -> bool {
    let text = |member: &str| claims[member].as_str().unwrap_or_default();
    let time = |member: &str| claims[member].as_f64().unwrap_or_default();
    let approver = &claims["approver"];
    #[expect(clippy::cast_precision_loss, reason = "seconds are small")]
    let now = NOW as f64;
    [text("iss"), text("aud"), text("decision"), text("request")]
        == [SERVICE, GATE, "approved", request]
        && time("exp") > now
        && time("iat") <= now + 30.0
        && approver["tenant"] == "acme"
        && ![json!("ann"), json!("helper")].contains(&approver["sub"])
        && approver.get("act").is_none_or(Value::is_null)
}

fn is_forwarded(asking: &Asking, header: Option<&[u8]>, heard: Option<Heard>) -> bool {
    let Step::Done(effects) = decide(&asking.gate, header, heard) else { return false };
    let forwarded = matches!(effects.ending, Ending::Forward(_));
    let approved = effects.records.iter().all(|record| record.approval.is_some());
    assert!(approved || !forwarded, "a call passes without an approval");
    forwarded
}

/// Decides the call with the header of an approval, and this answer of the service.
fn decide(gate: &Gate, header: Option<&[u8]>, heard: Option<Heard>) -> Step {
    let fields = [
        (":method", "POST"),
        (":path", "/mcp"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let approval = header.map(|bytes| (approval::HEADER.to_owned(), bytes.to_vec()));
    let session =
        json!({ "sub": "ann", "tenant": "acme", "roles": ["clerk"], "act": { "sub": "helper" } });
    let tokens = [("session".to_owned(), session)].into();
    let arrival = Arrival {
        head: Head::new(fields.into_iter().chain(approval).collect()),
        evidence: Ok(Evidence::Read(Attested { tokens, peer: None })),
        source_ip: None,
        time: DateTime::from_timestamp(NOW, 0).expect("a time"),
        entropy: 7,
        changed: std::sync::Arc::default(),
        approval: None,
    };
    let mut exchange = Exchange::default();
    exchange.step(gate, Event::Headers(&arrival));
    match (end(gate, &mut exchange), heard) {
        (Step::Consult(Consult::Approval(_)), Some(heard)) => {
            exchange.step(gate, Event::Consulted(&Consulted::Approval(heard)));
            end(gate, &mut exchange)
        }
        (step, _) => step,
    }
}

fn end(gate: &Gate, exchange: &mut Exchange) -> Step {
    let recalled = Rc::new(Store::default().recall(&exchange.recalls(), 1, Vec::new()));
    exchange.step(gate, Event::Recalled(&recalled));
    exchange.step(gate, Event::End(CALL.as_bytes()))
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let asking = &*ASKING;
    let signed = asking.service.sign(APPROVAL, &genuine("e30.e30.e30")).unwrap_or_default();
    let changes = [
        json!({}),
        json!({ "decision": "denied" }),
        json!({ "exp": NOW, "iat": 0, "aud": [GATE] }),
        json!({ "approver": { "sub": "ann", "tenant": "acme", "roles": ["finance"], "act": { "sub": "x" } } }),
        json!({ "request": "e30.e30.e30", "reason": "so" }),
    ];
    let changes = changes.iter().map(|changes| [b"\x02", changes.to_string().as_bytes()].concat());
    let answers = [
        json!({ "status": "pending" }),
        json!({ "status": "approved", "approval": signed }),
        json!({ "status": "denied", "approval": asking.request }),
    ];
    let answers = answers.iter().map(|answer| [b"\x01", answer.to_string().as_bytes()].concat());
    let headers = [signed.as_str(), &asking.request, "e30.e30."];
    let headers = headers.iter().map(|header| [b"\x00", header.as_bytes()].concat());
    headers.chain(answers).chain(changes).collect()
}
