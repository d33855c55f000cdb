//! The Cedar types of what policies see of memory.

use std::fmt::Write as _;

use super::plan::{Budget, HistoryPlan, Plan};
use super::settings::RunawaySettings;
use crate::tool::Tool;

impl Plan {
    /// The types in the namespace `toolgate`.
    pub fn types(&self) -> String {
        let history = self.history.as_ref().map(HistoryPlan::types).unwrap_or_default();
        let runaway = self.runaway.as_ref().map(RunawaySettings::types).unwrap_or_default();
        let amount = "  type Amount = { used: decimal, limit: decimal, remaining: decimal, would_use: decimal };\n";
        let amount = if self.budgets.iter().all(Budget::is_global) { "" } else { amount };
        format!("{history}{runaway}{amount}")
    }

    /// The members of `context` for calls of a tool.
    pub fn members(&self, tool: &Tool) -> String {
        let mut members = String::new();
        if self.history.is_some() {
            members.push_str(",\n  history: toolgate::History,\n  transaction?: toolgate::History");
        }
        if self.runaway.is_some() {
            members.push_str(",\n  runaway: toolgate::Runaway");
        }
        let budgets = self.budgets_of(tool).filter(|budget| !budget.is_global());
        let budgets: Vec<String> =
            budgets.map(|budget| format!("{}: toolgate::Amount", budget.title)).collect();
        if !budgets.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(members, ",\n  budget: {{ {} }}", budgets.join(", "));
        }
        members
    }
}

impl HistoryPlan {
    fn types(&self) -> String {
        let tools = attributes(self.tools.iter().map(|(name, _)| (name.as_str(), "Use")));
        let classes = attributes(self.classes.iter().map(|(name, _)| (name.as_str(), "Use")));
        let sums = attributes(self.sums.iter().map(|(name, _)| (name.as_str(), "Sum")));
        let labels = attributes(self.labels.iter().map(|label| (label.text.as_str(), "Attached")));
        let window = [
            ("calls", "Long", true),
            ("refusals", "Long", true),
            ("tools", "Tools", true),
            ("classes", "Classes", !self.classes.is_empty()),
            ("sums", "Sums", !self.sums.is_empty()),
            ("resources", "Long", self.resources),
            ("same_call", "Long", self.repeats),
        ];
        let window = window.into_iter().filter(|(_, _, is_there)| *is_there);
        let window = attributes(window.map(|(name, of, _)| (name, of)));
        let labelled = (!self.labels.is_empty()).then_some(("labels", "Labels"));
        let windows = self.windows.iter().map(|(name, _)| (name.as_str(), "Window"));
        let history = attributes(windows.chain(labelled));
        format!(
            "  type Use = {{ calls: Long, first?: Long, last?: Long }};
  type Sum = {{ used: decimal, would_use: decimal }};
  type Attached = {{ attached: Bool, last?: Long, tenants: Set<String> }};
  type Tools = {tools};
  type Classes = {classes};
  type Sums = {sums};
  type Labels = {labels};
  type Window = {window};
  type History = {history};
"
        )
    }
}

impl RunawaySettings {
    fn types(&self) -> String {
        let known = [
            ("identical", self.identical.is_some()),
            ("refusals", self.refusals.is_some()),
            ("rate", self.rate.is_some()),
        ];
        let known = known.into_iter().filter(|(_, is_there)| *is_there);
        format!("  type Runaway = {};\n", attributes(known.map(|(name, _)| (name, "Bool"))))
    }
}

fn attributes<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let attributes = attributes.map(|(name, of)| format!("\"{}\": {of}", name.escape_default()));
    let attributes: Vec<String> = attributes.collect();
    if attributes.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", attributes.join(", ")) }
}
