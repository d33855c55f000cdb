//! What cases can reach of the labels on results.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, Policy};

use super::admitted::{admits, has_any_resource};
use super::halves::Halves;
use crate::bundle::{Bundle, Layer, LayerName};
use crate::cli::analysis::scope::covers;
use crate::tool::{Label, Tool, reveal_group};

/// A label on the result of a tool.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ResultLabel {
    /// The tool, by its qualified name.
    pub tool: String,
    /// The label.
    pub label: String,
}

impl ResultLabel {
    pub(super) fn new(tool: &Tool, label: &Label) -> Self {
        Self { tool: tool.qualified_name().to_owned(), label: label.name.to_string() }
    }
}

/// The name of its action.
impl std::fmt::Display for ResultLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.tool, reveal_group(&self.label))
    }
}

/// The coverage of a label.
#[derive(Clone, Debug, Default)]
pub struct LabelCoverage {
    /// The number of cases in which it is revealed.
    pub revealed: usize,
    /// The number of cases in which it is withheld from a permitted call.
    pub withheld: usize,
    /// Whether policies could reveal it.
    pub(super) can_be_revealed: bool,
    /// Whether policies could withhold it.
    pub(super) can_be_withheld: bool,
}

/// The labels of all tools.
pub(super) fn all(bundle: &Bundle) -> BTreeMap<ResultLabel, LabelCoverage> {
    let labels = bundle.actions().flat_map(|tool| {
        let coverage =
            |label| (ResultLabel::new(tool, label), LabelCoverage::of(bundle, tool, label));
        tool.labels().iter().map(coverage)
    });
    labels.collect()
}

/// Those of the labels that a policy can determine. A policy in shadow determines none.
pub(super) fn determined_by(
    bundle: &Bundle,
    all: &BTreeMap<ResultLabel, LabelCoverage>,
    (layer, policy): (&LayerName, &Policy),
) -> BTreeSet<ResultLabel> {
    if bundle.layers.policy(policy.id()).is_none() {
        return BTreeSet::new();
    }
    let labels = bundle.actions().flat_map(|tool| tool.labels().iter().map(move |it| (tool, it)));
    let determined = labels.filter_map(|(tool, label)| {
        let (name, about) = (ResultLabel::new(tool, label), About { bundle, tool, label });
        let LabelCoverage { can_be_revealed, can_be_withheld, .. } = all.get(&name)?;
        let can_come = match policy.effect() {
            Effect::Permit => *can_be_revealed && about.is_of_label(policy),
            // What another layer forbids is only reached if `org` reveals the label.
            Effect::Forbid => {
                let is_reached = *layer == LayerName::Org || *can_be_revealed;
                *can_be_withheld && is_reached && about.withholds(policy)
            }
        };
        can_come.then_some(name)
    });
    determined.collect()
}

/// The enforced policies of each layer that are about labels.
pub(super) fn halves(bundle: &Bundle) -> BTreeMap<LayerName, Halves> {
    let is_about_labels = |policy: &Policy| {
        let of_tool = |tool: &Tool| {
            let mut labels = tool.labels().iter();
            labels.any(|label| About { bundle, tool, label }.is_of_label(policy))
        };
        bundle.actions().any(of_tool)
    };
    let halves = |layer: &Layer| (layer.name.clone(), Halves::of(layer, is_about_labels));
    bundle.layers.iter().map(halves).collect()
}

/// A label while it is asked which policies are about it.
#[derive(Clone, Copy)]
struct About<'a> {
    bundle: &'a Bundle,
    tool: &'a Tool,
    label: &'a Label,
}

impl<'a> About<'a> {
    fn is_of_call(self, policy: &Policy) -> bool {
        admits(self.bundle, policy, self.tool, self.tool.action())
    }

    fn is_of_label(self, policy: &Policy) -> bool {
        admits(self.bundle, policy, self.tool, Some(&self.label.action))
    }

    /// Whether a `forbid` of the label can match a permitted call. One that is about the call, too,
    /// refuses it.
    fn withholds(self, policy: &Policy) -> bool {
        self.is_of_label(policy) && !self.is_of_call(policy)
    }

