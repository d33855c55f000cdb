//! The stream context of one request.

mod response;

use std::rc::Rc;
use std::time::SystemTime;

use log::error;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use super::approvals::{Held, HeldCall};
use super::memory::{Attempts, remember};
use super::random::Random;
use super::rate_limit;
use super::stats::Stats;
use super::{approvals, host};
use crate::approval::Heard;
use crate::exchange::{
    Consult, Consulted, Effects, Ending, Event, Exchange, ResponseEvent, Room, Step,
};
use crate::gate::Gate;
use crate::header;
use crate::memory::Answer;
use crate::refusal::Reply;

/// One request. It is decided by the gate with which it began, even if a newer configuration is
/// pushed.
#[derive(Debug)]
pub(super) struct Stream {
    gate: Option<Rc<Gate>>,
    stats: Rc<Stats>,
    random: Rc<Random>,
    exchange: Exchange,
    buffered: usize,
    /// How the request ended, once it is decided.
    settled: Option<Settled>,
    /// The decision about a request that was replaced, for the response.
    decision: Option<String>,
    /// The call to a service whose answer is awaited.
    consulting: Option<u32>,
    held: Rc<Held>,
    /// Counts this call among those that wait for a person.
    held_call: Option<HeldCall>,
    /// The versions of memory at which labels of the response's data were attached.
    attached: Vec<Option<u32>>,
    /// Whether a part of the response's body has come, which other bytes can take the place of.
    has_body: bool,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Settled {
    /// It is forwarded, including the parts that have not arrived yet.
    Forwarded,
    /// Another message went to the upstream in its place, and nothing may follow.
    Replaced,
    /// It was answered with a local reply.
    Answered,
}

impl Settled {
    /// The action for parts of the request that arrive afterwards.
    fn action(self) -> Action {
        match self {
            Self::Forwarded => Action::Continue,
            Self::Replaced | Self::Answered => Action::Pause,
        }
    }
}

impl Context for Stream {
    /// The rate limit service has answered, or Envoy has given up.
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        if self.consulting.take_if(|asked| *asked == token).is_some() {
            self.go_on(&Consulted::RateLimit(rate_limit::answer(status, size)));
        }
    }

    /// The approval service has answered, or Envoy has given up.
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _: usize) {
        if self.consulting.take_if(|asked| *asked == token).is_some() {
            self.held_call = None;
            self.go_on(&Consulted::Approval(approvals::answer(headers, size)));
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let (arrival, known) = match host::arrival(&self.random) {
            Ok(known) => known,
            Err(failure) => return self.fail(&failure),
        };
        let held = self.step_since(Some(known), Event::Headers(&arrival));
        if end_of_stream && self.settled.is_none() { self.end() } else { held }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let Some(settled) = self.settled {
            return settled.action();
        }
        self.buffered = size;
        if end_of_stream { self.end() } else { self.step(Event::Buffered(size)) }
    }

    /// With trailers, no part of the body is marked as the last one. Trailers are not forwarded:
    /// they are not checked against the body, and servers may merge them into headers.
    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if matches!(self.settled, Some(Settled::Replaced | Settled::Answered)) {
            return Action::Pause;
        }
        match (host::drop_request_trailers(), self.settled) {
            (Ok(()), Some(settled)) => settled.action(),
            (Ok(()), None) => self.end(),
            (Err(failure), None) => self.fail(&failure),
            // The call is forwarded and recorded; only its end can still be held back.
            (Err(failure), Some(_)) => {
                error!("a forwarded request is held back: {failure}");
                Action::Pause
            }
        }
    }

    /// Removes the gate's response headers if the upstream sends them, and tells the decision about a
    /// request that was replaced.
    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        if self.settled != Some(Settled::Answered) {
            let decision = self.decision.as_deref();
            let gate = self.gate.as_ref();
            let asserts = gate.is_some_and(|gate| gate.bundle.asserts());
            let assertion = asserts.then_some((header::ASSERTION, None));
            let always = [(header::DECISION, decision), (header::IDENTITY, None)];
            for (name, value) in always.into_iter().chain(assertion) {
                if let Err(status) =
                    hostcalls::set_map_value(MapType::HttpResponseHeaders, name, value)
                {
                    error!("response header `{name}` could not be set: status {status:?}");
                }
            }
        }
        if let Err(failure) = self.give_back().and_then(|()| self.attach()) {
            return Self::withhold(&failure);
        }
        let binds = self.settled == Some(Settled::Forwarded)
            && self.gate.as_ref().is_some_and(|gate| gate.bundle.binds_sessions);
        if !binds && !self.looks_at_response() {
            return Action::Continue;
        }
        let head = match host::response_head() {
            Ok(head) => head,
            Err(failure) => return Self::withhold(&failure),
        };
        let change = self.gate.as_ref().filter(|_| binds);
        let change = change.and_then(|gate| self.exchange.bind_session(gate, &head));
        if let Some(change) = change
            && let Err(failure) = host::change_response_headers(&[change])
        {
            return Self::withhold(&failure);
        }
        if !self.looks_at_response() {
            return Action::Continue;
        }
        let metadata = if end_of_stream { Ok(Vec::new()) } else { host::listener_metadata() };
        match metadata {
            Ok(metadata) => {
                let room = Room::told(&metadata);
                self.respond(ResponseEvent::Headers(&head, end_of_stream, room), 0)
            }
            Err(failure) => Self::withhold(&failure),
        }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let Err(failure) = self.attach() {
            return Self::withhold(&failure);
        }
        if !self.looks_at_response() {
            return Action::Continue;
        }
        self.has_body = true;
        match (host::response_body(size), host::changed_tools()) {
            (Ok(part), Ok(changed)) => {
                self.respond(ResponseEvent::Body(&part, end_of_stream, &changed), size)
            }
            (Err(failure), _) | (_, Err(failure)) => Self::withhold(&failure),
        }
    }

    /// With trailers, no part of the body is marked as the last one.
    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        if let Err(failure) = self.attach() {
            return Self::withhold(&failure);
        }
        if self.looks_at_response() && self.end_response() == Action::Pause {
            return Action::Pause;
        }
        if let Err(failure) = host::strip_reserved_response_trailers() {
            error!("forged response trailers could not be removed: {failure}");
        }
        Action::Continue
    }
}

