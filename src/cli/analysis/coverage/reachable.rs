//! What cases can reach in a bundle: policies, tools and reasons.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, Policy, PolicySet, ResourceConstraint};

use crate::bundle::{Bundle, Layer, LayerName};
use crate::cli::analysis::scope::{admits_action, admits_resource_type, is_for_everybody};
use crate::reason::Reason;
use crate::tool::{Tool, UnknownResource};

/// What the cases of a bundle have reached so far.
#[derive(Debug)]
pub struct Coverage {
    /// Every policy by id.
    pub policies: BTreeMap<String, PolicyCoverage>,
    /// Every tool of the inventory, and every method that policies decide, by qualified name.
    pub tools: BTreeMap<String, ToolCoverage>,
    /// Every budget by name.
    pub budgets: BTreeMap<String, BudgetCoverage>,
    /// The number of cases per reason. Every reason that is possible in the bundle is listed, even
    /// with none.
    pub reasons: BTreeMap<Reason, usize>,
    pub(super) layers: BTreeMap<LayerName, Halves>,
}

/// The coverage of a policy.
#[derive(Clone, Debug)]
pub struct PolicyCoverage {
    /// Its layer.
    pub layer: LayerName,
    /// Whether it is in shadow; outcomes that it determines in shadow count.
    pub in_shadow: bool,
    /// Its effect.
    pub effect: Effect,
    /// The number of cases whose outcome it determined.
    pub determined: usize,
    /// The number of cases in which it matched a call but other policies determined the outcome.
    pub matched: usize,
    /// The tools that its scope admits.
    pub admits: BTreeSet<String>,
    /// The tools for which it determined an outcome.
    pub(super) determined_about: BTreeSet<String>,
}

/// The coverage of a budget.
#[derive(Clone, Debug, Default)]
pub struct BudgetCoverage {
    /// The tools whose calls spend it.
    pub spent_by: BTreeSet<String>,
    /// The tools of which a call would have exceeded it in a case.
    pub exceeded_by: BTreeSet<String>,
}

/// The coverage of a tool.
#[derive(Clone, Debug, Default)]
pub struct ToolCoverage {
    /// Its classes.
    pub classes: Vec<String>,
    /// The number of cases that called it.
    pub cases: usize,
    /// The number of cases in which the call was permitted.
    pub permitted: usize,
    /// The number of cases in which policies refused it.
    pub refused: usize,
    /// Whether a policy could permit a call of it.
    pub(super) can_be_permitted: bool,
    /// Whether policies could refuse a call of it.
    pub(super) can_be_refused: bool,
}

impl Coverage {
    /// The coverage before any case.
    pub fn of(bundle: &Bundle) -> Self {
        let policies = bundle.all_layers().iter().flat_map(|layer| {
            layer.policies().policies().map(|policy| {
                let in_force =
                    bundle.shadow.is_none() && bundle.layers.policy(policy.id()).is_some();
                let admits = bundle.actions().filter(|tool| admits_tool(bundle, policy, tool));
                let coverage = PolicyCoverage {
                    layer: layer.name.clone(),
                    in_shadow: !in_force,
                    effect: policy.effect(),
                    determined: 0,
                    matched: 0,
                    admits: admits.map(|tool| tool.qualified_name().to_owned()).collect(),
                    determined_about: BTreeSet::new(),
                };
                (policy.id().to_string(), coverage)
            })
        });
        let tools = bundle.actions().map(|tool| {
            let name = tool.qualified_name().to_owned();
            (name, ToolCoverage::of(bundle, tool))
        });
        let reasons = Reason::ALL.iter().filter(|reason| can_come(bundle, **reason));
        Self {
            policies: policies.collect(),
            tools: tools.collect(),
            budgets: budgets(bundle),
            reasons: reasons.map(|reason| (*reason, 0)).collect(),
            layers: bundle
                .all_layers()
                .iter()
                .map(|layer| (layer.name.clone(), Halves::of(layer)))
                .collect(),
        }
    }
}

/// The budgets that tools spend.
fn budgets(bundle: &Bundle) -> BTreeMap<String, BudgetCoverage> {
    let mut budgets: BTreeMap<String, BudgetCoverage> = BTreeMap::new();
    // A bundle in shadow refuses nothing.
    let plan = bundle.memory.as_ref().filter(|_| bundle.shadow.is_none());
    for (plan, tool) in plan.into_iter().flat_map(|plan| bundle.actions().map(move |it| (plan, it)))
    {
        for budget in plan.budgets_of(tool) {
            let coverage = budgets.entry(budget.title.clone()).or_default();
            coverage.spent_by.insert(tool.qualified_name().to_owned());
        }
    }
    budgets
}

impl ToolCoverage {
    fn of(bundle: &Bundle, tool: &Tool) -> Self {
        let about = |policy: &&Policy| admits_tool(bundle, policy, tool);
        let all = || policies(bundle).filter(|(_, policy)| about(policy));
        // The other layers can only restrict what this one permits.
        let mut permits = all().filter(|(layer, policy)| {
            **layer == LayerName::Org && policy.effect() == Effect::Permit
        });
        let forbidden = all().any(|(_, policy)| policy.effect() == Effect::Forbid);
        Self {
            classes: tool.marks().classes.clone(),
            can_be_permitted: permits.clone().next().is_some(),
            can_be_refused: forbidden || !permits.any(|(_, policy)| permits_always(policy, tool)),
            ..Self::default()
        }
    }
}