    /// The permits of `org`, which the other layers can only restrict.
    fn permits(self) -> impl Iterator<Item = &'a Policy> {
        let org = self.bundle.layers.iter().filter(|layer| layer.name == LayerName::Org);
        let policies = org.flat_map(|layer| layer.policies().policies());
        policies.filter(|policy| policy.effect() == Effect::Permit)
    }
}

impl LabelCoverage {
    fn of(bundle: &Bundle, tool: &Tool, label: &Label) -> Self {
        let about = About { bundle, tool, label };
        let calls: Vec<_> = about.permits().filter(|policy| about.is_of_call(policy)).collect();
        // Labels are decided for permitted calls only.
        if calls.is_empty() {
            return Self::default();
        }
        let reveals: Vec<_> = about.permits().filter(|policy| about.is_of_label(policy)).collect();
        let always = reveals.iter().filter(|policy| !policy.has_non_scope_constraint());
        let always: Vec<_> = always.map(|it| (it, has_any_resource(it, tool))).collect();
        let is_revealed = |call: &&Policy| {
            about.is_of_label(call) || always.iter().any(|(it, any)| covers(it, call, *any))
        };
        let mut all = bundle.layers.iter().flat_map(|layer| layer.policies().policies());
        let is_forbidden =
            all.any(|policy| policy.effect() == Effect::Forbid && about.withholds(policy));
        Self {
            can_be_revealed: !reveals.is_empty(),
            can_be_withheld: is_forbidden || !calls.iter().all(is_revealed),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle;
    use crate::fixture;

    /// The policies of the fixture permit the call to the role `rep`. These are the goals about its
    /// label and about policies that determine it.
    #[track_caller]
    fn check(policies: &[&str], expected: (bool, bool), determining: &[&str]) {
        let mut document = fixture::document_json();
        document["manifest"]["servers"]["pay"]["tools"]["get"] =
            json!({ "labels": { "pii": ["email"] } });
        for (id, policy) in ('a'..).zip(policies) {
            let policy = json!({ "id": id, "source": format!("@id(\"{id}\") {policy}") });
            document["layers"]["org"].as_array_mut().unwrap().push(policy);
        }
        let document = serde_json::from_value(document).unwrap();
        let bundle = bundle::load(&document).unwrap().bundle;
        let labels = all(&bundle);
        let (_, label) = labels.iter().next().unwrap();
        assert_eq!((label.can_be_revealed, label.can_be_withheld), expected, "{policies:?}");
        let layer = bundle.all_layers().iter().next().unwrap();
        let determines =
            |policy: &&Policy| !determined_by(&bundle, &labels, (&layer.name, policy)).is_empty();
        let found = layer.policies().policies().filter(determines).map(|it| it.id().to_string());
        let found: BTreeSet<String> = found.collect();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), determining);
    }

    #[test]
    fn goals_are_what_policies_can_come_to() {
        let all = r#"permit (principal, action in Action::"reveal:pii", resource)"#;
        let (always, sometimes) =
            (format!("{all};"), format!("{all} when {{ context.input.id == \"x\" }};"));
        let reps = always.replace("principal", r#"principal in Role::"rep""#);
        let others = always.replace("principal", r#"principal in Role::"hr""#);
        let forbid = always.replace("permit", "forbid");
        let everything = "forbid (principal, action, resource) when { principal.tenant == \"x\" };";
        check(&[], (false, true), &[]);
        check(&[&sometimes], (true, true), &["a"]);
        check(&[&others], (true, true), &["a"]);
        // Whoever may call the tool sees the part.
        check(&[&always], (true, false), &["a"]);
        check(&[&reps], (true, false), &["a"]);
        check(&[&others, &always], (true, false), &["a", "b"]);
        check(&[&always, &forbid], (true, true), &["a", "b"]);
        check(&[&forbid], (false, true), &["a"]);
        // It forbids the call itself.
        check(&[&always, everything], (true, false), &["a"]);
        let shadow = format!("@mode(\"shadow\") {always}");
        check(&[&shadow], (false, true), &[]);
    }
}
