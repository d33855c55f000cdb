//! The decision of one bundle about a request, before a candidate is evaluated.

use super::asking::Asking;
use super::effects::{Effects, Ending, HeaderChange};
use super::response::{Learning, Look, Response};
use crate::assertion::{self, AssertionError};
use crate::bundle::Shadow;
use crate::decide::{self, Permits};
use crate::gate::Gate;
use crate::header;
use crate::memory::Write;
use crate::reason::Reason;
use crate::record::{CandidateField, Draft, Outcome};
use crate::refusal::Replacement;

/// The decision of one bundle about a request.
#[derive(Debug)]
pub(super) struct Decided {
    ending: Ending,
    drafts: Vec<Draft>,
    /// What the drafts are about.
    about: About,
    /// How to look at the response, if it is looked at.
    look: Option<Box<Look>>,
    /// What is to be remembered.
    memory: Vec<Write>,
    /// What the response can change of it, by the id of the request if it has one.
    lessons: Vec<Learning>,
    /// Drafts about signs of running away, which are recorded beside those of the calls.
    anomalies: Vec<Draft>,
    /// What a service must be asked first. Until then it is a refusal.
    asking: Option<Box<Asking>>,
    /// The assertion for the server.
    assertion: Option<String>,
}

/// What drafts are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum About {
    /// The request as a whole, which has no readable message.
    Request,
    /// The messages of the body.
    Messages,
    /// Housekeeping only. It passes, and is recorded only if a candidate would refuse it.
    Housekeeping,
}

/// An outcome and the position of its message in the body; `None` for the request as a whole.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) at: Option<usize>,
    pub(super) outcome: Outcome,
}

impl About {
    fn at(self, draft: &Draft) -> Option<usize> {
        (self == Self::Messages).then_some(draft.index)
    }
}

impl Decided {
    /// Refuses the request as a whole, of which no message was decided.
    pub(super) fn refused(ending: Ending, draft: Draft) -> Self {
        Self::new(ending, vec![draft], About::Request)
    }

    /// Refuses messages; the drafts are about these messages.
    pub(super) fn answered(ending: Ending, drafts: Vec<Draft>) -> Self {
        Self::new(ending, drafts, About::Messages)
    }

    /// Forwards the calls of a body.
    pub(super) fn calls(permits: Permits, drafts: Vec<Draft>) -> Self {
        Self::new(Ending::Forward(permits), drafts, About::Messages)
    }

    /// Forwards a request without a tool call.
    pub(super) fn housekeeping(permits: Permits, draft: Draft) -> Self {
        Self::new(Ending::Forward(permits), vec![draft], About::Housekeeping)
    }

    fn new(ending: Ending, drafts: Vec<Draft>, about: About) -> Self {
        let (memory, lessons, anomalies) = (Vec::new(), Vec::new(), Vec::new());
        let (look, asking, assertion) = (None, None, None);
        Self { ending, drafts, about, look, memory, lessons, anomalies, asking, assertion }
    }

    /// The same decision, with what is to be remembered.
    pub(super) fn remembering(self, memory: Vec<Write>) -> Self {
        Self { memory, ..self }
    }

    /// The same decision, with a look at the response if the request is forwarded.
    pub(super) fn with_look(self, look: Option<Look>) -> Self {
        let look = look.filter(|_| matches!(self.ending, Ending::Forward(_))).map(Box::new);
        Self { look, ..self }
    }

    /// The same decision, with what the response can change of what is remembered.
    pub(super) fn learning(self, lessons: Vec<Learning>) -> Self {
        Self { lessons, ..self }
    }

    /// The same decision, with drafts about signs of running away.
    pub(super) fn noticing(self, anomalies: Vec<Draft>) -> Self {
        Self { anomalies, ..self }
    }

    /// The same decision, which is not made before a service is asked.
    pub(super) fn asking(self, asking: Asking) -> Self {
        Self { asking: Some(Box::new(asking)), ..self }
    }

    /// The same decision, with the assertion for the server if the request is forwarded and the bundle
    /// has assertions. Only what was decided is asserted, so nothing is of a bundle in shadow.
    pub(super) fn asserting(self, gate: &Gate) -> Result<Self, AssertionError> {
        let assertion = match self.ending {
            Ending::Forward(_) => assertion::sign(gate, &self.drafts)?,
            Ending::Replace(_) | Ending::Reply(_) => None,
        };
        Ok(Self { assertion, ..self })
    }

