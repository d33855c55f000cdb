//! What a verdict is about: the calls of a tool, or those that reveal a label of its result.

use cedar_policy::RequestEnv;

use super::formula::Formula;
use crate::bundle::Bundle;
use crate::tool::{Label, Tool};

/// Why there is no verdict on a label that only the old bundle has.
pub(super) const LOST: &str =
    "the new bundle does not have the label: whoever calls the tool gets its parts";

/// The calls of a tool, or those that reveal a label of its result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) tool: &'a Tool,
    pub(super) label: Option<&'a Label>,
}

impl<'a> Subject<'a> {
    /// The calls of a tool, then those that reveal each of its labels.
    pub(super) fn all(tool: &'a Tool) -> impl Iterator<Item = Self> {
        let labels = tool.labels().iter().map(Some);
        std::iter::once(None).chain(labels).map(move |label| Self { tool, label })
    }

    /// The formula of a bundle, in which the tool can have another description. A part without a
    /// label is shown with every permitted call.
    ///
    /// # Errors
    ///
    /// Why the bundle has none that could be compared.
    pub(super) fn formula(
        self,
        bundle: &Bundle,
        tool: &Tool,
        env: &RequestEnv,
    ) -> Result<Formula, String> {
        let known = self.label.and_then(|label| named(tool, &label.name));
        let (Some(label), Some(known)) = (self.label, known) else {
            return Formula::of(bundle, tool, env);
        };
        let is_within =
            |some: &Label, all: &Label| some.parts.iter().all(|it| all.parts.contains(it));
        if !is_within(label, known) || !is_within(known, label) {
            let parts = tool.marks().labels.get(&*label.name);
            let parts = parts.map(|parts| parts.join("`, `")).unwrap_or_default();
            return Err(format!("the label was on other parts of the result: `{parts}`"));
        }
        Formula::of_label(bundle, tool, known, env)
    }
}

/// The labels of a tool that another description of it lacks.
pub(super) fn lost<'a>(before: &'a Tool, after: &Tool) -> impl Iterator<Item = &'a Label> {
    before.labels().iter().filter(|label| named(after, &label.name).is_none())
}

fn named<'a>(tool: &'a Tool, label: &str) -> Option<&'a Label> {
    tool.labels().iter().find(|it| *it.name == *label)
}
