//! Refusals before the body arrives, and the state of a request that waits for its body.

use std::sync::Arc;

use super::decided::Decided;
use super::preflight::preflight;
use super::{Arrival, Observer};
use crate::decide::{self, Denial};
use crate::gate::{Gate, Sender};
use crate::json::{self, JsonError};
use crate::mcp::{Housekeeping, MessageError, StandardHeaders};
use crate::reason::Reason;
use crate::record::{Draft, Outcome, Request};

/// A request with a known sender whose body has not arrived.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) request: Arc<Request>,
    pub(super) sender: Arc<Sender>,
    pub(super) server: Arc<str>,
    pub(super) headers: StandardHeaders,
    /// The proof for `GET` and `DELETE`, which carry no message.
    bodiless: Option<Housekeeping>,
}

/// Why a request is refused before its body arrives.
pub(super) enum Early {
    Denied(Denial),
    Unreadable(MessageError),
    Failed(String),
}

impl From<Denial> for Early {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl Early {
    /// The refusal, with the known fields of the request.
    pub(super) fn refuse(self, gate: &Gate, request: &Arc<Request>) -> Decided {
        match self {
            Self::Denied(denial) => refused(gate, request, &denial),
            Self::Unreadable(error) => unreadable(gate, request, &error),
            Self::Failed(detail) => failed(gate, request, &detail),
        }
    }
}

/// The known fields of a request when its headers are complete, and the pending request or an early
/// refusal.
pub(super) fn open(gate: &Gate, arrival: &Arrival) -> (Arc<Request>, Result<Pending, Early>) {
    let (facts, entropy) = (arrival.facts(&gate.environment), arrival.entropy);
    let mut request = Request { facts, entropy, server: None, sender: None };
    let looked = look(gate, arrival, &mut request);
    let request = Arc::new(request);
    let pending = looked.map(|(server, sender, headers, bodiless)| Pending {
        request: Arc::clone(&request),
        sender,
        server,
        headers,
        bodiless,
    });
    (request, pending)
}

type Looked = (Arc<str>, Arc<Sender>, StandardHeaders, Option<Housekeeping>);

/// All checks that do not need the body, in this order.
fn look(gate: &Gate, arrival: &Arrival, request: &mut Request) -> Result<Looked, Early> {
    let channel = gate.bundle.channel(&request.facts.authority, &request.facts.path);
    let channel = channel.ok_or_else(|| Denial::because(Reason::UnknownChannel))?;
    let server = Arc::clone(&channel.server);
    request.server = Some(Arc::clone(&server));
    let evidence = arrival.evidence.as_ref().map_err(|failure| Early::Failed(failure.clone()))?;
    let sender = gate.senders.identify(&gate.bundle, evidence).map_err(|error| Denial {
        detail: Some(error.to_string()),
        ..Denial::because(error.reason())
    })?;
    request.sender = Some(Arc::clone(&sender));
    let tenant = sender.identity.principal.tenant.as_ref();
    if tenant.is_some_and(|tenant| !gate.bundle.knows_tenant(tenant)) {
        return Err(Denial::because(Reason::UnknownTenant).into());
    }
    let bodiless = preflight(&arrival.head, &request.facts, gate.bundle.limits.body_bytes)?;
    let headers = StandardHeaders::read(&arrival.head).map_err(Early::Unreadable)?;
    Ok((server, sender, headers, bodiless))
}

impl Pending {
    /// Decides a request whose body is complete.
    pub(super) fn decide(
        self,
        gate: &Gate,
        body: &[u8],
        observer: Option<&dyn Observer>,
    ) -> Decided {
        let limits = gate.bundle.limits;
        if body.len() > limits.body_bytes {
            return self.too_large(gate);
        }
        match self.bodiless {
            Some(proof) if body.is_empty() => {
                let draft = draft(gate, &self.request, Outcome::because(Reason::Lifecycle));
                Decided::housekeeping(decide::housekeeping(proof).into(), draft)
            }
            Some(_) => {
                let message = "this HTTP method has no body".to_owned();
                self.unreadable(gate, &MessageError::new(Reason::MalformedMessage, message))
            }
            None => match json::read_few(body, limits.depth, limits.values) {
                Ok(value) => self.decide_messages(gate, &value, observer),
                Err(error) => {
                    let reason = if let JsonError::TooManyValues(_) = error {
                        Reason::TooManyValues
                    } else {
                        Reason::MalformedBody
                    };
                    self.unreadable(gate, &MessageError::new(reason, error.to_string()))
                }
            },
        }
    }

    /// The refusal of a body in which no message can be decided.
    pub(super) fn unreadable(&self, gate: &Gate, error: &MessageError) -> Decided {
        unreadable(gate, &self.request, error)
    }

    /// The refusal of a body that is too large.
    pub(super) fn too_large(&self, gate: &Gate) -> Decided {
        refused(gate, &self.request, &Denial::because(Reason::BodyTooLarge))
    }
}

/// The refusal for a failure of the gate itself.
pub(super) fn failed(gate: &Gate, request: &Arc<Request>, detail: &str) -> Decided {
    let detail = Some(detail.to_owned());
    refused(gate, request, &Denial { detail, ..Denial::because(Reason::Internal) })
}

/// The refusal of a request as a whole.
fn refused(gate: &Gate, request: &Arc<Request>, denial: &Denial) -> Decided {
    let draft = draft(gate, request, Outcome::from(denial));
    Decided::refused(gate, draft, None, denial.advice.as_deref())
}

fn unreadable(gate: &Gate, request: &Arc<Request>, error: &MessageError) -> Decided {
    let draft = unreadable_draft(gate, request, error);
    Decided::refused(gate, draft, error.id.as_ref(), Some(&error.message))
}

/// The draft of a request without a readable message.
pub(super) fn unreadable_draft(gate: &Gate, request: &Arc<Request>, error: &MessageError) -> Draft {
    let detail = Some(error.message.clone());
    draft(gate, request, Outcome { detail, ..Outcome::because(error.reason) })
}

/// The draft of a request as a whole, for which shadow policies have the same outcome.
fn draft(gate: &Gate, request: &Arc<Request>, outcome: Outcome) -> Draft {
    let refused = outcome.reason.is_refusal() && gate.bundle.staged.is_some();
    let shadow = refused.then(|| outcome.clone());
    Draft::new(request, 0, outcome, shadow)
}
