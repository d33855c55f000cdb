//! Requests whose responses policies change: a list of 50 tools, and a result with labels.

use serde_json::{Value, json};
use toolgate::digest::Digest;
use toolgate::exchange::{Event, Exchange, ResponseEvent, ResponseStep, Room, Step};
use toolgate::gate::{ChangedTools, Gate};
use toolgate::head::Head;

use crate::asked::{self, Asked};
use crate::document;

const SERVER: &str = "crm";
const VERBS: [&str; 5] = ["search", "get", "create", "update", "delete"];
const RECORDS: [&str; 10] = [
    "account", "contact", "deal", "invoice", "contract", "ticket", "task", "note", "campaign",
    "product",
];
const CONTACTS: u32 = 20;
/// The tools that no policy permits are those that delete.
const SHOWN: usize = (VERBS.len() - 1) * RECORDS.len();

const POLICIES: [&str; 10] = [
    r#"permit (principal in Role::"rep", action in Action::"class:read", resource);"#,
    r#"permit (principal in Role::"rep", action in Action::"class:write", resource) when { principal.level >= 2 };"#,
    r#"permit (principal in Role::"lead", action, resource);"#,
    r#"permit (principal == User::"root", action, resource);"#,
    r#"forbid (principal in Role::"suspended", action, resource);"#,
    r#"forbid (principal, action, resource) when { context.delegation.depth > 2 };"#,
    r#"forbid (principal, action, resource) unless { context.input.account == principal.tenant };"#,
    r#"forbid (principal, action in Action::"class:write", resource) when { principal.level < 2 };"#,
    r#"permit (principal in Role::"rep", action in Action::"reveal:financial", resource);"#,
    r#"permit (principal in Role::"lead", action in Action::"reveal:pii", resource);"#,
];

const LIST: &str = r#"{"jsonrpc":"2.0","id":41,"method":"tools/list","params":{}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"search_contact","arguments":{"account":"acme","query":"purchasing"}}}"#;

/// A request and the response of its server.
pub(crate) struct Answered {
    asked: Asked,
    request: &'static str,
    head: Head,
    response: Vec<u8>,
    changed: ChangedTools,
}

impl Answered {
    /// A list of tools, some of which are hidden.
    pub(crate) fn list() -> Self {
        let answered = Self::of(LIST, &json!({ "tools": tools() }));
        let shown = answered.sent();
        let tools = shown["result"]["tools"].as_array().map(Vec::len);
        assert_eq!(tools, Some(SHOWN), "{shown}");
        answered
    }

    /// A result of which a part is withheld.
    pub(crate) fn masked() -> Self {
        let contacts: Vec<Value> = (0..CONTACTS).map(contact).collect();
        let data = json!({ "contacts": contacts });
        let text = json!({ "type": "text", "text": data.to_string() });
        let answered = Self::of(CALL, &json!({ "content": [text], "structuredContent": data }));
        let shown = answered.sent();
        let email = &shown["result"]["structuredContent"]["contacts"][0]["email"];
        assert_eq!(email, "[withheld: pii]", "{shown}");
        answered
    }

    fn of(request: &'static str, result: &Value) -> Self {
        let response = json!({ "jsonrpc": "2.0", "id": 41, "result": result });
        let fields = [(":status", "200"), ("content-type", "application/json")];
        let field = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
        Self {
            asked: Asked::on("/crm/mcp", gate()),
            request,
            head: Head::new(fields.map(field).into()),
            response: response.to_string().into_bytes(),
            changed: ChangedTools::default(),
        }
    }

