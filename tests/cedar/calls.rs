//! Generates calls, including calls by principals that are not in the bundle.

use serde_json::{Value, json};
use toolgate::decide::Facts;
use toolgate::identity::{Attested, Certificate};

use super::choices::Choices;
use super::world::{AGENTS, DOCS, FOLDERS, PRICES, ROLES, SERVICES, TEAMS, TEXTS, USERS};

/// A call, independent of its bundle.
#[derive(Debug)]
pub(super) struct Call {
    /// The verified identity.
    pub(super) attested: Attested,
    /// The tool's name.
    pub(super) tool: &'static str,
    /// The arguments as JSON.
    pub(super) arguments: String,
    /// What the proxy observed.
    pub(super) facts: Facts,
}

impl Call {
    /// The call with other arguments.
    pub(super) fn with(&self, arguments: String) -> Self {
        let Self { attested, tool, facts, .. } = self;
        Self { attested: attested.clone(), tool, arguments, facts: facts.clone() }
    }
}

pub(super) fn call(choices: &mut Choices<'_>) -> Call {
    let attested = if choices.once_in(4) { workload(choices) } else { person(choices) };
    let tool = choices.of(&["read", "write", "list", "ping"]);
    let ids: &[&str] = if tool == "list" { &FOLDERS } else { &DOCS };
    let id = if choices.once_in(10) { "unknown" } else { choices.of(ids) };
    let arguments = arguments(choices, id).to_string();
    Call { attested, tool, arguments, facts: facts(choices) }
}

/// Arguments of all kinds; all may be missing except the two that each tool requires.
fn arguments(choices: &mut Choices<'_>, id: &str) -> Value {
    let mut all = json!({ "id": id, "n": choices.below(9) });
    let price = |text: &str| json!(text.parse::<f64>().unwrap());
    let text = |choices: &mut Choices<'_>| json!(choices.of(&TEXTS));
    let mut nest = json!({ "name": text(choices) });
    if choices.once_in(2) {
        nest["size"] = json!(choices.below(5));
    }
    if !choices.once_in(3) {
        nest["deep"] = if choices.once_in(3) { json!({}) } else { json!({ "flag": true }) };
    }
    let parts = choices.some(&TEXTS, 3);
    let optional = [
        ("flag", json!(choices.once_in(2))),
        ("price", price(choices.of(&PRICES))),
        ("exact", json!(choices.of(&PRICES))),
        ("text", text(choices)),
        ("maybe", if choices.once_in(2) { Value::Null } else { text(choices) }),
        ("kind", json!(choices.of(&["one", "two"]))),
        ("texts", json!(choices.some(&["a", "b", "a", "one"], 2))),
        ("longs", json!(choices.some(&[0, 1, 2, 1], 2))),
        ("prices", choices.some(&PRICES, 2).into_iter().map(price).collect()),
        ("kinds", json!(choices.some(&["one", "two"], 2))),
        ("parts", parts.iter().map(|name| json!({ "name": name })).collect()),
        ("nest", nest),
        ("either", if choices.once_in(2) { json!(choices.below(5)) } else { text(choices) }),
        ("pair", json!([text(choices), choices.below(5)])),
        ("at", json!(choices.of(&["1970-01-01T00:00:00Z", "2026-01-31T12:00:00Z"]))),
        ("from", json!(choices.of(&["127.0.0.1", "10.0.0.1"]))),
        ("span", json!("PT1H")),
    ];
    for (name, value) in optional {
        if !choices.once_in(4) {
            all[name] = value;
        }
    }
    all
}

fn facts(choices: &mut Choices<'_>) -> Facts {
    let known = choices.once_in(2);
    let traced = choices.once_in(2);
    Facts {
        time: chrono::DateTime::UNIX_EPOCH,
        method: choices.of(&["POST", "GET"]).to_owned(),
        path: choices.of(&["/fs", "/a"]).to_owned(),
        authority: "fs".to_owned(),
        source_ip: known.then(|| choices.of(&["127.0.0.1", "10.0.0.1"]).parse().unwrap()),
        trace_id: traced.then(|| choices.of(&TEXTS).to_owned()),
        environment: choices.of(&["test", "a"]).into(),
    }
}

fn person(choices: &mut Choices<'_>) -> Attested {
    let mut claims = json!({
        "iss": "https://id",
        "sub": if choices.once_in(10) { "zoe" } else { choices.of(&USERS) },
        "tenant": choices.of(&["acme", "globex"]),
        "level": choices.below(9),
        "roles": choices.some(&ROLES, 5),
        "teams": choices.some(&TEAMS, 4),
    });
    let optional = [
        ("manager", json!(choices.of(&USERS))),
        ("open", json!(choices.once_in(2))),
        ("marks", json!(choices.some(&TEXTS, 2))),
        ("scope", json!(choices.some(&["a", "b"], 2))),
        ("txn", json!(choices.of(&["t", "one"]))),
        ("exp", json!(86_400)),
    ];
    for (name, value) in optional {
        if choices.once_in(2) {
            claims[name] = value;
        }
    }
    if !choices.once_in(4) {
        claims["act"] = chain(choices);
    }
    Attested { tokens: [("session".to_owned(), claims)].into(), peer: None }
}

fn chain(choices: &mut Choices<'_>) -> Value {
    let mut act = json!({ "sub": choices.of(&AGENTS) });
    if choices.once_in(3) {
        act["act"] = json!({ "sub": choices.of(&AGENTS) });
    }
    act
}

fn workload(choices: &mut Choices<'_>) -> Attested {
    let peer = if choices.once_in(6) { "spiffe://x/zoe" } else { choices.of(&SERVICES) };
    Attested { tokens: [].into(), peer: Some(Certificate::Uris(vec![peer.to_owned()])) }
}
