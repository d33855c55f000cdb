//! Calls of everybody, also of those whom no bundle knows.

use serde_json::{Value, json};
use toolgate::identity::Attested;

use super::choices::Choices;
use super::world::{AGENTS, DOCS, FOLDERS, ROLES, SERVICES, TEAMS, USERS};

/// A call before its bundle is known.
#[derive(Debug)]
pub(super) struct Call {
    /// Who asks.
    pub(super) attested: Attested,
    /// The tool's name.
    pub(super) tool: &'static str,
    /// The arguments as JSON.
    pub(super) arguments: String,
}

pub(super) fn call(choices: &mut Choices<'_>) -> Call {
    let attested = if choices.once_in(4) { workload(choices) } else { person(choices) };
    let tool = choices.of(&["read", "write", "list", "ping"]);
    let ids: &[&str] = if tool == "list" { &FOLDERS } else { &DOCS };
    let id = if choices.once_in(10) { "unknown" } else { choices.of(ids) };
    let arguments = json!({ "id": id, "n": choices.below(9) }).to_string();
    Call { attested, tool, arguments }
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
    if choices.once_in(2) {
        claims["manager"] = json!(choices.of(&USERS));
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
    Attested { tokens: [].into(), peer: Some(peer.to_owned()) }
}