    /// What a service must be asked first.
    pub(super) fn asked(&self) -> Option<&Asking> {
        self.asking.as_deref()
    }

    /// Whether the request could be read: its body has readable messages, or it needs no body.
    pub(super) fn is_about_messages(&self) -> bool {
        self.about != About::Request
    }

    /// The outcomes that are recorded in any case.
    pub(super) fn into_outcomes(self) -> Vec<Located> {
        if self.about == About::Housekeeping {
            return Vec::new();
        }
        let about = self.about;
        let located = |draft: Draft| Located { at: about.at(&draft), outcome: draft.outcome };
        self.drafts.into_iter().map(located).collect()
    }

    /// The decision under a bundle in shadow, which forwards every request unless the gate itself
    /// failed.
    pub(super) fn in_shadow(self, proof: Shadow) -> Self {
        let failed = self.drafts.iter().any(|draft| draft.outcome.reason == Reason::Internal);
        if failed || self.about == About::Housekeeping {
            return Self { look: None, ..self };
        }
        Self {
            ending: Ending::Forward(decide::watched(proof).into()),
            drafts: watched(self.drafts),
            about: self.about,
            look: None,
            memory: self.memory,
            lessons: self.lessons,
            anomalies: self.anomalies,
            asking: None,
            assertion: None,
        }
    }

    /// Finishes the records with the candidate's fields for each position, and returns the effects.
    /// Housekeeping is recorded only if the candidate refuses it.
    pub(super) fn finish(
        mut self,
        gate: &Gate,
        refused_by_candidate: bool,
        candidate: impl Fn(Option<usize>) -> Option<CandidateField>,
    ) -> (Effects, Option<Box<Look>>, Vec<Learning>) {
        let housekeeping = self.about == About::Housekeeping;
        if housekeeping && refused_by_candidate && gate.bundle.shadow.is_some() {
            self.drafts = watched(self.drafts);
        }
        if !matches!(self.ending, Ending::Forward(_)) {
            self.lessons.clear();
        }
        let headers = match &self.ending {
            Ending::Forward(_) => {
                let learns = self.lessons.iter().any(|(_, lessons)| lessons.need_body());
                let mut headers = for_upstream(gate, &self.drafts);
                if learns || self.look.is_some() {
                    headers.splice(..0, Response::request_headers());
                }
                let set = |assertion| HeaderChange::Set(header::ASSERTION, assertion);
                headers.extend(self.assertion.map(set));
                headers
            }
            Ending::Replace(replacement) => {
                [about_body(replacement), for_upstream(gate, &self.drafts)].concat()
            }
            Ending::Reply(_) => Vec::new(),
        };
        if housekeeping && !refused_by_candidate {
            self.drafts.clear();
        }
        let finish = |draft: Draft| {
            let candidate = candidate(self.about.at(&draft));
            draft.finish(gate, candidate)
        };
        let anomalies = self.anomalies.into_iter().map(|draft| draft.finish(gate, None));
        let records = self.drafts.into_iter().map(finish).chain(anomalies).collect();
        let memory = self.memory;
        (Effects { ending: self.ending, headers, memory, records }, self.look, self.lessons)
    }
}

/// The drafts under a bundle in shadow.
fn watched(drafts: Vec<Draft>) -> Vec<Draft> {
    drafts.into_iter().map(Draft::in_shadow).collect()
}

/// The header changes that describe another body than the one that was refused.
fn about_body(replacement: &Replacement) -> Vec<HeaderChange> {
    let removed = replacement.describing().iter().cloned().map(HeaderChange::Remove);
    let length = replacement.body().len().to_string();
    removed.chain([HeaderChange::Set("content-length", length)]).collect()
}

/// The header changes for the upstream: the decision and the caller.
fn for_upstream(gate: &Gate, drafts: &[Draft]) -> Vec<HeaderChange> {
    let decision = header::decision(&gate.bundle.id, drafts);
    let sender = drafts.first().and_then(Draft::sender);
    let identity = sender.map(|sender| HeaderChange::Set(header::IDENTITY, sender.header.clone()));
    std::iter::once(HeaderChange::Set(header::DECISION, decision)).chain(identity).collect()
}
