//! Searches for a call that a bundle and its change decide differently.

use std::collections::HashMap;

use serde_json::Value;

use super::change::Change;
use crate::bundle::Channel;
use crate::cli::analysis::constants;
use crate::cli::analysis::coverage::{Calls, Coverage, Request};
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::input::cases::Suite;
use crate::gate::Gate;

/// The most tools that are tried.
const TOOLS: usize = 8;

/// The most arguments of a tool into which constants are put.
const BASES: usize = 12;

/// The most calls that are tried for one change.
const TRIALS: usize = 2000;

/// A case that passes now and fails with a change.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Case {
    pub(in crate::cli) name: String,
    /// The file with its identity.
    pub(in crate::cli) file: Option<String>,
    pub(in crate::cli) yaml: String,
    /// Whether no earlier change was noticed by it.
    pub(in crate::cli) is_new: bool,
}

/// The calls that can be made.
pub(super) struct Search<'a> {
    gate: &'a Gate,
    coverage: &'a Coverage,
    calls: Calls<'a>,
    /// Arguments by tool.
    arguments: HashMap<String, Vec<Value>>,
    /// The calls that made a difference so far.
    found: Vec<(Request, Case)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        gate: &'a Gate,
        channels: &'a [Channel],
        suite: &'a Suite,
        coverage: &'a Coverage,
    ) -> Self {
        let calls = Calls::new(gate, channels, suite);
        let tools = gate.bundle.actions();
        let arguments = tools
            .map(|tool| (tool.qualified_name().to_owned(), calls.arguments(tool.qualified_name())));
        Self { gate, coverage, arguments: arguments.collect(), calls, found: Vec::new() }
    }

    /// A case that passes now and fails with the change.
    pub(super) fn case(&mut self, changed: &Gate, policy: &str, change: &Change) -> Option<Case> {
        let known = self.found.iter().find(|(request, _)| self.differs(changed, request).is_some());
        if let Some((_, case)) = known {
            return Some(Case { is_new: false, ..case.clone() });
        }
        let (request, outcome) = self.search(changed, policy, change)?;
        let decides = format!("{policy} decides {}", request.call.called.name());
        let same = self.found.iter().filter(|(_, case)| case.name.starts_with(&decides)).count();
        let name = match same {
            0 => decides,
            same => format!("{decides} {}", same.saturating_add(1)),
        };
        let (file, yaml) = self.calls.written(&name, &request, &outcome);
        let case = Case { name, file, yaml, is_new: true };
        self.found.push((request, case.clone()));
        Some(case)
    }

    fn search(&self, changed: &Gate, policy: &str, change: &Change) -> Option<(Request, Outcome)> {
        let tools = self.coverage.policies.get(policy)?.admits.iter().take(TOOLS);
        let candidates = tools.flat_map(|tool| {
            let arguments = self.candidates(tool, change);
            let requests =
                arguments.into_iter().flat_map(|arguments| self.calls.by_all(tool, &arguments));
            requests.collect::<Vec<_>>()
        });
        let mut tried = candidates.take(TRIALS);
        tried.find_map(|request| {
            let outcome = self.differs(changed, &request)?;
            Some((request, outcome))
        })
    }

    /// The outcome of a call, if it is another one with the change.
    fn differs(&self, changed: &Gate, request: &Request) -> Option<Outcome> {
        let (arrival, body) = self.calls.sent(request);
        let now = run::whole(self.gate, &arrival, &body);
        let then = run::whole(changed, &arrival, &body);
        let same = now.reason == then.reason && now.policies == then.policies;
        (!same).then_some(now)
    }

    /// The arguments of calls, first those with a constant of the policy in them.
    fn candidates(&self, tool: &str, change: &Change) -> Vec<Value> {
        let Some(arguments) = self.arguments.get(tool) else { return Vec::new() };
        let bases = arguments.iter().take(BASES);
        let mut candidates: Vec<Value> =
            bases.flat_map(|base| constants::placed(base, &change.constants)).collect();
        candidates.retain(|candidate| self.calls.takes(tool, candidate));
        candidates.extend(arguments.iter().cloned());
        candidates
    }
}
