//! What was asked and decided: a value in memory, of a bounded size.

use std::collections::VecDeque;

use super::signed::Signed;
use crate::approval::{Approval, Binding, Request};

/// The most requests that wait.
pub(super) const PENDING: usize = 1_000;

/// The most requests of one principal that wait: nobody fills the list for everybody else.
pub(super) const PENDING_OF_ONE: usize = 100;

/// The most requests that are kept after they were decided or have expired.
pub(super) const FINISHED: usize = 1_000;

/// How many seconds those are kept.
const MEMORY: i64 = 7 * 24 * 3_600;

/// The most earlier requests for the same whose ids are known.
const EARLIER: usize = 100;

/// A request, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its name in addresses of pages.
    pub(super) id: String,
    /// When it was first asked, in seconds since the epoch.
    pub(super) asked_at: i64,
    /// The newest request for the same.
    pub(super) request: Signed<Request>,
    /// The ids of those before it.
    earlier: Vec<String>,
    /// The approval, or its refusal.
    pub(super) decided: Option<Signed<Approval>>,
    /// Whether the gate has got it.
    pub(super) handed_out: bool,
}

/// Requests in the order in which they were first asked.
#[derive(Debug, Default)]
pub(super) struct Ledger(VecDeque<Entry>);

/// How a request stands to those before it.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// This or a later request for the same was answered before.
    Answered,
    /// What it asks for is decided, and the decision was not handed out.
    Decided(String),
    /// What it asks for waits.
    Waits {
        /// The entry.
        id: String,
        /// Whether this request is newer than the one there.
        newer: bool,
    },
    /// Nobody has asked for it.
    New,
    /// There is no place for another one.
    Full(&'static str),
}

impl Entry {
    /// Whether somebody has to decide.
    pub(super) fn is_pending(&self, now: i64) -> bool {
        self.decided.is_none() && self.request.claims.exp > now
    }

    /// What is to be approved.
    pub(super) fn binding(&self) -> &Binding {
        &self.request.claims.binding
    }

    /// Whether the decision is still to be handed out.
    pub(super) fn is_due(&self, now: i64) -> bool {
        let lasts = self.decided.as_ref().is_some_and(|approval| approval.claims.exp > now);
        lasts && !self.handed_out
    }

    fn is_for_same(&self, request: &Request) -> bool {
        let own = &self.request.claims;
        own.binding_hash == request.binding_hash && own.iss == request.iss
    }

    /// Since when it is finished.
    fn finished_at(&self) -> i64 {
        let decided = self.decided.as_ref().map(|approval| approval.claims.iat);
        decided.unwrap_or(self.request.claims.exp)
    }
}

impl Ledger {
    /// How a request stands to those before it.
    pub(super) fn standing(&self, request: &Request, now: i64) -> Standing {
        let same = || self.0.iter().filter(|entry| entry.is_for_same(request));
        let repeats = |entry: &Entry| entry.request.claims.jti == request.jti;
        let older = |entry: &Entry| request.iat < entry.request.claims.iat;
        if same().any(|entry| entry.handed_out && (repeats(entry) || older(entry))) {
            return Standing::Answered;
        }
        if let Some(entry) = same().find(|entry| entry.is_due(now)) {
            return Standing::Decided(entry.id.clone());
        }
        if let Some(entry) = same().find(|entry| entry.is_pending(now)) {
            let newer = !repeats(entry) && request.iat >= entry.request.claims.iat;
            return Standing::Waits { id: entry.id.clone(), newer };
        }
        let subject = &request.binding.subject;
        let of_one = self.pending(now).filter(|entry| entry.binding().subject == *subject);
        if self.pending(now).count() >= PENDING {
            Standing::Full("too many requests wait")
        } else if of_one.count() >= PENDING_OF_ONE {
            Standing::Full("too many requests of this principal wait")
        } else {
            Standing::New
        }
    }

    /// Adds a request, or replaces the one of an entry that waits for the same.
    pub(super) fn ask(&mut self, id: &str, at: i64, request: Signed<Request>) {
        self.forget(at);
        match self.get_mut(id) {
            Some(entry) => {
                let earlier = std::mem::replace(&mut entry.request, request).claims.jti;
                entry.earlier.insert(0, earlier);
                entry.earlier.truncate(EARLIER);
            }
            None => self.0.push_back(Entry {
                id: id.to_owned(),
                asked_at: at,
                request,
                earlier: Vec::new(),
                decided: None,
                handed_out: false,
            }),
        }
    }

    /// Enters what somebody has decided.
    pub(super) fn decide(&mut self, id: &str, approval: Signed<Approval>) {
        if let Some(entry) = self.get_mut(id) {
            entry.decided = Some(approval);
        }
    }

    /// Hands out a decision, if it is still to be handed out.
    pub(super) fn hand_out(&mut self, id: &str, now: i64) -> Option<&Signed<Approval>> {
        let entry = self.get_mut(id).filter(|entry| entry.is_due(now))?;
        entry.handed_out = true;
        entry.decided.as_ref()
    }

    /// Notes that a decision was handed out before.
    pub(super) fn handed_out(&mut self, id: &str) {
        if let Some(entry) = self.get_mut(id) {
            entry.handed_out = true;
        }
    }

    /// The entry with this id.
    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.id == id)
    }

    /// The entry of a request with this `jti`, which gates tell to callers.
    pub(super) fn of_request(&self, jti: &str) -> Option<&Entry> {
        self.0.iter().rev().find(|entry| {
            entry.request.claims.jti == jti || entry.earlier.iter().any(|earlier| earlier == jti)
        })
    }

    /// All entries, the first one asked first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.iter()
    }

    /// What waits for a decision, the first one asked first.
    pub(super) fn pending(&self, now: i64) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.is_pending(now))
    }

    /// What is decided or has expired, the last one asked first.
    pub(super) fn finished(&self, now: i64) -> impl Iterator<Item = &Entry> {
        self.0.iter().rev().filter(move |entry| !entry.is_pending(now))
    }

    /// The other requests of the same principal with the same agents, the last one first.
    pub(super) fn of_pair<'a>(&'a self, of: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().rev().filter(|entry| {
            let (own, other) = (of.binding(), entry.binding());
            let same = own.subject == other.subject && own.context.chain == other.context.chain;
            same && entry.id != of.id
        })
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.id == id)
    }

    /// Drops the oldest of what is finished.
    fn forget(&mut self, now: i64) {
        let finished = self.finished(now).count();
        let mut surplus = finished.saturating_sub(FINISHED);
        self.0.retain(|entry| {
            if entry.is_pending(now) || entry.is_due(now) {
                return true;
            }
            let is_surplus = surplus > 0;
            surplus = surplus.saturating_sub(1);
            !is_surplus && entry.finished_at() > now.saturating_sub(MEMORY)
        });
    }
}

#[cfg(test)]
mod tests;
