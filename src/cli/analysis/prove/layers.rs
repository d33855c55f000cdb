//! Which layers apply to a call, as conditions.

use cedar_policy_core::ast::{Eid, EntityUID, Expr, Var};

use super::syntax::UNSEEN;
use crate::bundle::{Bundle, Layer, LayerName};

/// A layer with the condition under which it does not apply.
#[derive(Debug)]
pub(super) struct Applied<'a> {
    /// The layer.
    pub(super) layer: &'a Layer,
    /// Holds for the calls that the layer does not apply to.
    pub(super) elsewhere: Expr,
}

/// The enforced layers.
pub(super) fn of(bundle: &Bundle) -> impl Iterator<Item = Applied<'_>> {
    bundle.layers.iter().map(|layer| Applied { layer, elsewhere: elsewhere(bundle, &layer.name) })
}

fn elsewhere(bundle: &Bundle, layer: &LayerName) -> Expr {
    match layer {
        LayerName::Org => Expr::val(false),
        LayerName::Tenant(name) => {
            let same = Expr::is_eq(tenant(), Expr::val(name.as_str()));
            Expr::not(Expr::and(has_tenant(), same))
        }
        LayerName::Team(name) => {
            let teams = Expr::get_attr(unseen(), "teams".into());
            Expr::not(Expr::contains(teams, Expr::val(name.as_str())))
        }
        LayerName::Agent(name) => {
            let delegation = Expr::get_attr(Expr::var(Var::Context), "delegation".into());
            let agents = Expr::get_attr(delegation, "agents".into());
            let agent_type = bundle.identity.actor.entity_type.as_cedar().as_ref().clone();
            let agent = EntityUID::from_components(agent_type, Eid::new(name.as_str()), None);
            Expr::not(Expr::contains(agents, Expr::val(agent)))
        }
    }
}

/// Whether the bundle has policies for the principal's tenant, or needs none.
pub(super) fn known_tenant(bundle: &Bundle) -> Expr {
    // No tenant has this name.
    if bundle.knows_tenant("") {
        return Expr::val(true);
    }
    let known = bundle.all_layers().iter().filter_map(|layer| match &layer.name {
        LayerName::Tenant(name) => Some(Expr::val(name.as_str())),
        LayerName::Org | LayerName::Team(_) | LayerName::Agent(_) => None,
    });
    let known: Vec<_> = known.collect();
    let none = Expr::not(has_tenant());
    if known.is_empty() { none } else { Expr::or(none, Expr::contains(Expr::set(known), tenant())) }
}

fn unseen() -> Expr {
    Expr::get_attr(Expr::var(Var::Context), UNSEEN.into())
}

fn has_tenant() -> Expr {
    Expr::has_attr(unseen(), "tenant".into())
}

fn tenant() -> Expr {
    Expr::get_attr(unseen(), "tenant".into())
}
