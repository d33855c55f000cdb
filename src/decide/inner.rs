//! The call inside a call: a tool that runs another tool is a way to call that, and no way around
//! its policies. Both calls must be permitted.

use std::sync::Arc;

use super::question::{Facts, Question, invalid};
use super::{Denial, Permit, Verdict};
use crate::bundle::Bundle;
use crate::gate::Caller;
use crate::json::Object;
use crate::reason::Reason;
use crate::tool::{Carried, Tool, Wraps};

/// The call inside a call.
#[derive(Debug)]
pub struct Inner<'a> {
    /// The tool that is called.
    pub tool: &'a Tool,
    /// The arguments.
    pub arguments: Carried<'a>,
}

impl<'a> Inner<'a> {
    /// Finds the call inside a call with these arguments.
    ///
    /// # Errors
    ///
    /// [`Reason::UnknownTool`] and [`Reason::NestedCall`], and as [`Question::by`] where the
    /// arguments name no tool, or carry arguments in a form that the tool could read in another way.
    pub fn of(
        bundle: &'a Bundle,
        wraps: &Wraps,
        arguments: Option<&'a Object<'a>>,
    ) -> Result<Self, Denial> {
        let name = wraps.name(arguments).map_err(|error| invalid(&error, ""))?;
        let tool = bundle.tool(wraps.server(), name);
        let tool = tool.ok_or_else(|| Denial::because(Reason::UnknownTool).of_inner())?;
        if tool.wraps().is_some() {
            return Err(Denial::because(Reason::NestedCall));
        }
        let carried = wraps.carried(arguments, bundle.limits.depth, bundle.limits.values);
        Ok(Self { tool, arguments: carried.map_err(|error| invalid(&error, ""))? })
    }

    /// The question for the inner call, which is that for a direct call.
    ///
    /// # Errors
    ///
    /// As [`Question::by`].
    pub fn question(
        &'a self,
        caller: Arc<Caller>,
        bundle: &'a Bundle,
        facts: &'a Facts,
    ) -> Result<Question<'a>, Denial> {
        Question::by(caller, bundle, self.tool, self.arguments.as_object(), facts)
            .map_err(Denial::of_inner)
    }
}

impl Verdict {
    /// The verdict about a call with an inner call. That is only decided if something permits the
    /// outer one. A denial for which no policy is evaluated holds with shadow policies enforced too.
    #[must_use]
    pub fn and_inner(self, decide: impl FnOnce() -> Result<Self, Denial>) -> Self {
        let may_pass = |outcome: &Result<Permit, Denial>| outcome.is_ok();
        if !may_pass(&self.outcome) && !self.staged.as_ref().is_some_and(may_pass) {
            return self;
        }
        let mut inner = decide();
        let of_inner = inner.as_mut().map(|inner| std::mem::take(&mut inner.revealed));
        let revealed = self.revealed.with_inner(of_inner.unwrap_or_default());
        let of = |outer: Result<Permit, Denial>, staged: bool| {
            let outer = outer?;
            let inner = match &inner {
                Ok(Self { staged: Some(outcome), .. }) if staged => outcome,
                Ok(Self { outcome, .. }) => outcome,
                Err(denial) => return Err(denial.clone()),
            };
            let inner = inner.as_ref().map_err(|denial| denial.clone().of_inner())?;
            Ok(outer.with(inner))
        };
        Self {
            outcome: of(self.outcome, false),
            staged: self.staged.map(|outcome| of(outcome, true)),
            revealed,
            approval: self.approval,
        }
    }
}

impl Permit {
    /// The permit of a call and of its inner call, or for two parties. The same layers apply to both.
    pub(super) fn with(self, inner: &Self) -> Self {
        let mut policies = self.policies;
        policies.extend(inner.policies.iter().cloned());
        policies.sort_unstable();
        policies.dedup();
        Self { policies, ..self }
    }
}
