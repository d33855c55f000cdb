//! Decides the messages of one body. One refusal refuses the whole body.

use std::borrow::Cow;
use std::sync::Arc;

use super::Observer;
use super::approvals;
use super::asking::Asking;
use super::decided::Decided;
use super::inner::{By, Watch};
use super::memory::{Memory, Place};
use super::pending::{Pending, draft, failed};
use super::response::{Look, Mask, Others};
use crate::approval;
use crate::bundle::RefusalStyle;
use crate::decide::{self, Denial, Permit, Permits, Question, Revealed, Verdict};
use crate::gate::Gate;
use crate::json::{Value, cut};
use crate::mcp::{
    self, Body, Call, Housekeeping, Kind, Message, MessageError, Method, StandardHeaders,
};
use crate::reason::Reason;
use crate::record::{Draft, Outcome, Request};
use crate::refusal::{self, Form, Refused};
use crate::tool::Tool;

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
        let mut memory = self.memory(gate);
        let verdict = |(index, message): (usize, &Message<'_>)| {
            let is_alone = !body.is_batch();
            let steps_up = is_alone && !(gate.bundle.binds_tasks && message.names_tasks());
            let watch = Watch { observer, index, is_alone, steps_up };
            self.verdict(gate, headers, message, &mut memory, watch)
        };
        let mut verdicts: Vec<Verdict> = messages.iter().enumerate().map(verdict).collect();
        let asking = unapproved(&verdicts).map(Asking::Approval);
        let asking = asking
            .or_else(|| approvals::ask_first_use(&mut verdicts, self.answers.first_use.as_ref()));
        let asking = asking.or_else(|| memory.pay(&mut verdicts, &self.answers.charges));
        if let Some(asking) = asking {
            let unasked = failed(gate, &self.request, "a service was not asked");
            return Ok(unasked.asking(asking));
        }
        let is_call = |message: &Message<'_>| self.is_call(gate, message);
        let outcomes = as_one(messages, &verdicts, is_call);
        let drafts = messages.iter().zip(outcomes).enumerate();
        let drafts = drafts.map(|(index, (message, (outcome, shadow)))| {
            let draft = Draft::new(&self.request, index, outcome, shadow);
            let mut call = self.call_fields(gate, message);
            if let (Some(call), Some(verdict)) = (&mut call, verdicts.get(index)) {
                call.add_labels(&verdict.revealed);
                call.budgets = memory.take_spendings(index);
                call.approval = verdict.approval.as_ref().map(|it| Box::new(it.field.clone()));
            }
            draft.about(method(message), call)
        });
        let drafts: Vec<Draft> = drafts.collect();
        for (index, _) in messages.iter().enumerate().filter(|(_, it)| it.asks_about_tasks()) {
            memory.learn(index, self.of_any_call(gate));
        }
        let lessons = memory.lessons(messages, self.answers_on_stream());
        let look = self.look_at_response(gate, &body, &verdicts);
        let is_refused = |(message, verdict): (&Message<'_>, &Verdict)| {
            verdict.outcome.is_err() && self.is_call(gate, message)
        };
        let refused = messages.iter().zip(&verdicts).filter(|pair| is_refused(*pair)).count();
        let Some((mut writes, anomalies)) = self.remembered(gate, memory, refused) else {
            return Ok(failed(gate, &self.request, "what is remembered cannot be read"));
        };
        if refused == 0 {
            let approvals = verdicts.iter().filter_map(|verdict| verdict.approval.as_ref());
            writes.extend(approvals.filter_map(|it| it.write.clone()));
        }
        let outcomes: Vec<_> = verdicts.into_iter().map(|verdict| verdict.outcome).collect();
        let decided = if outcomes.iter().any(Result::is_err) {
            self.refuse_all(gate, &body, &outcomes, drafts)
        } else {
            match Permits::all(outcomes.into_iter().flatten().collect()) {
                Some(permits) => pass(&self.request, permits, drafts).with_look(look),
                None => return Ok(failed(gate, &self.request, "the body has no message")),
            }
        };
        let anomalies = self.anomalies(&anomalies, messages.len());
        Ok(decided.remembering(writes).learning(lessons).noticing(anomalies))
    }

    /// A look at the response, if a message asks for a list, or a part of a result is withheld.
    fn look_at_response(&self, gate: &Gate, body: &Body<'_>, verdicts: &[Verdict]) -> Option<Look> {
        let messages = body.messages();
        let (mut mask, mut others) = (Mask::default(), Vec::new());
        for (message, verdict) in messages.iter().zip(verdicts) {
            mask.add(&verdict.revealed);
            if message.asks_about_tasks() {
                self.withhold_of_any_call(gate, &mut mask);
                if let (Some("tasks/list"), Some(id)) = (message.method(), &message.id) {
                    mask.add_task_list(id.clone());
                }
            } else if let (Kind::Request { .. }, Some(id)) = (&message.kind, &message.id) {
                others.push(id.clone());
            }
        }
        // A list comes on the event stream that the caller opened before.
        let list = messages.iter().find_map(|message| self.listing(gate, message));
        let list = list.filter(|_| !self.answers_on_stream());
        if list.is_none() && mask.is_empty() {
            return None;
        }
        let ids = messages.iter().filter_map(Message::request_id).cloned().collect();
        let method = match (messages, list) {
            ([_], Some(list)) => Some(list),
            ([only], None) => {
                only.method().map(|name| Method::named(name).map_or(CALL, |it| it.name))
            }
            _ => None,
        };
        let mask = mask.beside(Others::Of(others));
        Some(Look { mask, ..self.look(method, messages.len(), ids, body.is_batch()) })
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
    pub(super) fn hides(&self, gate: &Gate, tool: &Tool) -> bool {
        if decide::unchanged(&gate.bundle, &self.changed, tool).is_err() {
            return true;
        }
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
        let refused = Refused { id, tool, ..Refused::because_of(&draft) };
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
            exceeded: outcome.as_ref().err().and_then(Denial::exceeded),
            challenge: outcome.as_ref().err().and_then(Denial::challenge),
            scopes: outcome.as_ref().err().and_then(Denial::step_up),
            is_inner: outcome.as_ref().is_err_and(|denial| denial.is_inner),
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
        memory: &mut Memory<'_>,
        watch: Watch<'_>,
    ) -> Verdict {
        let listed = &gate.bundle.methods;
        let verdict = match message.kind {
            Kind::Call(call) => self.decide_call(gate, &call, memory, watch),
            Kind::Request { method, .. } => match self.asked(gate, message) {
                Some(asked) => self.decide_method(gate, headers, &asked, memory, watch),
                None => housekeeping(self.undecided(gate, method)),
            },
            Kind::Notification(method) => housekeeping(Housekeeping::notification(method, listed)),
            Kind::Response => housekeeping(Housekeeping::response(gate.bundle.refuses_responses)),
        };
        let verdict = verdict.map(|it| self.refusing_tasks_of_others(gate, message, it));
        // A denial before the evaluation of policies holds with shadow policies enforced too.
        verdict.unwrap_or_else(|denial| Verdict {
            staged: gate.bundle.staged.as_ref().map(|_| Err(denial.clone())),
            outcome: Err(denial),
            revealed: Revealed::default(),
            approval: None,
        })
    }

    /// Decides a call. The error is a denial for which no policy was evaluated.
    fn decide_call(
        &self,
        gate: &Gate,
        call: &Call<'_>,
        memory: &mut Memory<'_>,
        watch: Watch<'_>,
    ) -> Result<Verdict, Denial> {
        let tool = gate.bundle.tool(&self.server, call.name);
        let tool = tool.ok_or_else(|| Denial::because(Reason::UnknownTool))?;
        decide::unchanged(&gate.bundle, &self.changed, tool)?;
        let about = (tool, call.arguments);
        self.stepping_up(gate, about, memory, watch, |by, memory, watch| {
            self.decide_call_by(by, gate, (tool, call), memory, watch)
        })
    }

    fn decide_call_by(
        &self,
        by: By<'_>,
        gate: &Gate,
        (tool, call): (&Tool, &Call<'_>),
        memory: &mut Memory<'_>,
        watch: Watch<'_>,
    ) -> Result<Verdict, Denial> {
        let (identity, facts) = (by.identity, &self.request.facts);
        let caller = Arc::clone(by.caller);
        let question = Question::by(caller, &gate.bundle, tool, call.arguments, facts)?;
        let asked = memory.ask(&gate.bundle, tool, &question, call.arguments)?;
        let question = memory.join(question, asked.as_ref())?;
        watch.asked(identity, &question);
        let verdict = decide::decide_revealing(&gate.bundle, identity, tool, &question);
        let mut verdict = self.escalate(gate, (tool, call), &question, verdict, watch);
        // It borrows memory, which the verdict changes, and only one of the outer and the inner question
        // takes space at a time.
        drop(question);
        let place = Place { index: watch.index, is_inner: false };
        memory.settle((place, tool), &mut verdict, asked);
        let Some(wraps) = tool.wraps() else { return Ok(verdict) };
        Ok(verdict
            .and_inner(|| self.decide_inner(by, gate, (wraps, call.arguments), memory, watch)))
    }
}

/// What the approval service must be asked about one of the calls.
fn unapproved(verdicts: &[Verdict]) -> Option<approval::Query> {
    let mut denials = verdicts.iter().filter_map(|verdict| verdict.outcome.as_ref().err());
    denials.find_map(Denial::question).cloned()
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
