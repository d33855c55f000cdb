//! The resource of a call, from its bytes to its record.

use cedar_policy::{EntityId, EntityUid};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn uid(id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id("Payment".parse().unwrap(), EntityId::new(id))
}

/// The fixture with alice's payments as resources of `get`, and policies for them.
fn gate(payments: &[&str], redact: bool, unknown: &str) -> Gate {
    let mut document = fixture::document_json();
    let schema = document["schema"].as_str().unwrap().to_owned();
    document["schema"] = json!(format!("{schema} entity Payment {{ owner?: User }};"));
    let mark = json!({ "type": "Payment", "argument": "id", "unknown": unknown });
    let marks = json!({ "resource": mark, "redact": if redact { vec!["id"] } else { vec![] } });
    document["manifest"]["servers"]["pay"]["tools"]["get"] = marks;
    let owner = json!({ "type": "User", "id": "alice" });
    let entities = document["entities"].as_array_mut().unwrap();
    entities.extend(
        payments
            .iter()
            .map(|id| json!({ "uid": uid(id).to_string(), "attrs": { "owner": owner } })),
    );
    // Without an entity of the type, `unknown: refuse` causes a warning.
    entities.push(json!({ "uid": "Payment::\"of nobody\"" }));
    document["layers"]["org"] = json!([
        { "id": "owners", "source": "@id(\"owners\") permit (principal, action == Action::\"pay/get\", resource) when { resource has owner && resource.owner == principal };" },
        { "id": "refunds", "source": "@id(\"refunds\") permit (principal, action == Action::\"pay/refund\", resource);" },
    ]);
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    Gate { bundle, ..fixture::gate() }
}

fn decided(gate: &Gate, body: &str) -> Vec<Record> {
    // The only revision with batches.
    let fields = with(&[("mcp-protocol-version", "2025-03-26")]);
    match run(gate, &fields, Some(fixture::claims()), body.as_bytes()) {
        Step::Done(effects) => effects.records,
        Step::AwaitBody | Step::Drain | Step::Consult(_) => panic!("there is a body"),
    }
}

#[track_caller]
fn check(gate: &Gate, arguments: &str, reason: Reason, resource: Option<&str>) {
    let records = decided(gate, &call("get", arguments));
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.reason, record.resource.as_deref()), (reason, resource), "{arguments}");
    assert_eq!((record.tool.as_deref(), record.known), (Some("pay/get"), true));
}

#[test]
fn the_record_says_what_a_call_is_about() {
    let strict = gate(&["p-1"], false, "refuse");
    check(&strict, r#"{"id":"p-1"}"#, Reason::Permitted, Some("Payment::\"p-1\""));
    check(&strict, r#"{"id":"of nobody"}"#, Reason::NotPermitted, Some("Payment::\"of nobody\""));
    check(&strict, r#"{"id":"P-1"}"#, Reason::UnknownResource, Some("Payment::\"P-1\""));
    check(&strict, r#"{"id":"p-1","x":1}"#, Reason::InvalidArguments, Some("Payment::\"p-1\""));
    check(&strict, r#"{"id":1}"#, Reason::InvalidArguments, None);
    check(&strict, "{}", Reason::InvalidArguments, None);
    let open = gate(&["p-1"], false, "evaluate");
    check(&open, r#"{"id":"P-1"}"#, Reason::NotPermitted, Some("Payment::\"P-1\""));
    let long = format!(r#"{{"id":"{}"}}"#, "a".repeat(1500));
    let longest = Some(format!("Payment::\"{}\"", "a".repeat(1500)));
    check(&open, &long, Reason::NotPermitted, longest.as_deref());
}

#[test]
fn the_record_does_not_say_what_is_redacted() {
    let gate = gate(&["p-1", "[redacted]"], true, "refuse");
    let mark = Some("Payment::\"[redacted]\"");
    check(&gate, r#"{"id":"p-1"}"#, Reason::Permitted, mark);
    check(&gate, r#"{"id":"secret"}"#, Reason::UnknownResource, mark);
    for record in decided(&gate, &call("get", r#"{"id":"secret"}"#)) {
        assert!(!record.to_line().contains("secret"));
        assert_eq!(record.detail.as_deref(), Some("`id` names no `Payment` of the bundle"));
    }
}

#[test]
fn a_refusal_names_the_argument_and_not_its_value() {
    let gate = gate(&[], false, "refuse");
    let step =
        run(&gate, &POST, Some(fixture::claims()), call("get", r#"{"id":"p-9"}"#).as_bytes());
    let (refusal, body) = refused(step);
    assert_eq!(refusal.reply.status, 200);
    let text = body["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("argument `id` names nothing that is known here"), "{text}");
    assert!(!body.to_string().contains("p-9"));
}

/// Spells a string in JSON with escapes; the tool must read the same string from each spelling.
fn spelt(text: &str, escape: &[bool]) -> String {
    let spell = |(index, unit): (usize, u16)| {
        let plain = char::from_u32(unit.into()).filter(|letter| !"\"\\".contains(*letter));
        match plain.filter(|letter| !letter.is_control()) {
            Some(letter) if !escape.get(index).copied().unwrap_or_default() => letter.to_string(),
            _ => format!("\\u{unit:04x}"),
        }
    };
    let units: String = text.encode_utf16().enumerate().map(spell).collect();
    format!("\"{units}\"")
}

proptest! {
    // Each case loads a bundle.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// For every spelling, and in a batch with calls that have other arguments.
    #[test]
    fn a_call_is_about_the_entity_that_its_argument_names(
        ids in prop::collection::vec("[^\0]{0,6}", 1..4),
        escape in prop::collection::vec(any::<bool>(), 6),
        owned in any::<prop::sample::Index>(),
    ) {
        let owned = ids[owned.index(ids.len())].clone();
        let gate = gate(&[&owned], false, "evaluate");
        let calls = ids.iter().enumerate().map(|(index, id)| {
            let call = call("get", &format!("{{\"id\":{}}}", spelt(id, &escape)));
            call.replacen("\"x\"", &index.to_string(), 1)
        });
        let calls: Vec<String> = calls.collect();
        let records = decided(&gate, &format!("[{}]", calls.join(",")));
        prop_assert_eq!(records.len(), ids.len());
        for (id, record) in ids.iter().zip(&records) {
            prop_assert_eq!(record.resource.clone(), Some(uid(id).to_string().into()));
            let permitted = matches!(record.reason, Reason::Permitted | Reason::BatchRefused);
            prop_assert_eq!(permitted, *id == owned);
        }
    }
}
