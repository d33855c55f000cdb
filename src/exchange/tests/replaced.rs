//! Refusals on a channel whose requests are answered on an event stream.

use proptest::prelude::*;

use super::*;

fn gate(change: impl FnOnce(&mut Value)) -> Gate {
    let mut document = fixture::document_json();
    document["manifest"]["channels"][0]["protocol"] = json!("sse");
    change(&mut document);
    let bundle = crate::bundle::load(&serde_json::from_value(document).unwrap()).unwrap().bundle;
    Gate { bundle, ..fixture::gate() }
}

fn send(gate: &Gate, fields: &[(&str, &str)], body: &str) -> Step {
    run(gate, fields, Some(fixture::claims()), body.as_bytes())
}

fn message(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"toolgate/refused"}}"#)
}

struct Replaced {
    body: String,
    effects: Effects,
}

#[track_caller]
fn replaced(step: Step) -> Replaced {
    match step {
        Step::Done(effects) => {
            let Ending::Replace(replacement) = &effects.ending else { panic!("{effects:?}") };
            let body = String::from_utf8(replacement.body().to_vec()).unwrap();
            Replaced { body, effects }
        }
        other @ (Step::AwaitBody | Step::Drain | Step::Consult(_)) => panic!("{other:?}"),
    }
}

#[test]
fn the_upstream_gets_a_message_of_the_gate() {
    let fields = with(&[
        ("content-length", "99"),
        ("content-digest", "sha-256=:x:"),
        ("mcp-protocol-version", "2025-06-18"),
        ("mcp-name", "refund"),
        ("toolgate-decision", "permit"),
        ("authorization", "Bearer x"),
    ]);
    let Replaced { body, effects } =
        replaced(send(&gate(|_| ()), &fields, &call("refund", r#"{"amount":501}"#)));
    assert_eq!(body, message(r#""x""#));
    let [record] = &effects.records[..] else { panic!() };
    assert_eq!((record.reason, record.decision), (Reason::Forbidden, Reason::Forbidden.decision()));
    let digest = &record.bundle.digest;
    let decision = format!(
        r#"deny;reason=forbidden;policy="limit";bundle="fixture@3 {digest}";id="{}""#,
        record.id
    );
    assert_eq!(effects.decision(), Some(&*decision));
    let remove = |name: &str| HeaderChange::Remove(name.to_owned());
    let [changes @ .., HeaderChange::Set(header::IDENTITY, _)] = &effects.headers[..] else {
        panic!("{:?}", effects.headers)
    };
    let expected = [
        remove("toolgate-decision"),
        remove("mcp-name"),
        remove("mcp-protocol-version"),
        remove("content-digest"),
        HeaderChange::Set("content-length", body.len().to_string()),
        HeaderChange::Set(header::DECISION, decision.clone()),
    ];
    assert_eq!(changes, expected);
}

#[test]
fn every_refusal_with_an_id_is_told_on_the_stream() {
    let valid = call("get", r#"{"id":"p"}"#);
    let version = with(&[("mcp-protocol-version", "1")]);
    let method = with(&[("mcp-method", "tools/list")]);
    for (fields, body, reason) in [
        (&POST[..], call("drop", "{}"), Reason::UnknownTool),
        (&POST, call("get", "{}"), Reason::InvalidArguments),
        (&POST, valid.replace("tools/call", "tasks/get"), Reason::MethodNotAllowed),
        (&POST, valid.replace("2.0", "1.0"), Reason::MalformedMessage),
        (&POST, call("get", r#"{"id":"\u0000"}"#), Reason::MalformedBody),
        (&POST, call("get", &json!({ "id": "p".repeat(2000) }).to_string()), Reason::BodyTooLarge),
        (&version, valid.clone(), Reason::UnsupportedVersion),
        (&method, valid.clone(), Reason::HeaderMismatch),
    ] {
        for style in ["tool_result", "jsonrpc_error", "http", "conceal"] {
            let gate = gate(|document| document["manifest"]["refusal"]["style"] = json!(style));
            let Replaced { body, effects } = replaced(send(&gate, fields, &body));
            assert_eq!((body, effects.records[0].reason), (message(r#""x""#), reason));
        }
    }
    forwarded(send(&gate(|_| ()), &POST, &valid));
}

#[test]
fn what_cannot_be_answered_on_the_stream_is_an_http_error() {
    let gate = gate(|_| ());
    let long = call("drop", "{}").replace("\"x\"", &format!("\"{}\"", "x".repeat(600)));
    let early = with(&[("content-type", "text/plain")]);
    let no_id = call("drop", "{}").replace(r#""id":"x","#, "");
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#.to_owned();
    for (fields, body, status) in [
        (&POST[..], long, 403),
        (&POST, notification.clone(), 403),
        (&POST, format!("[{notification}]"), 403),
        (&POST, no_id, 400),
        (&POST, "{".to_owned(), 400),
        (&POST, " ".repeat(2001), 413),
        (&early, "{}".to_owned(), 415),
    ] {
        let (refusal, answer) = refused(send(&gate, fields, &body));
        let answer = answer.get(0).unwrap_or(&answer);
        assert_eq!((refusal.reply.status, answer["error"]["code"].is_i64()), (status, true));
    }
    let (refusal, _) = refused(run(&gate, &POST, None, call("drop", "{}").as_bytes()));
    assert_eq!(refusal.reply.status, 401);
    assert!(refusal.reply.headers.contains(&("www-authenticate", "Bearer".to_owned())));
    let failed = Exchange::default().fail(&gate, "a host call failed");
    assert_eq!(refused(Step::Done(failed)).0.reply.status, 500);
}

#[test]
fn a_batch_becomes_a_batch_for_its_requests() {
    let ping = r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#;
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let body = format!("[{ping},{note},{}]", call("drop", "{}"));
    let Replaced { body, effects } = replaced(send(&gate(|_| ()), &POST, &body));
    assert_eq!(body, format!("[{},{}]", message("4"), message(r#""x""#)));
    let reasons: Vec<Reason> = effects.records.iter().map(|record| record.reason).collect();
    assert_eq!(reasons, [Reason::BatchRefused, Reason::BatchRefused, Reason::UnknownTool]);
    let many: Vec<String> =
        (0..4).map(|id| ping.replace(r#""id":4"#, &format!(r#""id":{id}"#))).collect();
    let Replaced { body, effects } =
        replaced(send(&gate(|_| ()), &POST, &format!("[{}]", many.join(","))));
    let expected: Vec<String> = (0..4).map(|id| message(&id.to_string())).collect();
    assert_eq!(body, format!("[{}]", expected.join(",")));
    assert_eq!(effects.records[0].reason, Reason::TooManyCalls);
}

/// The body is dropped while it arrives. What has not arrived could follow a message in its place.
#[test]
fn only_a_body_that_has_arrived_wholly_is_replaced() {
    let gate = gate(|_| ());
    let drained = |pieces: &[&str]| {
        let mut exchange = Exchange::default();
        exchange.step(&gate, Event::Headers(&arrival(&POST, Some(fixture::claims()))));
        for piece in pieces {
            let step = exchange.step(&gate, Event::Buffered(piece.len()));
            assert!(matches!(step, Step::Drain), "{step:?}");
            match exchange.step(&gate, Event::Drained(piece.as_bytes())) {
                Step::AwaitBody => {}
                done @ (Step::Drain | Step::Consult(_) | Step::Done(_)) => return done,
            }
        }
        exchange.step(&gate, Event::End(b"}"))
    };
    let body = call("get", &json!({ "id": "p".repeat(3000) }).to_string());
    let Replaced { body, effects } = replaced(drained(&[body.strip_suffix('}').unwrap()]));
    assert_eq!((body, effects.records[0].reason), (message(r#""x""#), Reason::BodyTooLarge));

    let beginning = format!("{}{}", call("get", "{}"), " ".repeat(2000));
    let endless = " ".repeat(9 << 20);
    let (refusal, answer) = refused(drained(&[&beginning, &endless, &endless]));
    assert_eq!((refusal.reply.status, &answer["id"]), (413, &json!("x")));
}

#[test]
fn concealed_tools_are_refused_alike() {
    let gate = gate(|document| document["manifest"]["refusal"]["style"] = json!("conceal"));
    let told = |tool: &str, arguments: &str, id: &str| {
        let body = call(tool, arguments).replace("\"x\"", id);
        match send(&gate, &POST, &body) {
            Step::Done(Effects { ending: Ending::Replace(replacement), .. }) => {
                (202, String::from_utf8(replacement.body().to_vec()).unwrap())
            }
            other @ (Step::AwaitBody | Step::Drain | Step::Consult(_) | Step::Done(_)) => {
                let (refusal, body) = refused(other);
                (refusal.reply.status, body.to_string().replace(tool, "TOOL"))
            }
        }
    };
    for id in ["7".to_owned(), format!("\"{}\"", "x".repeat(600))] {
        let unknown = told("nosuch", "{}", &id);
        assert_eq!(told("refund", r#"{"amount":501}"#, &id), unknown);
        assert_eq!(told("get", "{}", &id), unknown);
        assert_eq!(unknown.0, if id == "7" { 202 } else { 403 });
    }
}

#[test]
fn a_bundle_in_shadow_replaces_nothing() {
    let gate = gate(|document| document["manifest"]["mode"] = json!("shadow"));
    let step = send(&gate, &POST, &call("drop", "{}"));
    assert_eq!(forwarded(step).records[0].shadow.as_ref().unwrap().reason, Reason::UnknownTool);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "\\PC{0,20}"].prop_map(|text| Value::from(text).to_string())
}

proptest! {
    // Each case loads a bundle.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Two refused bodies with the same id become the same message, so it has nothing else of them.
    /// For the upstream it is no more than a `ping`, which every sender may send with the headers that
    /// are left.
    #[test]
    fn a_replacement_depends_on_ids_alone(
        id in prop_oneof![any::<i32>().prop_map(|id| id.to_string()), text()],
        tool in text(), other in text(), name in "mcp-[a-z]{1,9}", version in "[!-~]{1,9}",
        closing in prop_oneof![Just("}}"), Just("},\"x\":1}"), Just("")],
    ) {
        let gate = gate(|_| ());
        let body = |text: &str| format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"tools/call","params":{{"name":"tool {}","arguments":{{}}{closing}"#,
            text.strip_prefix('"').unwrap(),
        );
        let fields: Vec<_> = POST.into_iter().chain([(&*name, &*version)]).collect();
        let first = replaced(send(&gate, &fields, &body(&tool)));
        let second = replaced(send(&gate, &POST, &body(&other)));
        prop_assert_eq!(&first.body, &second.body);
        prop_assert_eq!(first.body, message(&serde_json::from_str::<Value>(&id).unwrap().to_string()));

        let removed = |field: &str| first.effects.headers.contains(&HeaderChange::Remove(field.to_owned()));
        let left: Vec<_> = fields.iter().copied().filter(|(field, _)| !removed(field)).collect();
        let ping = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        prop_assert!(forwarded(send(&gate, &left, &ping)).records.is_empty());
    }
}
