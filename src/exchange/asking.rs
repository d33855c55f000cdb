//! What a service must be asked before a request is decided.

use super::event::{Consult, Consulted};
use crate::approval;
use crate::memory::{self, Answer, Charge};

/// What a service must be asked before a request is decided.
#[derive(Clone, Debug)]
pub(super) enum Asking {
    /// The rate limit service about a charge.
    RateLimit(Charge, memory::Query),
    /// The rate limit service whether an approval is used for the first time.
    FirstUse(memory::Query),
    /// The approval service.
    Approval(approval::Query),
}

/// What services have said about a request.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The rate limit service.
    pub(super) charges: Vec<(Charge, Answer)>,
    /// The same, about the first use of an approval.
    pub(super) first_use: Option<Answer>,
    /// The approval service.
    pub(super) approval: Option<approval::Heard>,
}

impl Asking {
    /// The question.
    pub(super) fn question(&self) -> Consult {
        match self {
            Self::RateLimit(_, query) | Self::FirstUse(query) => Consult::RateLimit(query.clone()),
            Self::Approval(query) => Consult::Approval(query.clone()),
        }
    }
}

impl Answers {
    /// Adds the answer to what was asked; returns whether it is one.
    pub(super) fn add(&mut self, asked: Asking, answer: &Consulted) -> bool {
        match (asked, answer) {
            (Asking::RateLimit(charge, _), Consulted::RateLimit(answer)) => {
                self.charges.push((charge, answer.clone()));
                true
            }
            (Asking::FirstUse(_), Consulted::RateLimit(answer)) => {
                self.first_use = Some(answer.clone());
                true
            }
            (Asking::Approval(_), Consulted::Approval(reply)) => {
                self.approval = Some(reply.clone());
                true
            }
            (Asking::RateLimit(..) | Asking::FirstUse(_), Consulted::Approval(_))
            | (Asking::Approval(_), Consulted::RateLimit(_)) => false,
        }
    }
}
