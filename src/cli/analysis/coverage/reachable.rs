//! What cases can reach in a bundle: policies, tools and reasons.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, Policy};

use super::admitted::{admits, has_any_resource};
use super::halves::Halves;
use super::labels::{self, LabelCoverage, ResultLabel};
use crate::bundle::{Bundle, Layer, LayerName};
use crate::cli::analysis::scope::is_for_everybody;
use crate::reason::Reason;
use crate::tool::{Tool, UnknownResource};

/// What the cases of a bundle have reached so far.
#[derive(Debug)]
pub struct Coverage {
    /// Every policy by id.
    pub policies: BTreeMap<String, PolicyCoverage>,
    /// Every tool of the inventory, and every method that policies decide, by qualified name.
    pub tools: BTreeMap<String, ToolCoverage>,
    /// Every label on the result of a tool.
    pub labels: BTreeMap<ResultLabel, LabelCoverage>,
    /// Every budget by name.
    pub budgets: BTreeMap<String, BudgetCoverage>,
    /// The number of cases per reason. Every reason that is possible in the bundle is listed, even
    /// with none.
    pub reasons: BTreeMap<Reason, usize>,
    pub(super) layers: BTreeMap<LayerName, Halves>,
    /// The enforced policies about labels.
    pub(super) revealing: BTreeMap<LayerName, Halves>,
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
    /// The number of cases whose outcome it determined, or that of a label.
    pub determined: usize,
    /// The number of cases in which it matched a call but other policies determined the outcome.
    pub matched: usize,
    /// The tools that its scope admits.
    pub admits: BTreeSet<String>,
    /// The labels that it can determine.
    pub labels: BTreeSet<ResultLabel>,
    /// The tools for which it determined an outcome.
    pub(super) determined_about: BTreeSet<String>,
    /// The labels that it determined.
    pub(super) determined_labels: BTreeSet<ResultLabel>,
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
        let labels = labels::all(bundle);
        let policies = bundle.all_layers().iter().flat_map(|layer| {
            layer.policies().policies().map(|policy| {
                let in_force =
                    bundle.shadow.is_none() && bundle.layers.policy(policy.id()).is_some();
                let is_about = |tool: &&Tool| {
                    let approval = bundle.approvals.as_ref().and_then(|_| tool.approve_action());
                    admits(bundle, policy, tool, tool.action())
                        || admits(bundle, policy, tool, approval.as_ref())
                };
                let admits = bundle.actions().filter(is_about);
                let coverage = PolicyCoverage {
                    layer: layer.name.clone(),
                    in_shadow: !in_force,
                    effect: policy.effect(),
                    determined: 0,
                    matched: 0,
                    admits: admits.map(|tool| tool.qualified_name().to_owned()).collect(),
                    labels: labels::determined_by(bundle, &labels, (&layer.name, policy)),
                    determined_about: BTreeSet::new(),
                    determined_labels: BTreeSet::new(),
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
            labels,
            tools: tools.collect(),
            budgets: budgets(bundle),
            reasons: reasons.map(|reason| (*reason, 0)).collect(),
            layers: bundle
                .all_layers()
                .iter()
                .map(|layer| (layer.name.clone(), Halves::of(layer, |_| true)))
                .collect(),
            revealing: labels::halves(bundle),
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
            let coverage = budgets.entry(budget.title.to_string()).or_default();
            coverage.spent_by.insert(tool.qualified_name().to_owned());
        }
    }
    budgets
}

impl ToolCoverage {
    fn of(bundle: &Bundle, tool: &Tool) -> Self {
        let about = |policy: &&Policy| admits(bundle, policy, tool, tool.action());
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

fn policies(bundle: &Bundle) -> impl Iterator<Item = (&LayerName, &Policy)> + Clone {
    let layers: Vec<&Layer> = bundle.all_layers().iter().collect();
    layers.into_iter().flat_map(|layer| {
        let policies: Vec<&Policy> = layer.policies().policies().collect();
        policies.into_iter().map(|policy| (&layer.name, policy))
    })
}

/// Whether a permit that admits the tool matches all its calls.
fn permits_always(policy: &Policy, tool: &Tool) -> bool {
    has_any_resource(policy, tool) && is_for_everybody(policy)
}

/// Whether a policy leaves calls to a person.
fn escalates(bundle: &Bundle) -> bool {
    policies(bundle).any(|(_, policy)| policy.annotation("escalate").is_some())
}

/// Whether the reason is possible in a bundle. Faults are not expected.
fn can_come(bundle: &Bundle, reason: Reason) -> bool {
    let has = |effect: Effect| policies(bundle).any(|(_, policy)| policy.effect() == effect);
    let identity = &bundle.identity;
    let tokens = identity.token_names();
    let capabilities = || identity.capabilities.iter();
    match reason {
        // A case has no response.
        Reason::Listed
        | Reason::ChangeTolerated
        // These are no outcomes of calls.
        | Reason::RunawayBegan
        | Reason::RunawayEnded
        | Reason::ToolChanged
        | Reason::UnreadableResponse
        | Reason::ResponseTooLarge
        | Reason::PolicyError
        // Nothing is forgotten in a case, and it has no service.
        | Reason::HistoryIncomplete
        | Reason::BudgetUnavailable
        // A case has no session, and no task.
        | Reason::SessionMismatch
        | Reason::TaskMismatch
        // Nobody signs in a case, and an approval is for the call that has it.
        | Reason::ApprovalDenied
        | Reason::ApprovalMismatch
        | Reason::ApprovalUnverified
        | Reason::ApprovalExpired
        | Reason::ApprovalUsed
        | Reason::ApprovalUnavailable
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
        Reason::ApprovalRequired => escalates(bundle),
        Reason::SelfApproval | Reason::ApproverNotPermitted => {
            bundle.approvals.is_some() && escalates(bundle)
        }
        Reason::InsufficientScope => {
            let has_scopes = |tool: &Tool| tool.marks().scopes.iter().flatten().next().is_some();
            bundle.tools().any(has_scopes) || !bundle.refusal.step_up.is_empty()
        }
        Reason::CapabilityMissing => capabilities().any(|each| !each.optional),
        Reason::CapabilityExceeded => capabilities().any(|each| {
            each.scopes.is_some() || each.tools.is_some() || !each.resources.is_empty()
        }),
        Reason::CapabilityAudience => capabilities().any(|each| each.audience.is_some()),
        Reason::CapabilityTenant => capabilities().any(|each| each.tenant.is_some()),
        Reason::CapabilityRepeated | Reason::CapabilityUnverified => {
            capabilities().any(|each| each.header.is_some())
        }
        Reason::CapabilityExpired
        | Reason::CapabilityNotYetValid
        | Reason::CapabilityMalformed
        | Reason::CapabilitySubject
        | Reason::CapabilityActor
        | Reason::CapabilityTransaction => capabilities().next().is_some(),
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
