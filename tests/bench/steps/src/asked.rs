//! A call, and a gate to decide it.

use chrono::DateTime;
use serde_json::json;
use toolgate::config;
use toolgate::decide::{Facts, Question};
use toolgate::exchange::{Arrival, Event, Exchange, Step};
use toolgate::gate::{Gate, GateId};
use toolgate::head::Head;
use toolgate::identity::{Attested, Evidence, Identity, identify};
use toolgate::json::{self, Object, Value};
use toolgate::mcp::StandardHeaders;
use toolgate::tool::Tool;

use crate::{document, evidence};

/// A permitted call.
pub(crate) const PERMITTED: &str = r#"{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"_meta":{"progressToken":41},"name":"refund","arguments":{"payment":"pay_8f14e45f","amount":120,"currency":"EUR","note":"Arrived broken, customer sent photos.","notify":true,"tags":["damaged","express"]}}}"#;
/// A call that a policy forbids.
pub(crate) const FORBIDDEN: &str = r#"{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"_meta":{"progressToken":41},"name":"refund","arguments":{"payment":"pay_8f14e45f","amount":120,"currency":"GBP","note":"Arrived broken, customer sent photos.","notify":true,"tags":["damaged","express"]}}}"#;

/// Where the call goes.
pub(crate) const PATH: &str = "/pay/mcp";

const FIELDS: [(&str, &str); 13] = [
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", "tools.example.com"),
    ("accept", "application/json, text/event-stream"),
    ("accept-encoding", "gzip, deflate, br"),
    ("content-length", "259"),
    ("content-type", "application/json"),
    ("mcp-protocol-version", "2025-11-25"),
    ("mcp-session-id", "1868a90c-5f2e-4b63-9e6e-0f6b1a2d3c4e"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("user-agent", "python-httpx/0.28.1"),
    ("x-forwarded-for", "10.2.3.4"),
    ("x-request-id", "4b7c9f0a-31c0-4a1e-8a8f-5cf5a1c8e1d2"),
];

/// A gate, and all intermediate results of a call's steps.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) gate: Gate,
    pub(crate) arrival: Arrival,
    pub(crate) attested: Attested,
    pub(crate) identity: Identity,
    pub(crate) facts: Facts,
    pub(crate) headers: StandardHeaders,
    pub(crate) body: Value<'static>,
}

impl Asked {
    /// The call with a gate of this many policies.
    pub(crate) fn of(policies: usize) -> Self {
        Self::on(PATH, gate(&document::configuration(policies)))
    }

    /// The call on a path of this gate.
    pub(crate) fn on(path: &str, gate: Gate) -> Self {
        let metadata = evidence::metadata(&json!({ "session": claims() }));
        let evidence = Evidence::Encoded { metadata, peer: None };
        let attested = evidence.attested().expect("the claims decode").into_owned();
        let arrival = Arrival {
            head: head(path),
            evidence: Ok(evidence),
            source_ip: Some([10, 2, 3, 4].into()),
            time: DateTime::UNIX_EPOCH,
            entropy: 7,
            changed: std::sync::Arc::default(),
            approval: None,
        };
        Self {
            identity: identify(&gate.bundle.identity, &attested).expect("the claims fit"),
            facts: arrival.facts(&gate.environment),
            headers: StandardHeaders::read(&arrival.head).expect("the headers read"),
            body: json::read(PERMITTED.as_bytes(), 32).expect("the body reads"),
            gate,
            arrival,
            attested,
        }
    }

    pub(crate) fn evidence(&self) -> &Evidence {
        self.arrival.evidence.as_ref().expect("the edge could tell")
    }

    pub(crate) fn arguments(&self) -> Option<&Object<'_>> {
        self.body.as_object()?.get("params")?.as_object()?.get("arguments")?.as_object()
    }

    pub(crate) fn tool(&self) -> &Tool {
        self.gate.bundle.tool("pay", "refund").expect("a tool")
    }

    pub(crate) fn question(&self) -> Question<'_> {
        let Self { gate, identity, facts, .. } = self;
        let question = Question::new(&gate.bundle, self.tool(), self.arguments(), identity, facts);
        question.expect("the arguments fit")
    }

    /// The whole exchange with this body.
    pub(crate) fn exchange(&self, body: &str) -> Step {
        let mut exchange = Exchange::default();
        match exchange.step(&self.gate, Event::Headers(&self.arrival)) {
            Step::AwaitBody => exchange.step(&self.gate, Event::End(body.as_bytes())),
            early @ (Step::Drain | Step::Consult(_) | Step::Done(_)) => panic!("{early:?}"),
        }
    }
}

/// Builds a gate from its configuration.
pub(crate) fn gate(configuration: &[u8]) -> Gate {
    let gate = config::load(configuration, &GateId::default(), DateTime::UNIX_EPOCH);
    gate.expect("the configuration loads")
}

/// Newly parsed header fields.
pub(crate) fn head(path: &str) -> Head {
    let field = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
    Head::new(FIELDS.into_iter().chain([(":path", path)]).map(field).collect())
}

fn claims() -> serde_json::Value {
    json!({
        "iss": "https://id.example.com", "sub": "alice", "aud": "tools", "exp": 1_795_219_200,
        "iat": 1_795_215_600, "jti": "6fa459ea-ee8a-3ca4-894e-db77e160355e", "scope": "tools:call",
        "roles": ["rep", "emea", "tier-2"], "tenant": "acme", "level": 3, "act": { "sub": "agent-3" }
    })
}