/// The policies of a layer by effect. Evaluated alone, all matching policies of one effect are
/// determining.
#[derive(Debug)]
pub(super) struct Halves {
    pub(super) permits: PolicySet,
    pub(super) forbids: PolicySet,
}

impl Halves {
    fn of(layer: &Layer) -> Self {
        let half = |effect: Effect| {
            let policies = layer.policies().policies().filter(|policy| policy.effect() == effect);
            // The policies are from one set, so their ids are unique.
            PolicySet::from_policies(policies.cloned()).unwrap_or_default()
        };
        Self { permits: half(Effect::Permit), forbids: half(Effect::Forbid) }
    }
}

fn policies(bundle: &Bundle) -> impl Iterator<Item = (&LayerName, &Policy)> + Clone {
    let layers: Vec<&Layer> = bundle.all_layers().iter().collect();
    layers.into_iter().flat_map(|layer| {
        let policies: Vec<&Policy> = layer.policies().policies().collect();
        policies.into_iter().map(|policy| (&layer.name, policy))
    })
}

/// Whether a policy's scope admits the tool with any resource that its calls can have.
fn admits_tool(bundle: &Bundle, policy: &Policy, tool: &Tool) -> bool {
    let action = format!("Action::{:?}", tool.qualified_name()).parse();
    action.is_ok_and(|action| admits_action(policy, &action, bundle.entities()))
        && tool.resource_types().iter().any(|kind| admits_resource_type(policy, kind))
}

/// Whether a permit that admits the tool matches all its calls.
fn permits_always(policy: &Policy, tool: &Tool) -> bool {
    let any_resource = match policy.resource_constraint() {
        ResourceConstraint::Any => true,
        ResourceConstraint::Is(kind) => tool.resource_types() == [kind.to_string()],
        ResourceConstraint::Eq(only) => {
            !tool.has_many_resources() && only.id().unescaped() == tool.server()
        }
        ResourceConstraint::In(_) | ResourceConstraint::IsIn(..) => false,
    };
    any_resource && is_for_everybody(policy)
}

/// Whether the reason is possible in a bundle. Faults are not expected.
fn can_come(bundle: &Bundle, reason: Reason) -> bool {
    let has = |effect: Effect| policies(bundle).any(|(_, policy)| policy.effect() == effect);
    let identity = &bundle.identity;
    let tokens = identity.token_names();
    match reason {
        // A case has no response.
        Reason::Listed
        | Reason::ChangeTolerated
        | Reason::ToolChanged
        | Reason::UnreadableResponse
        | Reason::ResponseTooLarge
        | Reason::PolicyError
        // Nothing is forgotten in a case, and it has no service.
        | Reason::HistoryIncomplete
        | Reason::BudgetUnavailable
        // A case has no session.
        | Reason::SessionMismatch
        | Reason::Internal => false,
        Reason::Permitted => has(Effect::Permit),
        Reason::Forbidden => has(Effect::Forbid),
        Reason::BudgetExceeded => {
            bundle.memory.as_ref().is_some_and(|plan| !plan.budgets.is_empty())
        }
        Reason::BatchRefused => bundle.limits.calls > 1,
        Reason::InvalidIdentity => !tokens.is_empty(),
        Reason::IdentityMismatch => {
            let claims = |each| identity.actor_claims(each).len() > 1;
            identity.actor.must_match_spiffe
                || identity.actor.must_match_claim
                || tokens.len() > 1
                || identity.principal.iter().any(claims)
        }
        Reason::Shadow => bundle.shadow.is_some(),
        Reason::UnknownResource => {
            let mut named = bundle.tools().filter_map(|tool| tool.marks().resource.as_ref());
            named.any(|mark| mark.unknown == UnknownResource::Refuse)
        }
        Reason::NestedCall => {
            let wraps = |server: &str| {
                let is_of = |tool: &Tool| tool.server() == server && tool.wraps().is_some();
                bundle.tools().any(is_of)
            };
            bundle.tools().filter_map(Tool::wraps).any(|it| wraps(it.server()))
        }
        // No layer has the empty name.
        Reason::UnknownTenant => {
            let has_tenant = identity.principal.iter().any(|each| each.tenant.is_some());
            has_tenant && !bundle.knows_tenant("")
        }
        Reason::Lifecycle
        | Reason::NotPermitted
        | Reason::UnknownTool
        | Reason::MethodNotAllowed
        | Reason::InvalidArguments
        | Reason::Unauthenticated
        | Reason::UnknownChannel
        | Reason::UnsupportedMediaType
        | Reason::UnsupportedEncoding
        | Reason::BodyTooLarge
        | Reason::TooManyCalls
        | Reason::TooManyValues
        | Reason::MalformedBody
        | Reason::MalformedMessage
        | Reason::HeaderMismatch
        | Reason::UnsupportedVersion => true,
    }
}
