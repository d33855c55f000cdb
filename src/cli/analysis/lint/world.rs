//! What policies refer to: tools with their classes and arguments, and entities.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entities, EntityUid, Policy, PolicyId};
use serde_json::Value;

use super::expression::visit;
use super::facts::{self, Facts};
use crate::bundle::{
    Bundle, Code, Described, Document, Finding, LayerName, Layers, Policies, Site,
};
use crate::cli::input::directory::Opened;
use crate::tool::Tool;

/// Everything that rules read besides the policy itself.
pub(super) struct World<'a> {
    pub(super) document: &'a Document,
    pub(super) bundle: &'a Bundle,
    /// The Cedar schema, generated part included.
    pub(super) schema_text: &'a str,
    /// The tools, and the methods that policies decide.
    pub(super) tools: Vec<&'a Tool>,
    /// The tools of every action and action group, by its id.
    actions: HashMap<String, Vec<usize>>,
    /// The JSON Schema of the arguments, by the tool's full name.
    schemas: HashMap<String, &'a Value>,
    sources: HashMap<&'a str, &'a str>,
    in_force: HashSet<&'a PolicyId>,
    /// Policies that match nothing according to Cedar.
    impossible: HashSet<&'a str>,
}

/// A policy, read once for all rules.
pub(super) struct Read<'a> {
    pub(super) layer: &'a LayerName,
    pub(super) policy: &'a Policy,
    /// Its text.
    pub(super) source: &'a str,
    /// Its conditions in Cedar's JSON format.
    pub(super) conditions: Vec<Value>,
    pub(super) facts: Facts,
}

impl<'a> World<'a> {
    pub(super) fn of(opened: &'a Opened) -> Self {
        let (document, bundle) = (&opened.document, &opened.loaded.bundle);
        let tools: Vec<&Tool> = bundle.actions().collect();
        let mut actions: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, tool) in tools.iter().enumerate() {
            for action in tool.groups().chain([tool.qualified_name().to_owned()]) {
                actions.entry(action).or_default().push(position);
            }
        }
        let schemas = document.described().map(|described| {
            let Described { server, name, tool, .. } = described;
            (format!("{server}/{name}"), tool.input_schema())
        });
        let sources = document.layers.values().flat_map(Policies::iter);
        let sources = sources.map(|policy| (policy.id, policy.source));
        let warnings = opened.loaded.warnings.iter();
        let impossible = warnings.filter_map(|finding| match (&finding.site, finding.code) {
            (Site::Policy { id, .. }, Code::ImpossiblePolicy | Code::ImpossibleScope) => {
                Some(id.as_str())
            }
            _ => None,
        });
        Self {
            document,
            bundle,
            schema_text: &opened.loaded.schema_text,
            tools,
            actions,
            schemas: schemas.collect(),
            sources: sources.collect(),
            impossible: impossible.collect(),
            in_force: bundle
                .layers
                .iter()
                .flat_map(|l| l.policies().policies().map(Policy::id))
                .collect(),
        }
    }

    /// Every layer, those in shadow included.
    pub(super) fn layers(&self) -> impl Iterator<Item = &'a LayerName> {
        self.all_layers().iter().map(|layer| &layer.name)
    }

    /// Every policy with its layer, those in shadow included.
    pub(super) fn policies(&self) -> impl Iterator<Item = (&'a LayerName, &'a Policy)> {
        self.all_layers().iter().flat_map(|layer| {
            // Cedar returns them in no particular order.
            let mut policies: Vec<&Policy> = layer.policies().policies().collect();
            policies.sort_by(|a, b| a.id().cmp(b.id()));
            policies.into_iter().map(move |policy| (&layer.name, policy))
        })
    }

    fn all_layers(&self) -> &'a Layers {
        self.bundle.staged.as_ref().unwrap_or(&self.bundle.layers)
    }

    /// Whether a policy is enforced.
    pub(super) fn is_in_force(&self, policy: &PolicyId) -> bool {
        self.in_force.contains(policy)
    }

    /// Whether a policy matches nothing according to Cedar.
    pub(super) fn never_matches(&self, policy: &PolicyId) -> bool {
        self.impossible.contains(AsRef::<str>::as_ref(policy))
    }

    pub(super) fn read(&self, layer: &'a LayerName, policy: &'a Policy) -> Read<'a> {
        let mut json = policy.to_json().unwrap_or_default();
        let facts = Facts::of(&json);
        let conditions = match json.get_mut("conditions").map(Value::take) {
            Some(Value::Array(conditions)) => conditions,
            _ => Vec::new(),
        };
        let id: &str = policy.id().as_ref();
        let source = self.sources.get(id).copied().unwrap_or_default();
        Read { layer, policy, source, conditions, facts }
    }

    pub(super) fn entities(&self) -> &'a Entities {
        self.bundle.entities()
    }

    /// The tools of an action or an action group.
    fn tools_of(&self, action: &EntityUid) -> &[usize] {
        let id: &str = action.id().unescaped();
        self.actions.get(id).map_or(&[], Vec::as_slice)
    }

    /// The tools that a policy's scope, and the action constraints of its conditions, include.
    pub(super) fn tools(&self, read: &Read<'_>) -> Vec<&'a Tool> {
        let named = |fact: &Value| {
            let (_, right) = facts::sides(fact, "==").or_else(|| facts::sides(fact, "in"))?;
            let set = right.get("Set").and_then(Value::as_array);
            let actions = set.map_or(std::slice::from_ref(right), Vec::as_slice).iter();
            let tools = actions.filter_map(facts::entity).flat_map(|a| self.tools_of(&a).to_vec());
            Some(tools.collect::<HashSet<usize>>())
        };
        let mut positions: Vec<usize> = if read.facts.actions.is_empty() {
            (0..self.tools.len()).collect()
        } else {
            read.facts.actions.iter().filter_map(named).flatten().collect()
        };
        for fact in read.facts.all.iter().filter(|fact| facts::is_about(fact, "action")) {
            let is = facts::denied(fact).is_none();
            if let Some(named) = named(facts::denied(fact).unwrap_or(fact)) {
                positions.retain(|position| named.contains(position) == is);
            }
        }
        positions.sort_unstable();
        positions.dedup();
        positions.into_iter().filter_map(|position| self.tools.get(position).copied()).collect()
    }

    /// The server's JSON Schema of a tool's arguments.
    pub(super) fn schema(&self, tool: &Tool) -> Option<&'a Value> {
        self.schemas.get(tool.qualified_name()).copied()
    }
}