impl Stream {
    pub(super) fn new(
        gate: Option<Rc<Gate>>,
        stats: Rc<Stats>,
        random: Rc<Random>,
        held: Rc<Held>,
    ) -> Self {
        let exchange = Exchange::default();
        Self {
            gate,
            stats,
            random,
            exchange,
            buffered: 0,
            settled: None,
            decision: None,
            consulting: None,
            held,
            held_call: None,
            attached: Vec::new(),
            has_body: false,
        }
    }

    fn end(&mut self) -> Action {
        match host::body(self.buffered) {
            Ok(body) => self.decide(&body),
            Err(failure) => self.fail(&failure),
        }
    }

    /// Reads memory and decides, until nobody else has changed it meanwhile.
    fn decide(&mut self, body: &[u8]) -> Action {
        let slots = self.exchange.recalls();
        // Budgets are of a known sender, whose accounts are in slots.
        let Some(gate) = self.gate.clone().filter(|_| !slots.is_empty()) else {
            return self.step(Event::End(body));
        };
        let began = hostcalls::get_current_time().ok();
        let (mut attempts, mut stored) = (Attempts::begin(), Vec::new());
        loop {
            let recalled = attempts.another().and_then(|()| host::recall(&slots, stored.clone()));
            let recalled = match recalled {
                Ok(recalled) => recalled,
                Err(failure) => return self.fail(&failure),
            };
            if let Step::Done(effects) = self.exchange.step(&gate, Event::Recalled(&recalled)) {
                return self.carry_out(&effects);
            }
            match self.exchange.step(&gate, Event::End(body)) {
                Step::AwaitBody | Step::Drain => return Action::Pause,
                Step::Consult(query) => return self.consult(&query),
                Step::Done(effects) => match remember(&effects, &mut stored) {
                    Ok(true) => {
                        self.stats.duration(began);
                        return self.carry_out(&effects);
                    }
                    Ok(false) => {}
                    Err(failure) => return self.fail(&failure),
                },
            }
        }
    }