    /// The whole exchange, until the response is sent.
    pub(crate) fn exchange(&self) -> ResponseStep {
        let (gate, mut exchange) = (&self.asked.gate, Exchange::default());
        let opened = exchange.step(gate, Event::Headers(&self.asked.arrival));
        assert!(matches!(opened, Step::AwaitBody), "{opened:?}");
        let forwarded = exchange.step(gate, Event::End(self.request.as_bytes()));
        assert!(exchange.looks_at_response(), "{forwarded:?}");
        exchange.respond(gate, ResponseEvent::Headers(&self.head, false, Room::default()));
        exchange.respond(gate, ResponseEvent::Body(&self.response, true, &self.changed))
    }

    fn sent(&self) -> Value {
        match self.exchange() {
            ResponseStep::Send { body, .. } => serde_json::from_slice(&body).expect("JSON is sent"),
            other @ (ResponseStep::Pass | ResponseStep::Hold) => panic!("{other:?}"),
        }
    }
}

fn gate() -> Gate {
    let policies = POLICIES.into_iter().map(ToOwned::to_owned);
    let document = document::whole(SERVER, &marks(), policies, &pinned());
    asked::gate(&document::resolved(document.clone(), document))
}

fn marks() -> Value {
    let mut marks = serde_json::Map::new();
    for (verb, record) in names() {
        let class = match verb {
            "search" | "get" => "read",
            "create" | "update" => "write",
            _ => "delete",
        };
        marks.insert(format!("{verb}_{record}"), json!({ "classes": [class] }));
    }
    marks["search_contact"]["labels"] = json!({
        "pii": ["contacts[].email", "contacts[].phones[]", "contacts[].address.street"],
        "financial": ["contacts[].credit"],
    });
    Value::Object(marks)
}

/// The tools as a document has them.
fn pinned() -> Vec<Value> {
    let pinned = |tool: Value| json!({ "name": tool["name"], "digest": Digest::of(&tool), "inputSchema": tool["inputSchema"] });
    tools().into_iter().map(pinned).collect()
}

/// The tools as their server lists them.
fn tools() -> Vec<Value> {
    names().map(|(verb, record)| tool(verb, record)).collect()
}

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    RECORDS.into_iter().flat_map(|record| VERBS.map(|verb| (verb, record)))
}

fn tool(verb: &str, record: &str) -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let fields = json!({
        "type": "object",
        "description": "The fields by name. Dates are written as 2026-05-31.",
        "properties": {
            "title": text("A short name for lists."),
            "owner": text("The id of the user who looks after it."),
            "status": { "type": "string", "enum": ["draft", "open", "waiting", "closed", "archived"] },
            "tags": { "type": "array", "items": { "type": "string" }, "description": "Words for filters." },
        },
    });
    let properties = json!({
        "account": text("The id of the customer's account, such as `acme`."),
        "query": text("Words that must occur in any field, or the id as a search returns it."),
        "fields": fields,
        "notify": { "type": "boolean", "description": "Whether the owner gets a message.", "default": false },
    });
    json!({
        "name": format!("{verb}_{record}"),
        "title": format!("{verb} {record}"),
        "description": format!(
            "This will {verb} every {record} that fits all of the given filters, and return a page \
             of them with the fields that lists show. Use it when the user asks for it, and ask \
             before anything is written that cannot be undone. Nobody is notified by default."
        ),
        "inputSchema": {
            "type": "object", "properties": properties, "required": ["account", "query"],
        },
        "annotations": { "readOnlyHint": verb == "get" },
    })
}

fn contact(number: u32) -> Value {
    json!({
        "id": format!("contact-{number:08x}"),
        "name": format!("Person {number}"),
        "company": "Acme Industries",
        "email": format!("person.{number}@acme.example"),
        "phones": [format!("+49 30 5550{number:04}"), format!("+49 170 5551{number:04}")],
        "address": { "street": format!("Long Street {number}"), "city": "Berlin", "country": "DE" },
        "credit": { "limit": 5000 + number, "used": 120.5, "currency": "EUR" },
        "tags": ["customer", "newsletter", "conference-2026"],
        "notes": "Asked for a new offer after the summer. Prefers calls in the morning.",
    })
}
