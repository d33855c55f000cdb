//! Decides the call inside a call.

use std::sync::Arc;

use super::Observer;
use super::memory::{Memory, Place};
use super::pending::Pending;
use crate::decide::{self, Denial, Inner, Question, Verdict};
use crate::gate::{Caller, Gate};
use crate::identity::Identity;
use crate::json::Object;
use crate::tool::Wraps;

/// By whom a call is decided: the sender, or the sender with other scopes.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) caller: &'a Arc<Caller>,
    pub(super) identity: &'a Identity,
}

/// The observer of one message, if there is one.
#[derive(Clone, Copy)]
pub(super) struct Watch<'o> {
    pub(super) observer: Option<&'o dyn Observer>,
    /// The position of the message in the body.
    pub(super) index: usize,
    /// Whether it is the only message of the body.
    pub(super) is_alone: bool,
    /// Whether its client may be told to ask for scopes: it is alone, and nothing but policies and scopes
    /// stands against it.
    pub(super) steps_up: bool,
}

impl Watch<'_> {
    pub(super) fn asked(self, identity: &Identity, question: &Question<'_>) {
        if let Some(observer) = self.observer {
            observer.asked(self.index, identity, question);
        }
    }
}

impl Pending {
    /// Decides the inner call of a call with these arguments, as if it were made directly. The error
    /// is a denial for which no policy was evaluated.
    pub(super) fn decide_inner<'a>(
        &self,
        by: By<'_>,
        gate: &'a Gate,
        (wraps, arguments): (&Wraps, Option<&'a Object<'a>>),
        memory: &mut Memory<'_>,
        watch: Watch<'_>,
    ) -> Result<Verdict, Denial> {
        let bundle = &gate.bundle;
        let inner = Inner::of(bundle, wraps, arguments)?;
        decide::unchanged(bundle, &self.changed, inner.tool).map_err(Denial::of_inner)?;
        let question = inner.question(Arc::clone(by.caller), bundle, &self.request.facts)?;
        let asked = memory.ask(bundle, inner.tool, &question, inner.arguments.as_object());
        let asked = asked.map_err(Denial::of_inner)?;
        let question = memory.join(question, asked.as_ref()).map_err(Denial::of_inner)?;
        if let Some(observer) = watch.observer {
            observer.asked_inner(watch.index, &question);
        }
        let mut verdict = decide::decide_revealing(bundle, by.identity, inner.tool, &question);
        // It borrows memory, which the verdict changes.
        drop(question);
        let place = Place { index: watch.index, is_inner: true };
        memory.settle((place, inner.tool), &mut verdict, asked);
        Ok(verdict)
    }
}