    /// Asks a service, and holds the request until it has answered.
    fn consult(&mut self, question: &Consult) -> Action {
        let asked = match question {
            Consult::RateLimit(query) => rate_limit::ask(query)
                .map_err(|failure| Consulted::RateLimit(Answer::Unavailable(failure))),
            Consult::Approval(query) => approvals::ask(query, &self.held)
                .map(|(token, held)| {
                    self.held_call = held;
                    token
                })
                .map_err(|failure| Consulted::Approval(Heard::Unavailable(failure))),
        };
        match asked {
            Ok(token) => {
                self.consulting = Some(token);
                Action::Pause
            }
            Err(answer) => self.consulted(&answer),
        }
    }

    /// Goes on with a request that was held until a service answered.
    fn go_on(&mut self, answer: &Consulted) {
        if self.consulted(answer) == Action::Continue
            && let Err(status) = hostcalls::resume_http_request()
        {
            error!("a permitted request could not go on: status {status:?}");
        }
    }

    /// Decides a request again with the answer of a service.
    fn consulted(&mut self, answer: &Consulted) -> Action {
        if let Some(gate) = self.gate.clone()
            && let Step::Done(effects) = self.exchange.step(&gate, Event::Consulted(answer))
        {
            return self.carry_out(&effects);
        }
        match host::body(self.buffered) {
            Ok(body) => self.decide(&body),
            Err(failure) => self.fail(&failure),
        }
    }

    fn step(&mut self, event: Event<'_>) -> Action {
        self.step_since(hostcalls::get_current_time().ok(), event)
    }

    fn step_since(&mut self, began: Option<SystemTime>, event: Event<'_>) -> Action {
        let Some(gate) = self.gate.clone() else { return self.answer_without_gate() };
        match self.exchange.step(&gate, event) {
            Step::AwaitBody => Action::Pause,
            Step::Consult(query) => self.consult(&query),
            Step::Drain => match host::drain(std::mem::take(&mut self.buffered)) {
                Ok(dropped) => self.step(Event::Drained(&dropped)),
                Err(failure) => self.fail(&failure),
            },
            Step::Done(effects) => {
                self.stats.duration(began);
                self.carry_out(&effects)
            }
        }
    }

    /// Publishes the record before anything goes to the upstream. What cannot be recorded is refused.
    fn carry_out(&mut self, effects: &Effects) -> Action {
        let prepared = prepare(effects);
        if let (Ending::Forward(_) | Ending::Replace(_), Err(failure)) =
            (&effects.ending, &prepared)
        {
            return self.fail(failure);
        }
        effects.counters().for_each(|counter| self.stats.count(counter));
        match &effects.ending {
            Ending::Forward(_permits) => {
                self.settled = Some(Settled::Forwarded);
                Action::Continue
            }
            Ending::Replace(_replacement) => {
                self.settled = Some(Settled::Replaced);
                self.decision = effects.decision().map(str::to_owned);
                Action::Continue
            }
            Ending::Reply(reply) => {
                self.settled = Some(Settled::Answered);
                if let Err(failure) = prepared {
                    error!("a refusal could not be recorded: {failure}");
                }
                answer(reply)
            }
        }
    }

    /// Refuses a request after a failure. The effects of a failure are a reply, so `carry_out` does
    /// not call this again.
    fn fail(&mut self, failure: &str) -> Action {
        error!("request refused: {failure}");
        let Some(gate) = self.gate.clone() else { return self.answer_without_gate() };
        let effects = self.exchange.fail(&gate, failure);
        self.carry_out(&effects)
    }

    /// Refuses a request if no bundle is loaded. Envoy does not run a plugin that failed to
    /// configure, so this should not happen.
    fn answer_without_gate(&mut self) -> Action {
        self.settled = Some(Settled::Answered);
        answer(&Reply { status: 500, headers: Vec::new(), body: Vec::new() })
    }
}

/// Everything that comes before the end of a request.
fn prepare(effects: &Effects) -> Result<(), String> {
    host::change_headers(&effects.headers)?;
    if let Ending::Replace(replacement) = &effects.ending {
        host::replace_body(replacement.body())?;
    }
    host::publish(&effects.filter_state())
}

/// If the local reply fails, the paused request hangs until it times out; it is never forwarded.
fn answer(reply: &Reply) -> Action {
    let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let status = u32::from(reply.status);
    if let Err(status) = hostcalls::send_http_response(status, headers, Some(&reply.body)) {
        error!("a refusal could not be sent: status {status:?}");
    }
    Action::Pause
}
