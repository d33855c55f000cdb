//! Decides questions by the same exchange as the filter.

use std::cell::RefCell;

use super::answer::Answer;
use super::question::{Asked, Question, Resource};
use crate::bundle::Bundle;
use crate::cli::analysis::run::{self, Outcome};
use crate::cli::clock;
use crate::cli::input::cases::{Call, Called, Identity, Sent};
use crate::cli::output::exit::Stop;
use crate::cli::output::report::{self, Problem};
use crate::cli::random;
use crate::exchange::Arrival;
use crate::gate::Gate;
use crate::identity::{Actor, identify};
use crate::memory::{Secret, Store};
use crate::reason::Decision;
use crate::record;
use crate::tool::Tool;

/// A bundle, and what is remembered of the calls that it has decided.
pub(super) struct Pdp {
    gate: Gate,
    /// The token that the bundle reads.
    token: String,
    memory: RefCell<Store>,
}

impl Pdp {
    /// A decision point for a bundle.
    ///
    /// # Errors
    ///
    /// The bundle needs what only a proxy has, or it is not clear which token it reads.
    pub(super) fn new(
        bundle: Bundle,
        environment: String,
        token: Option<&str>,
    ) -> Result<Self, Stop> {
        let token = token_of(&bundle, token)?;
        let budgets = bundle.memory.iter().flat_map(|memory| &memory.budgets);
        if let Some(global) = budgets.into_iter().find(|budget| budget.is_global()) {
            let message = format!(
                "the budget `{}` is global, and this service cannot ask the rate limit service",
                global.title
            );
            let help = "serve a bundle without it, or put the calls behind a proxy with the filter";
            return Err(Problem::new(message).with_help(help).into());
        }
        if let Some((capability, header)) = bundle.identity.in_own_headers().next() {
            let name = &capability.token;
            let message = format!(
                "the token `{name}` comes in the header `{header}`, which nobody sends here"
            );
            let help = "serve a bundle without it, or put the calls behind a proxy with the filter";
            return Err(Problem::new(message).with_help(help).into());
        }
        if bundle.memory.is_some() {
            report::talk(
                "warning: the bundle remembers earlier calls: this process knows only those that \
                 it has decided since it was started, takes every permitted one to be made, and \
                 learns nothing from results\n",
            );
        }
        let gate = Gate::without_servers(bundle, environment);
        let gate = gate.storing_by(&Secret::new(random::bytes()?));
        Ok(Self { gate, token, memory: RefCell::default() })
    }

    /// Decides a question, and writes its record.
    ///
    /// # Errors
    ///
    /// The question cannot be understood.
    pub(super) fn decide(&self, question: &Question) -> Result<Answer, String> {
        let (asked, resource) = question.call()?;
        let Some(tool) = self.tool(&asked.tool)? else {
            return Ok(Answer::denied("the bundle has no such tool"));
        };
        let channels = self.gate.bundle.channels();
        let channel = channels.into_iter().find(|channel| *channel.server == *tool.server());
        let Some(channel) = channel else {
            return Ok(Answer::denied("no channel of the bundle leads to the tool"));
        };
        let identity = self.identity(&asked)?;
        let call = Call {
            path: channel.path.clone(),
            authority: channel.authority.as_ref().map_or(Call::AUTHORITY, |it| it.as_str()).into(),
            called: Called::Tool(tool.wire_name().to_owned()),
            arguments: asked.arguments,
        };
        let sent = Sent {
            call: Some(&call),
            request: None,
            time: Some(clock::now()),
            source_ip: asked.source_ip,
        };
        let (mut arrival, body) = sent.arrival(Some(&identity));
        let entropy = random::bytes().map_err(|_| "the system gives no random numbers")?;
        arrival.entropy = u128::from_ne_bytes(entropy);
        Ok(self.answer(&arrival, &body, tool, resource))
    }

    fn answer(&self, arrival: &Arrival, body: &[u8], tool: &Tool, resource: &Resource) -> Answer {
        let mut memory = self.memory.borrow_mut();
        let looked = run::after(&self.gate, arrival, body, &memory);
        let denied = refused_here(&looked, tool, resource);
        let outcome = match denied {
            // What is not made is not remembered.
            Some(_) => looked,
            None => run::remembered(&self.gate, (arrival, body), &mut memory, true),
        };
        // Who cannot hear of it cannot be told otherwise.
        let _ = report::bytes(format!("{}\n", record::to_lines(&outcome.records)).as_bytes());
        denied.map_or_else(|| Answer::of(&outcome), Answer::denied)
    }

    /// The tool with this name: with its server's, or by itself if only one server has it.
    fn tool(&self, name: &str) -> Result<Option<&Tool>, String> {
        let tools = || self.gate.bundle.tools();
        if let Some(tool) = tools().find(|tool| tool.qualified_name() == name) {
            return Ok(Some(tool));
        }
        let mut named = tools().filter(|tool| tool.wire_name() == name);
        match (named.next(), named.next()) {
            (tool, None) => Ok(tool),
            (_, Some(_)) => Err(format!("several servers have `{name}`: write `<server>/{name}`")),
        }
    }

    /// The caller. An agent that whoever asks names must be the one that the bundle finds.
    fn identity(&self, asked: &Asked) -> Result<Identity, String> {
        let tokens = [(self.token.clone(), asked.claims.clone())].into();
        let identity = Identity { tokens, spiffe: None };
        let found = identify(&self.gate.bundle.identity, &identity.attested());
        let found = found.ok().map(|found| found.actor);
        let differs = |actor: &Option<Actor>| asked.agent != actor.as_ref().map(|it| it.id.clone());
        if asked.agent.is_some() && found.as_ref().is_some_and(differs) {
            return Err(
                "the bundle does not find the agent of `context.agent` in the claims: put \
                        it into `subject.properties`, where its tokens have it"
                    .to_owned(),
            );
        }
        Ok(identity)
    }
}

/// Why a call that the exchange permits is denied here.
fn refused_here(looked: &Outcome, tool: &Tool, resource: &Resource) -> Option<&'static str> {
    let is_permitted = looked.decision == Decision::Permit;
    let record = looked.telling().first().filter(|_| is_permitted)?;
    if !record.masked.is_empty() {
        return Some("parts of the result are to be withheld, which only a gate can do");
    }
    let names = [tool.qualified_name(), tool.wire_name(), tool.name()];
    let same = resource.is(names, tool.server(), record.resource.as_deref());
    (!same).then_some("`resource` is not what the call is about, as the bundle reads its arguments")
}

/// The token whose claims the properties of subjects are.
fn token_of(bundle: &Bundle, given: Option<&str>) -> Result<String, Problem> {
    let names = bundle.identity.token_names();
    let listed = || report::listed(names.iter().map(String::as_str));
    match (given, names.as_slice()) {
        (Some(given), names) if names.iter().any(|name| name == given) => Ok(given.to_owned()),
        (Some(given), _) => Err(Problem::new(format!("the bundle reads no token `{given}`"))
            .with_help(format!("it reads {}", listed()))),
        (None, [only]) => Ok(only.clone()),
        (None, []) => {
            Err(Problem::new("the bundle reads no token, and subjects have no other identity"))
        }
        (None, _) => Err(Problem::new("the bundle reads several tokens")
            .with_help(format!("choose one with `--token`: {}", listed()))),
    }
}
