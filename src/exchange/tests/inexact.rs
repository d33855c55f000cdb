//! Arguments that fit their schema but that no Cedar value equals.

use super::*;

/// Sends a call of a tool with these policies.
fn send(policies: &[&str], arguments: &str) -> Step {
    let mut document = fixture::document_json();
    document["tools"]["pay"][1]["inputSchema"] = json!({ "type": "object", "properties": {
        "latitude": { "type": "number", "minimum": -90, "maximum": 90 },
        "vector": { "type": "array", "items": { "type": "number" } },
        "order": { "type": "object", "required": ["at"], "properties": {
            "at": { "type": "string", "format": "date-time" }, "id": { "type": "integer" } } },
        "any": { "type": ["number", "string"] },
        "alt": { "anyOf": [
            { "type": "object", "properties": { "q": { "type": "integer" } }, "required": ["q"] },
            { "type": "object", "properties": { "q": { "type": "string" } }, "required": ["q"] }] },
        "note": { "type": "string" } }, "required": ["latitude"] });
    let policy = |(index, text): (usize, &&str)| {
        let id = format!("p{index}");
        json!({ "id": id, "source": format!("@id(\"{id}\") {text}") })
    };
    let permit = ["permit (principal, action, resource);"];
    document["layers"]["org"] = permit.iter().chain(policies).enumerate().map(policy).collect();
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    let gate = Gate { bundle, ..fixture::gate() };
    let body = call("refund", arguments);
    run(&gate, &POST, Some(fixture::claims()), body.as_bytes())
}

#[track_caller]
fn check(condition: &str, arguments: &str, refused_because: Option<&str>) {
    let of = |scope: &str| {
        format!(
            "forbid (principal{scope}, action == Action::\"pay/refund\", resource) when {{ {condition} }};"
        )
    };
    let step = send(&[&of("")], arguments);
    match refused_because {
        None => assert_eq!(forwarded(step).records[0].reason, Reason::Permitted),
        Some(words) => {
            let (refusal, answer) = refused(step);
            assert_eq!(refusal.records[0].reason, Reason::InvalidArguments, "{condition}");
            let detail = format!("argument {words}: policy `p1` reads it");
            assert_eq!(refusal.records[0].detail, Some(detail));
            assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains(words));
        }
    }
    // A policy whose scope does not admit the call reads nothing.
    forwarded(send(&[&of(" == User::\"eve\"")], arguments));
    let get =
        of("").replace(&format!("when {{ {condition} }}"), "when { context.input.id == \"x\" }");
    forwarded(send(&[&get.replace("pay/refund", "pay/get")], arguments));
}

#[test]
fn a_value_that_no_policy_reads_passes() {
    let exact = "context.input.latitude.lessThan(decimal(\"-89.0\"))";
    let words = "`latitude` must be a number with at most 4 fractional digits";
    check(exact, r#"{"latitude":52.52}"#, None);
    check(exact, r#"{"latitude":52.5200066}"#, Some(words));
    let unread = "context.input has note && context.input.note == \"x\"";
    check(unread, r#"{"latitude":52.5200066,"vector":[1.2e-5,0.30000000000000004,7]}"#, None);
    let vector = "context.input has vector && context.input.vector.isEmpty()";
    let words = "`vector[1]` must be a number with at most 4 fractional digits";
    check(vector, r#"{"latitude":1,"vector":[1,1.2e-5,1.3e-5]}"#, Some(words));
    let any = "context.input has any && context.input.any has typeChoice1";
    let words = "`any` must be a number with at most 4 fractional digits";
    check(any, r#"{"latitude":1,"any":0.00001}"#, Some(words));
}

#[test]
fn a_member_beside_an_inexact_one_is_read() {
    let arguments = r#"{"latitude":1,"order":{"at":"2026-01-01T00:00:00.123456Z","id":3.0}}"#;
    let id = "context.input has order && context.input.order has id && context.input.order.id != 3";
    check(id, arguments, None);
    let words = "`order.at` must be a date and time in milliseconds with an offset, such as \
                 2026-11-21T10:00:00Z";
    let at = "context.input has order && context.input.order.at == datetime(\"2026-01-01\")";
    check(at, arguments, Some(words));
}

#[test]
fn a_choice_that_does_not_fit_hides_no_argument() {
    let words = "`vector[0]` must be a number with at most 4 fractional digits";
    let guarded = "context.input has vector && context.input.vector.isEmpty()";
    let arguments = r#"{"alt":{"q":"x"},"latitude":1,"vector":[0.00001]}"#;
    check(guarded, arguments, Some(words));
}

#[test]
fn its_own_schema_is_checked_all_the_same() {
    for arguments in [
        r#"{"latitude":90.00001}"#,
        r#"{"latitude":"52.5200066"}"#,
        r#"{"latitude":1,"vector":[1.2e-5,"x"]}"#,
        r#"{"latitude":1,"order":{"at":"2026-13-01T00:00:00.123456Z"}}"#,
        r#"{"latitude":1.00001,"unknown":1}"#,
    ] {
        let (refusal, _) = refused(send(&[], arguments));
        assert_eq!(refusal.records[0].reason, Reason::InvalidArguments, "{arguments}");
    }
}
