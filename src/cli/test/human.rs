//! Prints a test run as text.

use std::fmt::Write as _;

use cedar_policy::Effect;
use serde_json::Value;

use super::summary::Summary;
use crate::cli::analysis::coverage::{LabelCoverage, Measure, PolicyCoverage, Suggestion};
use crate::cli::analysis::run::Outcome;
use crate::cli::analysis::verdict::Verdict;
use crate::cli::output::escape::shown;
use crate::cli::output::report::{Tone, counted, tinted};

/// How many uncovered reasons are printed on one line.
const REASONS_IN_A_ROW: usize = 4;

impl Summary<'_> {
    pub(super) fn human(&self) -> String {
        let failures = self.verdicts.iter().filter(|verdict| !verdict.passed());
        let mut text: String = failures.map(|verdict| self.failure(verdict)).collect();
        if let Some(filter) = self.filter {
            let only =
                format!("only cases with `{filter}` in their name ran: no coverage is judged");
            let _ = writeln!(text, "{}\n", tinted(Tone::Quiet, &only));
        }
        let counts = [self.policies(), self.tools(), self.labels(), self.reasons()];
        for part in counts.into_iter().chain([self.classes(), self.missing()]) {
            text.push_str(&part);
        }
        let failed = self.failed();
        let all = counted(self.verdicts.len(), "case");
        let outcome = if failed == 0 {
            tinted(Tone::Good, &format!("{all} passed"))
        } else {
            tinted(Tone::Bad, &format!("{failed} of {all} failed"))
        };
        let reached = self.coverage.policies.values().filter(|policy| policy.determined > 0);
        let (reached, policies) = (reached.count(), self.coverage.policies.len());
        let lacking: Vec<&str> = self.lacking().map(name).collect();
        let lacking = match lacking.join(", ") {
            none if none.is_empty() => none,
            some => tinted(Tone::Bad, &format!("; not enough of {some}")),
        };
        let _ = writeln!(
            text,
            "{outcome}; {reached} of {policies} policies reached{lacking}\n{}",
            self.bundle
        );
        text
    }

    fn failure(&self, verdict: &Verdict<'_>) -> String {
        let name = &verdict.case.name;
        let mut text = format!("{} {}\n  {name}\n", tinted(Tone::Bad, "failed"), verdict.place);
        text.push_str(&differences(verdict));
        let environment = self.environment.map(|name| format!(" --environment {name}"));
        let bundle = format!("{}{}", self.directory.display(), environment.unwrap_or_default());
        let more = format!("toolgate explain {bundle} --case {name:?}");
        let _ = writeln!(text, "  {}\n", tinted(Tone::Quiet, &format!("for more: {more}")));
        text
    }

    fn policies(&self) -> String {
        let policies = &self.coverage.policies;
        let width = policies.keys().map(String::len).max().unwrap_or(0);
        let mut text = heading("policies and the cases they determined");
        for (id, policy) in policies {
            let PolicyCoverage { layer, effect, determined, matched, .. } = policy;
            let place = self.map.policy(layer, id).map(ToString::to_string).unwrap_or_default();
            let effect = effect_name(*effect);
            let mut line = format!("  {determined:5}  {effect:6}  {id:width$}  {place}");
            if *matched > 0 {
                let more = counted(*matched, "case");
                let _ = write!(line, "  (matched in {more} that others determined)");
            }
            let line = if *determined == 0 { tinted(Tone::Odd, &line) } else { line };
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
        text
    }

    fn tools(&self) -> String {
        let mut text = heading("tools and the cases that called them");
        let width = self.coverage.tools.keys().map(String::len).max().unwrap_or(0);
        for (name, tool) in &self.coverage.tools {
            let outcomes = format!("{} permitted, {} refused", tool.permitted, tool.refused);
            let classes = tool.classes.join(" ");
            let line = format!("  {:5}  {name:width$}  {outcomes}  {classes}", tool.cases);
            let line = line.trim_end();
            let reached = tool.permitted > 0 && tool.refused > 0;
            let line = if reached { line.to_owned() } else { tinted(Tone::Odd, line) };
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
        text
    }

    /// Empty if no tool has labels.
    fn labels(&self) -> String {
        let labels = &self.coverage.labels;
        if labels.is_empty() {
            return String::new();
        }
        let mut text = heading("labels of results and the cases that had them");
        let width = labels.keys().map(|label| label.to_string().len()).max().unwrap_or(0);
        for (label, LabelCoverage { revealed, withheld, .. }) in labels {
            let name = label.to_string();
            let line = format!("  {name:width$}  {revealed} revealed, {withheld} withheld");
            let reached = *revealed > 0 && *withheld > 0;
            let line = if reached { line } else { tinted(Tone::Odd, &line) };
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
        text
    }

    fn reasons(&self) -> String {
        let mut text = heading("reasons and the cases that had them");
        let (never, had): (Vec<_>, Vec<_>) =
            self.coverage.reasons.iter().partition(|(_, cases)| **cases == 0);
        for (reason, cases) in had {
            let _ = writeln!(text, "  {cases:5}  {}", reason.as_str());
        }
        for row in never.chunks(REASONS_IN_A_ROW) {
            let row: Vec<&str> = row.iter().map(|(reason, _)| reason.as_str()).collect();
            let _ = writeln!(text, "{}", tinted(Tone::Odd, &format!("      0  {}", row.join(" "))));
        }
        text.push('\n');
        text
    }

    fn classes(&self) -> String {
        let mut text = heading("coverage");
        let width = self.measures.iter().map(|measure| name(measure).len()).max().unwrap_or(0);
        for measure in &self.measures {
            let (percent, reached, goals) = (measure.percent(), measure.reached, measure.goals());
            let minimum = measure.minimum.map(|minimum| format!("  minimum {minimum} %"));
            let line = format!(
                "  {percent:3} %  {:width$}  {reached} of {goals}{}",
                name(measure),
                minimum.unwrap_or_default()
            );
            let line = if measure.is_enough() { line } else { tinted(Tone::Bad, &line) };
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
        text
    }

    /// Why a minimum is not reached, and cases that would help.
    fn missing(&self) -> String {
        let mut text = String::new();
        for measure in self.lacking() {
            text.push_str(&heading(&format!("missing for {}", name(measure))));
            for goal in &measure.missing {
                let _ = writeln!(text, "  {goal}");
            }
            text.push('\n');
        }
        text.push_str(&self.suggested(
            "cases that would help, as the bundle decides them today: is that what it should?",
            true,
        ));
        text.push_str(
            &self.suggested(
                "cases to be completed: nobody in the test files comes to this yet",
                false,
            ),
        );
        text
    }

    fn suggested(&self, about: &str, tried: bool) -> String {
        suggested(about, self.suggestions.iter().filter(|suggestion| suggestion.tried == tried))
    }
}

/// Suggested cases, below the name of their file; empty if there are none.
pub(super) fn suggested<'a>(
    about: &str,
    suggestions: impl Iterator<Item = &'a Suggestion>,
) -> String {
    let (mut text, mut file) = (String::new(), None);
    for suggestion in suggestions {
        if let Some(name) = suggestion.file.as_ref().filter(|name| file != Some(*name)) {
            let _ = writeln!(text, "  # {name}");
            file = Some(name);
        }
        text.push_str(&suggestion.text);
    }
    if text.is_empty() { text } else { format!("{}{text}\n", heading(about)) }
}

fn heading(text: &str) -> String {
    format!("{}\n", tinted(Tone::Heading, text))
}

/// The name of a measure: its class.
pub(super) fn name(measure: &Measure) -> &str {
    measure.class.as_deref().unwrap_or("all tools")
}

pub(super) fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}

/// The differences between the expected and the actual outcome.
pub(super) fn differences(verdict: &Verdict<'_>) -> String {
    let mut text = String::new();
    for mismatch in &verdict.mismatches {
        let (expected, actual) = (plain(&mismatch.expected), plain(&mismatch.actual));
        let _ = writeln!(
            text,
            "    {:9} expected {expected}\n{:14}but got  {actual}",
            mismatch.what, ""
        );
    }
    let telling = verdict.outcome.as_ref().map(Outcome::telling).unwrap_or_default();
    for detail in telling.iter().filter_map(|record| record.detail.as_deref()) {
        let _ = writeln!(text, "    {:9} {}", "detail", shown(detail));
    }
    if let Some(help) = &verdict.help {
        let _ = writeln!(text, "    {:9} {}", "help", shown(help));
    }
    if let Some(fault) = &verdict.fault {
        let _ = writeln!(text, "    the way the body arrives makes a difference: {fault}");
    }
    text
}

/// Strings and lists of strings without JSON's quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Null => "none".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