impl Read<'_> {
    /// A finding about the whole policy.
    pub(super) fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        let site = Site::Policy { layer: self.layer.clone(), id: self.policy.id().to_string() };
        Finding::new(code, site, message)
    }

    /// A finding about a part of the policy's text, if the text contains it as spelled here.
    pub(super) fn finding_at(&self, piece: &str, code: Code, message: String) -> Finding {
        let start = self.source.find(piece);
        let span = start.map(|start| start..start.saturating_add(piece.len()));
        Finding { span, ..self.finding(code, message) }
    }

    /// Visits every operation in the conditions that lets a call pass if it does not hold.
    pub(super) fn visit_passing(&self, operation: &mut impl FnMut(&str, &Value)) {
        self.visit(false, operation);
    }

    /// Visits every operation in the conditions that lets a call pass if it holds.
    pub(super) fn visit_admitting(&self, operation: &mut impl FnMut(&str, &Value)) {
        self.visit(true, operation);
    }

    fn visit(&self, holds: bool, operation: &mut impl FnMut(&str, &Value)) {
        for condition in &self.conditions {
            let when = condition.get("kind").is_some_and(|kind| kind == "when");
            // A call is permitted if a `forbid` does not match or a permit does.
            let passes = when != self.is_permit();
            visit(condition.get("body").unwrap_or(&Value::Null), passes != holds, operation);
        }
    }

    pub(super) fn is_permit(&self) -> bool {
        self.policy.effect() == cedar_policy::Effect::Permit
    }

    /// Whether a scope could express everything that the policy requires.
    pub(super) fn is_unconditional(&self) -> bool {
        self.facts.all.iter().all(facts::is_of_scope)
    }
}
