//! One HTTP exchange: events in, effects out.
//!
//! Headers are held until the body is decided, so nothing of a refused body reaches the upstream. An
//! exchange that does not end in a permit ends in a refusal.

mod approvals;
mod asking;
mod calls;
mod candidate;
mod decided;
mod effects;
mod evaluation;
mod event;
mod event_stream;
mod fields;
mod inner;
mod memory;
mod methods;
mod observer;
mod pending;
mod preflight;
mod presented;
mod reach;
mod response;
mod session;
mod step_up;
mod tasks;

use std::rc::Rc;

use crate::approval::Heard;
use crate::gate::Gate;
use crate::head::Head;
use crate::header;
use crate::memory::{Answer, Lesson, Millis, Slot, Store};

use candidate::Candidate;
use decided::Decided;
pub use effects::{Counter, DURATION, Effects, Ending, HeaderChange, OBJECT};
use evaluation::Evaluation;
pub use event::{Arrival, Consult, Consulted, Event};
pub use observer::Observer;
pub use reach::never_left;
pub use response::{Evidence, ResponseEvent, ResponseStep, Room};
use response::{Learner, Learning, Look, Response};

/// The next step for the edge.
#[derive(Debug)]
pub enum Step {
    /// Hold the request and report the next event.
    AwaitBody,
    /// Drop the buffered part of the body and report it. The request will be refused.
    Drain,
    /// Ask a service, and report its answer and the end of the request again.
    Consult(Consult),
    /// Carry out the effects.
    Done(Effects),
}

/// The state of one exchange.
#[derive(Debug, Default)]
pub struct Exchange {
    evaluation: Evaluation,
    candidate: Candidate,
    /// The names of inbound header fields that are removed.
    removed: Vec<String>,
    /// The response, if it is looked at.
    response: Option<Response>,
    /// The same, if what is remembered depends on it.
    learner: Option<Learner>,
    /// What the response can change of what is remembered.
    lessons: Vec<Learning>,
}

impl Exchange {
    /// An exchange that reports its Cedar requests to an observer.
    pub fn observed(observer: Rc<dyn Observer>) -> Self {
        Self { evaluation: Evaluation::observed(observer), ..Self::default() }
    }

    /// Processes an event and returns the next step. A candidate bundle is evaluated after the
    /// decision.
    pub fn step(&mut self, gate: &Gate, event: Event<'_>) -> Step {
        if let Event::Headers(arrival) = event {
            let removed = arrival.head.names(header::is_removed);
            self.removed = removed.into_iter().map(str::to_owned).collect();
        }
        let decided = self.evaluation.step(gate, event);
        if let Some(candidate) = &gate.candidate {
            if let Event::Recalled(_) = event {
                self.candidate.again();
            }
            self.candidate.step(candidate, event, decided.as_ref());
        }
        match decided {
            Some(decided) => match decided.asked() {
                Some(asking) => Step::Consult(asking.question()),
                None => Step::Done(self.finish(gate, decided)),
            },
            None if matches!(event, Event::Buffered(_)) && self.evaluation.drains() => Step::Drain,
            None => Step::AwaitBody,
        }
    }

    /// Refuses a request that the edge could not handle. The record has the fields known so far.
    pub fn fail(&mut self, gate: &Gate, detail: &str) -> Effects {
        let decided = self.evaluation.fail(gate, detail);
        self.finish(gate, decided)
    }

    /// The slots of memory whose values must be reported before the end of the request.
    pub fn recalls(&self) -> Vec<Slot> {
        let mut slots = self.evaluation.recalls().to_vec();
        slots.extend_from_slice(&self.candidate.recalls());
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Reports the end of the request after what a store remembers, for edges without a proxy. They
    /// count global budgets themselves.
    pub fn end(&mut self, gate: &Gate, body: &[u8], memory: &Store, now: Millis) -> Step {
        loop {
            let slots = self.recalls();
            if !slots.is_empty() {
                let recalled = Rc::new(memory.recall(&slots, now, Vec::new()));
                self.step(gate, Event::Recalled(&recalled));
            }
            match self.step(gate, Event::End(body)) {
                Step::Consult(question) => {
                    let answer = match question {
                        Consult::RateLimit(_) => Consulted::RateLimit(Answer::CountHere),
                        Consult::Approval(_) => Consulted::Approval(Heard::Pending),
                    };
                    self.step(gate, Event::Consulted(&answer));
                }
                step @ (Step::AwaitBody | Step::Drain | Step::Done(_)) => return step,
            }
        }
    }

    /// Whether the response must be reported.
    pub fn looks_at_response(&self) -> bool {
        self.response.is_some() || self.learner.as_ref().is_some_and(Learner::reads)
    }

    /// The change to the headers of a response that binds a session to the caller. Only a bundle that
    /// binds sessions needs it.
    pub fn bind_session(&self, gate: &Gate, head: &Head) -> Option<HeaderChange> {
        let (server, sender) = self.evaluation.parties()?;
        session::sealed(gate, head, server, sender)
    }

    /// Whether it changes what is remembered if the server does not get the request.
    pub fn awaits_answer(&self) -> bool {
        self.lessons.iter().any(|(_, lessons)| lessons.await_answer())
    }

    /// What is to be changed of what is remembered, once, because the server did not get the request.
    pub fn unanswered(&mut self) -> Vec<Lesson> {
        self.lessons.iter_mut().flat_map(|(_, lessons)| lessons.take_unanswered()).collect()
    }

    /// What is to be changed before a part of the response reaches the caller: each can have the data.
    pub fn arriving(&self) -> impl Iterator<Item = &Lesson> + Clone {
        self.lessons.iter().flat_map(|(_, lessons)| lessons.of_arrival())
    }

    /// What changes if each call of the request succeeds, for edges without a server.
    pub fn succeeding(&self) -> impl Iterator<Item = &Lesson> {
        self.lessons.iter().flat_map(|(_, lessons)| lessons.of_success())
    }

    /// What the response has changed of what is remembered, since this was asked last.
    pub fn learned(&mut self) -> Vec<Lesson> {
        self.learner.as_mut().map(Learner::learned).unwrap_or_default()
    }

    /// Processes an event of the response to a forwarded request.
    pub fn respond(&mut self, gate: &Gate, event: ResponseEvent<'_>) -> ResponseStep {
        if let Some(learner) = &mut self.learner {
            learner.step(gate, event);
        }
        let Some(response) = &mut self.response else { return ResponseStep::Pass };
        let step = response.step(gate, event);
        if let ResponseStep::Pass = step {
            self.response = None;
        }
        step
    }

    fn finish(&mut self, gate: &Gate, decided: Decided) -> Effects {
        let decided = decided.asserting(gate);
        let decided =
            decided.unwrap_or_else(|error| self.evaluation.fail(gate, &error.to_string()));
        let candidate = &self.candidate;
        let refused = candidate.refuses();
        let (mut effects, look, lessons) = decided.finish(gate, refused, |at| candidate.field(at));
        self.learner = Learner::of(&lessons);
        self.lessons = lessons;
        self.response = look.map(|look| {
            let look = Look { candidate: self.candidate.sender(), ..*look };
            Response::new(look, effects.records.clone())
        });
        let removed = self.removed.iter().cloned().map(HeaderChange::Remove);
        effects.headers.splice(..0, removed);
        if let Ending::Forward(_) = &effects.ending {
            effects.headers.extend(self.evaluation.session());
        }
        effects
    }
}

#[cfg(test)]
mod tests;
