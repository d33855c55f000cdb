//! Decides a request of a method that the bundle puts before policies.

use std::sync::Arc;

use super::inner::{By, Watch};
use super::memory::{Memory, Place};
use super::pending::Pending;
use crate::decide::{self, Denial, Question, Verdict};
use crate::gate::Gate;
use crate::json::Object;
use crate::mcp::{Housekeeping, Kind, Message, Method, StandardHeaders};
use crate::reason::Reason;
use crate::tool::Tool;

/// The method that asks for the tools.
const TOOLS: &str = "tools/list";

/// A request of a method that policies decide.
pub(super) struct Asked<'g, 'a> {
    pub(super) tool: &'g Tool,
    method: &'static Method,
    /// The arguments, without what belongs to the protocol.
    pub(super) arguments: Option<Object<'a>>,
}

impl Pending {
    /// Whether policies decide about a message: a call of a tool, or of a method of the bundle.
    pub(super) fn is_call(&self, gate: &Gate, message: &Message<'_>) -> bool {
        match message.kind {
            Kind::Call(_) => true,
            Kind::Request { method, .. } => gate.bundle.method(&self.server, method).is_some(),
            Kind::Notification(_) | Kind::Response => false,
        }
    }

    /// The request, if policies decide its method.
    pub(super) fn asked<'g, 'a>(
        &self,
        gate: &'g Gate,
        message: &Message<'a>,
    ) -> Option<Asked<'g, 'a>> {
        let Kind::Request { method, params } = message.kind else { return None };
        let tool = gate.bundle.method(&self.server, method)?;
        let method = Method::named(method)?;
        Some(Asked { tool, method, arguments: params.map(|params| method.arguments(params)) })
    }

    /// The method of a request for a list whose entries policies decide.
    pub(super) fn listing(&self, gate: &Gate, message: &Message<'_>) -> Option<&'static str> {
        let Kind::Request { method, .. } = message.kind else { return None };
        if method == TOOLS {
            return Some(TOOLS);
        }
        let (list, used_by) = Method::list(method)?;
        gate.bundle.method(&self.server, used_by).map(|_| list)
    }

    /// The proof that a request may pass whose method policies do not decide.
    pub(super) fn undecided(&self, gate: &Gate, method: &str) -> Option<Housekeeping> {
        let is_decided = |method: &str| gate.bundle.method(&self.server, method).is_some();
        Housekeeping::request(method, &gate.bundle.methods)
            .or_else(|| Housekeeping::list(method, is_decided))
    }

    /// Decides such a request. The error is a denial for which no policy was evaluated.
    pub(super) fn decide_method(
        &self,
        gate: &Gate,
        headers: &StandardHeaders,
        Asked { tool, method, arguments }: &Asked<'_, '_>,
        memory: &mut Memory<'_>,
        watch: Watch<'_>,
    ) -> Result<Verdict, Denial> {
        if !method.is_in(headers.revision) {
            let detail = Some("the protocol version does not have this method".to_owned());
            return Err(Denial { detail, ..Denial::because(Reason::MethodNotAllowed) });
        }
        let about = (*tool, arguments.as_ref());
        self.stepping_up(gate, about, memory, watch, |by, memory, watch| {
            self.decide_method_by(by, gate, about, memory, watch)
        })
    }

    fn decide_method_by(
        &self,
        by: By<'_>,
        gate: &Gate,
        (tool, arguments): (&Tool, Option<&Object<'_>>),
        memory: &mut Memory<'_>,
        watch: Watch<'_>,
    ) -> Result<Verdict, Denial> {
        let facts = &self.request.facts;
        let caller = Arc::clone(by.caller);
        let question = Question::by(caller, &gate.bundle, tool, arguments, facts)?;
        let asked = memory.ask(&gate.bundle, tool, &question, arguments)?;
        let question = memory.join(question, asked.as_ref())?;
        watch.asked(by.identity, &question);
        let mut verdict = decide::decide(&gate.bundle, by.identity, &question);
        // It borrows memory, which the verdict changes.
        drop(question);
        let place = Place { index: watch.index, is_inner: false };
        memory.settle((place, tool), &mut verdict, asked);
        Ok(verdict)
    }
}
