//! Decides the messages of one body. One refusal refuses the whole body.

use std::borrow::Cow;
use std::sync::Arc;

use super::Observer;
use super::decided::Decided;
use super::pending::{Pending, draft, failed};
use super::response::Look;
use crate::bundle::RefusalStyle;
use crate::decide::{self, Denial, Permit, Permits, Question, Verdict};
use crate::digest::Digest;
use crate::gate::Gate;
use crate::json::{Object, Value, cut};
use crate::mcp::{self, Body, Call, Housekeeping, Kind, Message, MessageError, StandardHeaders};
use crate::reason::Reason;
use crate::record::{CallFields, Draft, Outcome, Request};
use crate::refusal::{self, Form, Refused};
use crate::tool::{Noted, Tool, is_wire_name};

/// The maximum size of the arguments in a record, and of its resource, in bytes. The digest covers all
/// arguments.
const LONGEST_FIELD: usize = 16_384;

/// The JSON-RPC method of a tool call.
const CALL: &str = "tools/call";

impl Pending {
    pub(super) fn decide_messages(
        &self,
        gate: &Gate,
        headers: &StandardHeaders,
        value: &Value<'_>,
        observer: Option<&dyn Observer>,
    ) -> Result<Decided, MessageError> {
        let body = mcp::read(value, headers, gate.bundle.limits.calls)?;
        for message in body.messages() {
            if let Err(error) = self.headers_agree(gate, headers, message) {
                return self.refuse_headers(gate, message, error);
            }
        }
        let messages = body.messages();
        let verdict = |(index, message): (usize, &Message<'_>)| {
            let asked = |question: &Question<'_>| {
                if let Some(observer) = observer {
                    observer.asked(index, &self.sender.identity, question);
                }
            };
            self.verdict(gate, headers, message, asked)
        };
        let verdicts: Vec<Verdict> = messages.iter().enumerate().map(verdict).collect();
        let is_call = |message: &Message<'_>| self.is_call(gate, message);
        let outcomes = as_one(messages, &verdicts, is_call);
        let drafts = messages.iter().zip(outcomes).enumerate();
        let drafts = drafts.map(|(index, (message, (outcome, shadow)))| {
            let draft = Draft::new(&self.request, index, outcome, shadow);
            draft.about(method(message), self.call_fields(gate, message))
        });
        let drafts: Vec<Draft> = drafts.collect();
        let outcomes: Vec<_> = verdicts.into_iter().map(|verdict| verdict.outcome).collect();
        if outcomes.iter().any(Result::is_err) {
            return Ok(self.refuse_all(gate, &body, &outcomes, drafts));
        }
        Ok(match Permits::all(outcomes.into_iter().flatten().collect()) {
            Some(permits) => {
                pass(&self.request, permits, drafts).with_look(self.look_at_lists(gate, &body))
            }
            None => failed(gate, &self.request, "the body has no message"),
        })
    }

    /// A look at the response, if a message asks for a list.
    fn look_at_lists(&self, gate: &Gate, body: &Body<'_>) -> Option<Look> {
        let messages = body.messages();
        // Such a list comes on the event stream that the caller opened before.
        if self.answers_on_stream() {
            return None;
        }
        let first = messages.iter().find_map(|message| self.listing(gate, message))?;
        let ids = messages.iter().filter_map(Message::request_id).cloned().collect();
        let method = (messages.len() == 1).then_some(first);
        Some(self.look(method, messages.len(), ids, body.is_batch()))
    }

    /// Checks the `Mcp-Param-*` headers against the arguments. The tool's schema declares them.
    fn headers_agree(
        &self,
        gate: &Gate,
        headers: &StandardHeaders,
        message: &Message<'_>,
    ) -> Result<(), MessageError> {
        let Kind::Call(call) = message.kind else { return Ok(()) };
        // An unknown tool declares no header.
        let tool = gate.bundle.tool(&self.server, call.name);
        let declared = tool.map_or(&[][..], Tool::headers);
        let agreed = headers.agree_with_arguments(declared, call.arguments, true);
        if agreed.is_err() && tool.is_some_and(|tool| self.hides(gate, tool)) {
            // The refusal by policies tells more.
            return headers.agree_with_arguments(declared, call.arguments, false);
        }
        agreed
    }

    /// Whether a tool is not in the sender's lists: no call of it is permitted.
    fn hides(&self, gate: &Gate, tool: &Tool) -> bool {
        let Some(caller) = &self.sender.caller else { return false };
        let (bundle, facts) = (&gate.bundle, &self.request.facts);
        decide::list(bundle, &self.sender.identity, caller, tool, facts).outcome.is_err()
    }

    /// In style `conceal`, header errors must not distinguish existing tools from unknown ones.
    fn refuse_headers(
        &self,
        gate: &Gate,
        message: &Message<'_>,
        error: MessageError,
    ) -> Result<Decided, MessageError> {
        if gate.bundle.refusal.style != RefusalStyle::Conceal {
            return Err(error);
        }
        let detail = Some(error.message);
        let draft =
            draft(gate, &self.request, Outcome { detail, ..Outcome::because(error.reason) });
        let draft = draft.about(method(message), self.call_fields(gate, message));
        let (id, tool) = (message.id.as_ref(), name(message));
        let refused = Refused { id, tool, advice: None, requested: None, draft: &draft };
        // Even where the revision prescribes a status.
        let reply = |form: Form| {
            refusal::in_style(&[refused], Form { modern: false, ..form }, &gate.bundle)
        };
        let ending = self.ending(id.into_iter(), false, reply);
        Ok(Decided::answered(ending, vec![draft]))
    }

    /// Refuses a body with at least one refused message; permitted messages do not run either.
    fn refuse_all(
        &self,
        gate: &Gate,
        body: &Body<'_>,
        outcomes: &[Result<Permit, Denial>],
        drafts: Vec<Draft>,
    ) -> Decided {
        let messages = body.messages().iter().zip(outcomes).zip(&drafts);
        let refused = messages.map(|((message, outcome), draft)| Refused {
            id: message.request_id(),
            tool: name(message),
            advice: outcome.as_ref().err().and_then(|denial| denial.advice.as_deref()),
            requested: None,
            draft,
        });
        let refused: Vec<Refused<'_>> = refused.collect();
        let ids = refused.iter().filter_map(|refused| refused.id);
        let reply = |form: Form| refusal::in_style(&refused, form, &gate.bundle);
        let ending = self.ending(ids, body.is_batch(), reply);
        drop(refused);
        Decided::answered(ending, drafts)
    }

    fn verdict(
        &self,
        gate: &Gate,
        headers: &StandardHeaders,
        message: &Message<'_>,
        observe: impl Fn(&Question<'_>),
    ) -> Verdict {
        let listed = &gate.bundle.methods;
        let verdict = match message.kind {
            Kind::Call(call) => self.decide_call(gate, &call, observe),
            Kind::Request { method, .. } => match self.asked(gate, message) {
                Some(asked) => self.decide_method(gate, headers, &asked, observe),
                None => housekeeping(self.undecided(gate, method)),
            },
            Kind::Notification(method) => housekeeping(Housekeeping::notification(method, listed)),
            Kind::Response => housekeeping(Housekeeping::response(gate.bundle.refuses_responses)),
        };
        // A denial before the evaluation of policies holds with shadow policies enforced too.
        verdict.unwrap_or_else(|denial| Verdict {
            staged: gate.bundle.staged.as_ref().map(|_| Err(denial.clone())),
            outcome: Err(denial),
        })
    }

    /// Decides a call. The error is a denial for which no policy was evaluated.
    fn decide_call(
        &self,
        gate: &Gate,
        call: &Call<'_>,
        observe: impl Fn(&Question<'_>),
    ) -> Result<Verdict, Denial> {
        let tool = gate.bundle.tool(&self.server, call.name);
        let tool = tool.ok_or_else(|| Denial::because(Reason::UnknownTool))?;
        let caller = self.sender.caller.clone().ok_or_else(Denial::unfit)?;
        let facts = &self.request.facts;
        let question = Question::by(caller, &gate.bundle, tool, call.arguments, facts)?;
        observe(&question);
        Ok(decide::decide(&gate.bundle, &self.sender.identity, &question))
    }

    /// The fields of a record for a call.
    fn call_fields(&self, gate: &Gate, message: &Message<'_>) -> Option<CallFields> {
        if let Kind::Call(call) = message.kind {
            let fields = self.tool_fields(gate, call.name);
            let tool = gate.bundle.tool(&self.server, call.name);
            return Some(with_arguments(fields, tool, call.arguments));
        }
        let asked = self.asked(gate, message)?;
        Some(with_arguments(noted(asked.tool), Some(asked.tool), asked.arguments.as_ref()))
    }

    /// The fields of a record for a tool.
    pub(super) fn tool_fields(&self, gate: &Gate, name: &str) -> CallFields {
        let Some(tool) = gate.bundle.tool(&self.server, name) else {
            let shown = cut(name);
            // Another bundle may know a tool of this name.
            let tool_name = (shown != name && is_wire_name(name)).then(|| name.into());
            let tool = [&*self.server, "/", &*shown].concat().into();
            return CallFields { tool, tool_name, ..CallFields::default() };
        };
        noted(tool)
    }
}

/// What the inventory says about a tool.
fn noted(tool: &Tool) -> CallFields {
    let Noted { name, wire_name, classes, data_class, operation, cost } = tool.noted();
    CallFields {
        tool: Arc::clone(name),
        tool_name: wire_name.clone(),
        known: true,
        classes: Arc::clone(classes),
        data_class: data_class.clone(),
        operation: operation.clone(),
        cost: *cost,
        ..CallFields::default()
    }
}

/// The fields of a call with these arguments, as far as records show them.
fn with_arguments(
    fields: CallFields,
    tool: Option<&Tool>,
    arguments: Option<&Object<'_>>,
) -> CallFields {
    let digest = |arguments: &Object<'_>| Digest::of_bytes(arguments.canonical().as_bytes());
    let resource = tool.and_then(|tool| tool.recorded_resource(arguments));
    CallFields {
        arguments_digest: arguments.map(digest),
        resource: resource.filter(|entity| entity.len() <= LONGEST_FIELD),
        arguments: tool.and_then(|tool| tool.redacted(arguments, LONGEST_FIELD)),
        ..fields
    }
}

/// The outcome of each message, and its outcome with shadow policies enforced. In both, one refusal
/// refuses the whole batch.
fn as_one(
    messages: &[Message<'_>],
    verdicts: &[Verdict],
    is_call: impl Fn(&Message<'_>) -> bool,
) -> Vec<(Outcome, Option<Outcome>)> {
    let one_refused = verdicts.iter().any(|verdict| verdict.outcome.is_err());
    let one_refused_in_shadow =
        verdicts.iter().any(|verdict| verdict.staged.as_ref().unwrap_or(&verdict.outcome).is_err());
    let outcome = |(message, verdict): (&Message<'_>, &Verdict)| {
        let mut outcome = Outcome::from(&verdict.outcome);
        if one_refused && verdict.outcome.is_ok() {
            outcome = outcome.refused_with_batch();
        }
        let shadow = verdict.staged.as_ref().map(|staged| match staged {
            Ok(_) if one_refused_in_shadow && is_call(message) => {
                Outcome::because(Reason::BatchRefused)
            }
            staged => Outcome::from(staged),
        });
        (outcome, shadow)
    };
    messages.iter().zip(verdicts).map(outcome).collect()
}

/// Forwards a body. Housekeeping in the same batch as calls is not recorded.
fn pass(request: &Arc<Request>, permits: Permits, drafts: Vec<Draft>) -> Decided {
    let calls: Vec<Draft> = drafts.into_iter().filter(Draft::is_call).collect();
    if calls.is_empty() {
        let outcome = Outcome::because(Reason::Lifecycle);
        return Decided::housekeeping(permits, Draft::new(request, 0, outcome, None));
    }
    Decided::calls(permits, calls)
}

/// The name of the called tool.
fn name<'a>(message: &'a Message<'_>) -> Option<&'a str> {
    if let Kind::Call(call) = &message.kind { Some(call.name) } else { None }
}

fn method(message: &Message<'_>) -> Option<Cow<'static, str>> {
    if let Kind::Call(_) = message.kind {
        return Some(CALL.into());
    }
    Some(cut(message.method()?).into_owned().into())
}

fn housekeeping(proof: Option<Housekeeping>) -> Result<Verdict, Denial> {
    proof
        .map(|proof| decide::housekeeping(proof).into())
        .ok_or_else(|| Denial::because(Reason::MethodNotAllowed))
}
