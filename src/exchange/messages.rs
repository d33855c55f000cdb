//! Deciding the messages of one body. One refusal refuses the whole body.

use std::borrow::Cow;
use std::rc::Rc;

use crate::bundle::RefusalStyle;
use crate::config::Gate;
use crate::decide::{self, Denial, Facts, Permit, Permits, Question, Verdict};
use crate::digest::Digest;
use crate::json::{self, Object, Value};
use crate::mcp::{self, Body, Call, Housekeeping, Kind, Message, MessageError};
use crate::reason::{Decision, Reason};
use crate::record::{self, Opinion, Record};
use crate::refusal::{self, Refused};
use crate::tool::{Noted, Tool};

use super::course::{Asked, Pending};
use super::{Refusal, Step};

/// The longest arguments that a record shows, in bytes of JSON. The digest is of all of them in any
/// case.
const LONGEST_ARGUMENTS: usize = 16_384;

/// More bytes than the canonical JSON of most requests has, without their arguments.
const USUAL_REQUEST: usize = 512;

/// The method of a call.
const CALL: &str = "tools/call";

/// One message, what was decided about it, and the record of that.
struct Decided<'a> {
    message: &'a Message<'a>,
    outcome: Result<Permit, Denial>,
    record: Record,
}

impl Pending {
    pub(super) fn decide_messages(&self, gate: &Gate, value: &Value<'_>, asked: Asked) -> Step {
        let body = match mcp::read(value, &self.headers, gate.bundle.limits.calls) {
            Ok(body) => body,
            Err(error) => return Step::Refuse(self.account.refuse_message(gate, &error)),
        };
        if let Err((call, error)) = self.headers_agree(gate, &body) {
            return Step::Refuse(self.refuse_headers(gate, &call, &error));
        }
        let messages = body.messages().iter().enumerate();
        let verdicts: Vec<Decided<'_>> =
            messages.map(|(index, message)| self.verdict(gate, message, index)).collect();
        let verdicts = staged_as_one(verdicts);
        if verdicts.iter().any(|verdict| verdict.outcome.is_err()) {
            return Step::Refuse(Self::refuse_all(gate, &body, verdicts));
        }
        let mut records = Vec::with_capacity(verdicts.len());
        let permit = |Decided { message, outcome, record }| {
            if let Kind::Call(_) = message.kind {
                records.push(record);
            }
            outcome.ok()
        };
        match verdicts.into_iter().map(permit).collect::<Option<_>>().and_then(Permits::all) {
            Some(permits) => Step::Forward(self.forward(gate, permits, records, asked)),
            None => Step::Refuse(self.account.fail(gate, "the body has no message")),
        }
    }

