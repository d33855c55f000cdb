//! Calls that can be tried on a bundle: its tools, as the identities of its test files.

use serde_json::Value;

use super::people::{self, Person};
use super::trial::{self, Expected};
use super::written::written;
use crate::bundle::Channel;
use crate::cli::analysis::run::Outcome;
use crate::cli::input::cases::{Call, Sent, Suite};
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::tool::Tool;

/// Where calls come from.
#[derive(Debug)]
pub struct Calls<'a> {
    gate: &'a Gate,
    channels: &'a [Channel],
    suite: &'a Suite,
    people: Vec<Person<'a>>,
}

/// A call by somebody.
#[derive(Debug)]
pub struct Request {
    person: Option<usize>,
    /// The call.
    pub call: Call,
}

impl<'a> Calls<'a> {
    /// The calls of a bundle.
    pub fn new(gate: &'a Gate, channels: &'a [Channel], suite: &'a Suite) -> Self {
        Self { gate, channels, suite, people: people::all(suite) }
    }

    /// Arguments that a tool takes: those of cases, then generated ones.
    pub fn arguments(&self, tool: &str) -> Vec<Value> {
        let tool = self.tool(tool);
        tool.map(|tool| trial::arguments(self.gate, self.suite, tool)).unwrap_or_default()
    }

    /// Whether a tool takes these arguments.
    pub fn takes(&self, tool: &str, arguments: &Value) -> bool {
        self.tool(tool).is_some_and(|tool| tool.takes(arguments))
    }

    /// A call with these arguments by everybody.
    pub fn by_all(&self, tool: &str, arguments: &Value) -> Vec<Request> {
        let Some(tool) = self.tool(tool) else { return Vec::new() };
        let Some(channel) = self.channels.iter().find(|c| *c.server == *tool.server()) else {
            return Vec::new();
        };
        let request = |person| Request { person, call: trial::call(channel, tool, arguments) };
        if self.people.is_empty() {
            vec![request(None)]
        } else {
            (0..self.people.len()).map(Some).map(request).collect()
        }
    }

    /// The request as it arrives.
    pub fn sent(&self, request: &Request) -> (Arrival, Vec<u8>) {
        let call = request.call.on_the_wire(&self.gate.bundle);
        let sent = Sent { call: Some(&call), request: None, time: None, source_ip: None };
        sent.arrival(self.person(request).map(|person| person.identity))
    }

    /// The case that expects this outcome: the file of its identity, and its YAML.
    pub fn written(
        &self,
        name: &str,
        request: &Request,
        outcome: &Outcome,
    ) -> (Option<String>, String) {
        let person = self.person(request);
        let text = written(name, person, &request.call, &Expected::from(outcome));
        (person.map(|person| person.file.clone()), text)
    }

    fn person(&self, request: &Request) -> Option<&Person<'a>> {
        self.people.get(request.person?)
    }

    fn tool(&self, name: &str) -> Option<&'a Tool> {
        self.gate.bundle.actions().find(|tool| tool.qualified_name() == name)
    }
}
