//! Who may call which tools: finds tools that no policy permits, permits for every principal,
//! permits of dangerous tools, and layers without a permit.
//!
//! Only `org` grants; the other layers restrict, so there a permit of everything means "no further
//! restriction".

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::facts;
use super::world::{Read, World};
use crate::bundle::{Code, Finding, LayerName, Site};
use crate::cli::output::report::listed;
use crate::tool::{SERVER, Tool};

pub(super) struct Reach<'a> {
    world: &'a World<'a>,
    high_risk: HashSet<&'a str>,
    permitted: HashSet<&'a str>,
    /// Scopes whose tools are already computed.
    seen: HashSet<String>,
    /// Whether the layer has a permit.
    layers: BTreeMap<&'a LayerName, bool>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(world: &'a World<'a>) -> Self {
        let classes = &world.document.manifest.high_risk.0;
        let is_high = |tool: &&&Tool| tool.marks().classes.iter().any(|c| classes.contains(c));
        let high_risk = world.tools.iter().filter(is_high).map(|tool| tool.qualified_name());
        Self {
            world,
            high_risk: high_risk.collect(),
            permitted: HashSet::new(),
            seen: HashSet::new(),
            layers: world.layers().map(|layer| (layer, false)).collect(),
        }
    }

    /// Checks one policy.
    pub(super) fn add(&mut self, read: &Read<'a>) -> Vec<Finding> {
        *self.layers.entry(read.layer).or_default() |= read.is_permit();
        if !read.is_permit() || *read.layer != LayerName::Org {
            return Vec::new();
        }
        let place =
            |fact: &&Value| facts::is_about(fact, "action") || facts::is_about(fact, "resource");
        let place: Vec<&Value> =
            read.facts.actions.iter().chain(read.facts.all.iter().filter(place)).collect();
        let is_new = self.seen.insert(format!("{place:?}"));
        let unconditional = read.is_unconditional();
        if !is_new && !unconditional {
            return Vec::new();
        }
        let tools = self.world.tools(read).into_iter();
        let tools: Vec<&Tool> =
            tools.filter(|tool| is_resource_of(tool, &read.facts.all)).collect();
        self.permitted.extend(tools.iter().map(|tool| tool.qualified_name()));
        if !unconditional {
            return Vec::new();
        }
        let found = [self.without_condition(read, &tools), for_everybody(read, &tools)];
        found.into_iter().flatten().collect()
    }

    fn without_condition(&self, read: &Read<'_>, tools: &[&Tool]) -> Option<Finding> {
        let names = tools.iter().map(|tool| tool.qualified_name());
        let names: Vec<&str> = names.filter(|name| self.high_risk.contains(name)).collect();
        if names.is_empty() {
            return None;
        }
        let message = format!("it permits {} without a condition", listed(names.into_iter()));
        let help = "say with `when` under which circumstances such a call is fine";
        Some(read.finding(Code::PermitWithoutCondition, message).with_help(help))
    }

    /// The findings that depend on all policies together.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let closed = self.world.tools.iter().copied();
        let closed = closed.filter(|tool| !self.permitted.contains(tool.qualified_name()));
        let closed = closed.map(unpermitted);
        let barren = self.layers.iter().filter(|(_, permits)| !**permits).map(|(layer, _)| {
            let message = "it permits nothing, so every call that it applies to is refused";
            let help = "every layer must permit: let it permit what it does not restrict";
            let site = Site::Layer((*layer).clone());
            Finding::new(Code::LayerWithoutPermit, site, message).with_help(help)
        });
        // If `org` permits nothing, every tool would have this finding.
        let org = self.layers.get(&LayerName::Org) == Some(&true);
        closed.filter(move |_| org).chain(barren)
    }
}

/// The finding about a tool or method that nobody may call.
fn unpermitted(tool: &Tool) -> Finding {
    let (server, name) = (tool.server(), tool.name());
    let (code, site, help) = if tool.is_method() {
        let site = Site::Manifest(format!("servers.{server}.methods.{name}"));
        (Code::UnpermittedMethod, site, "write a permit for it, or remove it here")
    } else {
        let help = "write a permit for it, or remove it from the tools file";
        (Code::UnpermittedTool, Site::tool(server, name), help)
    };
    Finding::new(code, site, "no policy of `org` permits it").with_help(help)
}

fn for_everybody(read: &Read<'_>, tools: &[&Tool]) -> Option<Finding> {
    let names = |fact: &Value| facts::is_about(fact, "principal") && fact.get("is").is_none();
    if tools.is_empty() || read.facts.all.iter().any(names) {
        return None;
    }
    let tools = listed(tools.iter().map(|tool| tool.qualified_name()));
    let message = format!("everybody with a verified identity may call {tools}");
    let help = "name a role or group in the scope, or a condition";
    Some(read.finding(Code::OpenPermit, message).with_help(help))
}

/// Whether a tool's resource is the server in the facts.
fn is_resource_of(tool: &Tool, facts: &[Value]) -> bool {
    let resources = facts.iter().filter_map(|fact| facts::sides(fact, "=="));
    let resources = resources.filter(|(left, _)| **left == facts::variable("resource"));
    let servers = resources.filter_map(|(_, right)| facts::entity(right));
    let mut servers = servers.filter(|uid| uid.type_name().to_string() == SERVER);
    let is_server = tool.resource_types().iter().any(|kind| kind == SERVER);
    servers.all(|uid| is_server && uid.id().unescaped() == tool.server())
}