    /// `Mcp-Param-*` can only be checked once the tool is known.
    fn headers_agree<'a>(
        &self,
        gate: &Gate,
        body: &Body<'a>,
    ) -> Result<(), (Call<'a>, MessageError)> {
        for message in body.messages() {
            let Kind::Call(call) = message.kind else { continue };
            // An unknown tool declares no header.
            let tool = gate.bundle.tool(&self.server, call.name);
            self.headers
                .agree_with_arguments(tool.map_or(&[], Tool::headers), call.arguments)
                .map_err(|error| (call, MessageError { id: message.id.clone(), ..error }))?;
        }
        Ok(())
    }

    /// Where tools are concealed, a header may not tell a tool that exists from one that does not.
    fn refuse_headers(&self, gate: &Gate, call: &Call<'_>, error: &MessageError) -> Refusal {
        let mut refusal = self.account.refuse_message(gate, error);
        let tool = gate.bundle.tool(&self.server, call.name);
        for record in &mut refusal.records {
            record.method = Some(CALL.into());
            self.describe_call(record, call, tool);
            if gate.bundle.refusal.style == RefusalStyle::Conceal {
                let id = error.id.as_ref();
                let refused = Refused { id, tool: Some(call.name), advice: None, record };
                refusal.reply = refusal::in_style(&[refused], false, &gate.bundle.refusal);
            }
        }
        refusal
    }

    fn verdict<'a>(&self, gate: &Gate, message: &'a Message<'a>, index: usize) -> Decided<'a> {
        let tool = match message.kind {
            Kind::Call(call) => gate.bundle.tool(&self.server, call.name),
            Kind::Request(_) | Kind::Notification(_) | Kind::Response => None,
        };
        let listed = &gate.bundle.methods;
        let verdict = match message.kind {
            Kind::Call(call) => match tool {
                Some(tool) => self.decide_call(gate, tool, &call),
                None => Err(Denial::because(Reason::UnknownTool)),
            },
            Kind::Request(method) => pass(Housekeeping::request(method, listed)),
            Kind::Notification(method) => pass(Housekeeping::notification(method, listed)),
            Kind::Response => Ok(decide::housekeeping(Housekeeping::response()).into()),
        };
        // Where no policy has a say, those in shadow have none either.
        let verdict = verdict.unwrap_or_else(|denial| Verdict {
            staged: gate.bundle.staged.as_ref().map(|_| Err(denial.clone())),
            outcome: Err(denial),
        });
        let record = self.record(gate, message, tool, &verdict, index);
        Decided { message, outcome: verdict.outcome, record }
    }

    /// The denial of a call that cannot be put before the policies is an error.
    fn decide_call(&self, gate: &Gate, tool: &Tool, call: &Call<'_>) -> Result<Verdict, Denial> {
        let (facts, arguments) = (&self.account.facts, call.arguments);
        let caller = self.sender.caller.clone()?;
        let question = Question::by(caller, &gate.bundle, tool, arguments, facts)?;
        Ok(decide::decide(&gate.bundle, &self.sender.identity, &question))
    }

    fn record(
        &self,
        gate: &Gate,
        message: &Message<'_>,
        tool: Option<&Tool>,
        verdict: &Verdict,
        index: usize,
    ) -> Record {
        let Opinion { reason, policies, layer, detail } = Opinion::from(&verdict.outcome);
        let mut record = self.account.record(gate, reason, index);
        record.method = method(message);
        (record.policies, record.layer, record.detail) = (policies, layer, detail);
        record.stage(verdict.staged.as_ref().map(Opinion::from));
        if let Kind::Call(call) = message.kind {
            self.describe_call(&mut record, &call, tool);
        }
        record
    }

    fn describe_call(&self, record: &mut Record, call: &Call<'_>, tool: Option<&Tool>) {
        let facts = &self.account.facts;
        record.tool = Some([&*self.server, "/", &*record::cut(call.name)].concat());
        let digest = |arguments: &Object<'_>| Digest::of_bytes(arguments.canonical().as_bytes());
        record.arguments_digest = call.arguments.map(digest);
        record.request_digest = Some(request_digest(record, call, facts));
        if let Some(tool) = tool {
            record.known = true;
            let resource = tool.recorded_resource(call.arguments);
            record.resource = resource.filter(|entity| entity.len() <= LONGEST_ARGUMENTS);
            let Noted { classes, data_class, operation, cost } = tool.noted();
            record.classes = Rc::clone(classes);
            record.data_class.clone_from(data_class);
            record.operation.clone_from(operation);
            record.cost = *cost;
            record.arguments = tool.redacted(call.arguments, LONGEST_ARGUMENTS);
        }
    }

    /// Refuses a body of which at least one message is refused. What was permitted does not run
    /// either, and its record says so.
    fn refuse_all(gate: &Gate, body: &Body<'_>, mut verdicts: Vec<Decided<'_>>) -> Refusal {
        for verdict in &mut verdicts {
            if verdict.outcome.is_ok() {
                verdict.outcome = Err(Denial::because(Reason::BatchRefused));
                verdict.record.decide_anew(Reason::BatchRefused);
            }
        }
        let refused: Vec<Refused<'_>> = verdicts
            .iter()
            .map(|verdict| Refused {
                id: verdict.message.request_id(),
                tool: match verdict.message.kind {
                    Kind::Call(call) => Some(call.name),
                    Kind::Request(_) | Kind::Notification(_) | Kind::Response => None,
                },
                advice: verdict.outcome.as_ref().err().and_then(|denial| denial.advice.as_deref()),
                record: &verdict.record,
            })
            .collect();
        let reply = refusal::in_style(&refused, body.is_batch(), &gate.bundle.refusal);
        // Housekeeping has no record, unless it is what was refused.
        let told = |verdict: &Decided<'_>| {
            verdict.record.decides() || matches!(verdict.message.kind, Kind::Call(_))
        };
        let records = verdicts.into_iter().filter(told).map(|verdict| verdict.record).collect();
        Refusal { reply, records }
    }
}

/// One refusal refuses the whole batch in shadow too.
fn staged_as_one(mut verdicts: Vec<Decided<'_>>) -> Vec<Decided<'_>> {
    let refused = |decision: Decision| decision != Decision::Permit;
    let one_refused = verdicts.iter().any(|verdict| {
        let record = &verdict.record;
        refused(record.shadow_decision.unwrap_or(record.decision))
    });
    for verdict in verdicts.iter_mut().filter(|_| one_refused) {
        let permitted = verdict.record.shadow_decision == Some(Decision::Permit);
        if permitted && matches!(verdict.message.kind, Kind::Call(_)) {
            verdict.record.stage(Some(Opinion::because(Reason::BatchRefused)));
        }
    }
    verdicts
}

/// The digest of a call with where it goes to, in the order of canonical JSON.
fn request_digest(record: &Record, call: &Call<'_>, facts: &Facts) -> Digest {
    let mut text = String::with_capacity(USUAL_REQUEST);
    text.push_str("{\"arguments_digest\":");
    match &record.arguments_digest {
        Some(digest) => json::quote(digest.as_str(), &mut text),
        None => text.push_str("null"),
    }
    text.push_str(",\"authority\":");
    json::quote(&facts.authority, &mut text);
    text.push_str(",\"method\":\"tools/call\",\"name\":");
    json::quote(call.name, &mut text);
    text.push_str(",\"path\":");
    json::quote(&facts.path, &mut text);
    text.push('}');
    Digest::of_bytes(text.as_bytes())
}

fn method(message: &Message<'_>) -> Option<Cow<'static, str>> {
    if let Kind::Call(_) = message.kind {
        return Some(CALL.into());
    }
    Some(record::cut(message.method()?).into_owned().into())
}

fn pass(proof: Option<Housekeeping>) -> Result<Verdict, Denial> {
    proof
        .map(|proof| decide::housekeeping(proof).into())
        .ok_or_else(|| Denial::because(Reason::MethodNotAllowed))
}
