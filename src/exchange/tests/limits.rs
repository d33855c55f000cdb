use super::*;

#[test]
fn values_beyond_the_limit_are_refused() {
    let run = |values: usize, body: &str| {
        let mut gate = fixture::gate();
        gate.bundle.limits.values = values;
        gate.bundle.limits.body_bytes = 4000;
        run(&gate, &POST, Some(fixture::claims()), body.as_bytes())
    };
    let body = call("get", r#"{"id":"p"}"#);
    assert_eq!(forwarded(run(8, &body)).records[0].reason, Reason::Permitted);
    let (refusal, answer) = refused(run(7, &body));
    assert_eq!(refusal.records[0].reason, Reason::TooManyValues);
    assert_eq!((refusal.reply.status, &answer["result"]["isError"]), (200, &json!(true)));
    // A long text is one JSON value but counts as several values of the tool.
    let (refusal, answer) =
        refused(run(8, &call("get", &json!({ "id": "p".repeat(2100) }).to_string())));
    assert_eq!(refusal.records[0].reason, Reason::TooManyValues);
    assert_eq!(answer["result"]["isError"], true);
}
