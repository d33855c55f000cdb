//! Finds policies that let a call pass because its token lacks an optional claim.
//!
//! Providers leave claims out, such as the groups of a person who is in many. A `forbid` for
//! members of a group does not match such a token.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{EntityTypeName, EntityUid, PrincipalConstraint};
use serde_json::Value;

use super::expression::attributes;
use super::facts::{entity, variable};
use super::world::{Read, World};
use crate::bundle::{Code, Finding};
use crate::identity::{ClaimPath, PrincipalMapping};

/// What optional claims give principals.
pub(super) struct Claims<'a> {
    mappings: &'a [PrincipalMapping],
    /// The types of static entities below each entity.
    below: HashMap<EntityUid, HashSet<EntityTypeName>>,
}

/// What a policy asks of the principal such that a call passes without it.
#[derive(Default)]
struct Asked {
    groups: BTreeSet<EntityUid>,
    attributes: BTreeSet<String>,
}

impl<'a> Claims<'a> {
    pub(super) fn of(world: &World<'a>) -> Self {
        let mut below: HashMap<EntityUid, HashSet<EntityTypeName>> = HashMap::new();
        let entities = world.entities();
        for uid in entities.iter().map(cedar_policy::Entity::uid) {
            for ancestor in entities.ancestors(&uid).into_iter().flatten() {
                below.entry(ancestor.clone()).or_default().insert(uid.type_name().clone());
            }
        }
        Self { mappings: &world.document.manifest.identity.principal, below }
    }

    /// The optional claim of an attribute of the principals that a policy is about.
    pub(super) fn of_attribute(&self, read: &Read<'_>, name: &str) -> Option<&'a ClaimPath> {
        self.of_policy(read).find_map(|mapping| {
            let attribute = mapping.attributes.get(name).filter(|attribute| attribute.optional)?;
            unnoticed(mapping, &attribute.claim)
        })
    }

    /// The optional claim that can make the principal a member of a group, directly or through a
    /// static entity.
    fn of_group(&self, read: &Read<'_>, group: &EntityUid) -> Option<&'a ClaimPath> {
        let below = self.below.get(group);
        let leads = |name: &EntityTypeName| {
            name == group.type_name() || below.is_some_and(|below| below.contains(name))
        };
        self.of_policy(read).find_map(|mapping| {
            let parents = mapping.parents.iter().filter(|parent| parent.optional);
            let mut leading = parents.filter(|parent| leads(parent.entity_type.as_cedar()));
            leading.find_map(|parent| unnoticed(mapping, &parent.claim))
        })
    }

    /// The mappings that give principals in the scope of a policy.
    fn of_policy(&self, read: &Read<'_>) -> impl Iterator<Item = &'a PrincipalMapping> {
        let only = match read.policy.principal_constraint() {
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => Some(name),
            PrincipalConstraint::Any | PrincipalConstraint::Eq(_) | PrincipalConstraint::In(_) => {
                None
            }
        };
        let fits = move |mapping: &&PrincipalMapping| {
            only.as_ref().is_none_or(|name| mapping.entity_type.as_cedar() == name)
        };
        self.mappings.iter().filter(fits)
    }

    /// Checks one policy.
    pub(super) fn check(&self, read: &Read<'_>, findings: &mut Vec<Finding>) {
        let asked = Asked::by(read);
        let passes = if read.is_permit() { "it permits the call" } else { "nothing is forbidden" };
        let found = |piece: &str, about: &str, claim: &ClaimPath, key: &str| {
            let message = format!("without the optional claim `{claim}`, {about}, and {passes}");
            let help = format!(
                "if every token has the claim, remove `optional: true` from `{key}`; if only some \
                 values may pass, demand them in `identity.principal.require`; else list in \
                 `identity.principal.refuse_if` the claim by which a token says that it leaves this \
                 one out"
            );
            read.finding_at(piece, Code::OptionalClaim, message).with_help(help)
        };
        for group in &asked.groups {
            if let Some(claim) = self.of_group(read, group) {
                let group = group.to_string();
                let key = format!("{{ claim: {claim} }} in identity.principal.parents");
                findings.push(found(&group, &format!("nobody is in `{group}`"), claim, &key));
            }
        }
        for name in &asked.attributes {
            if let Some(claim) = self.of_attribute(read, name) {
                let about = format!("there is no `principal.{name}`");
                let key = format!("identity.principal.attributes.{name}");
                findings.push(found(&format!("principal has {name}"), &about, claim, &key));
            }
        }
    }
}

/// A claim whose absence is not explained by the token, so that `refuse_if` notices it.
fn unnoticed<'a>(mapping: &PrincipalMapping, claim: &'a ClaimPath) -> Option<&'a ClaimPath> {
    let mut refused = mapping.refuse_if.iter();
    let noticed = refused.any(|refused| refused.steps().last() == claim.steps().last());
    // A token without a claim of which values are demanded is refused.
    let demanded = mapping.require.iter().any(|requirement| requirement.claim == *claim);
    (!noticed && !demanded).then_some(claim)
}

impl Asked {
    fn by(read: &Read<'_>) -> Self {
        let mut asked = Self::default();
        if let PrincipalConstraint::In(group) | PrincipalConstraint::IsIn(_, group) =
            read.policy.principal_constraint()
            && !read.is_permit()
        {
            asked.groups.insert(group);
        }
        read.visit_passing(&mut |operator, operand| asked.add(operator, operand));
        asked
    }

    fn add(&mut self, operator: &str, operand: &Value) {
        if operand.get("left") != Some(&variable("principal")) {
            return;
        }
        match operator {
            "in" => self.add_groups(operand.get("right")),
            "is" => self.add_groups(operand.get("in")),
            "has" => {
                self.attributes.extend(attributes(operand).next().map(str::to_owned));
            }
            _ => {}
        }
    }

    fn add_groups(&mut self, groups: Option<&Value>) {
        let Some(groups) = groups else { return };
        let set = groups.get("Set").and_then(Value::as_array);
        let groups = set.map_or(std::slice::from_ref(groups), Vec::as_slice);
        self.groups.extend(groups.iter().filter_map(entity));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle;
    use crate::cli::input::directory::{Opened, SourceMap};
    use crate::fixture;

    /// The findings about a policy, where groups and `level` are optional.
    #[track_caller]
    fn check(policy: &str, expected: &[&str]) {
        let mut document = fixture::document_json();
        document["schema"] = json!(
            "entity Role; entity Unit; entity Group in [Unit]; entity Agent; entity Server;
             entity User in [Role, Group] { tenant: String, level?: Long };
             entity Guest in [Group]; entity Trainee in [Group];"
        );
        let group = json!({ "claim": "groups", "type": "Group", "optional": true });
        let principal = &mut document["manifest"]["identity"]["principal"];
        principal["parents"].as_array_mut().unwrap().push(group);
        principal["attributes"]["level"] =
            json!({ "claim": "level", "type": "Long", "optional": true });
        let guest = json!({ "tokens": ["guest"], "type": "Guest", "refuse_if": ["_claim_names.groups"],
            "parents": [{ "claim": "groups", "type": "Group", "optional": true }] });
        let trainee = json!({ "tokens": ["trainee"], "type": "Trainee",
            "require": [{ "claim": "groups", "values": ["temps", "staff"] }],
            "parents": [{ "claim": "groups", "type": "Group", "optional": true }] });
        *principal = json!([principal, guest, trainee]);
        document["entities"] = json!([{ "uid": "Server::\"pay\"" },
            { "uid": "Group::\"temps\"", "parents": ["Unit::\"hire\""] }, { "uid": "Unit::\"hire\"" }]);
        let policy = format!("@id(\"it\") {policy};");
        document["layers"] = json!({ "org": [{ "id": "it", "source": policy }] });
        let document = serde_json::from_value(document).unwrap();
        let loaded = bundle::load(&document).unwrap();
        let opened = Opened { document, loaded, map: SourceMap::default(), warnings: Vec::new() };
        let world = World::of(&opened);
        let claims = Claims::of(&world);
        let mut findings = Vec::new();
        for (layer, policy) in world.policies() {
            claims.check(&world.read(layer, policy), &mut findings);
        }
        assert!(findings.iter().all(|finding| finding.code == Code::OptionalClaim));
        let found: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, expected, "{policy}");
    }

    #[test]
    fn calls_that_pass_without_a_claim() {
        let forbid = |when: &str| format!("forbid (principal, action, resource) {when}");
        let temps = "without the optional claim `groups`, nobody is in `Group::\"temps\"`, and nothing is forbidden";
        let staff = &temps.replace("temps", "staff");
        let hire = "without the optional claim `groups`, nobody is in `Unit::\"hire\"`, and nothing is forbidden";
        let permits = "without the optional claim `groups`, nobody is in `Group::\"temps\"`, and it permits the call";
        let level = "without the optional claim `level`, there is no `principal.level`, and nothing is forbidden";
        check("forbid (principal in Group::\"temps\", action, resource)", &[temps]);
        check("forbid (principal is User in Group::\"temps\", action, resource)", &[temps]);
        check("forbid (principal in Unit::\"hire\", action, resource)", &[hire]);
        check(
            &forbid("when { principal in [Group::\"temps\", Group::\"staff\"] }"),
            &[staff, temps],
        );
        check(
            &forbid(
                "when { context.request.path == \"/\" && principal is User in Group::\"temps\" }",
            ),
            &[temps],
        );
        check(&forbid("unless { !(principal in Group::\"temps\") }"), &[temps]);
        let guarded =
            "is User, action, resource) when { principal has level && principal.level > 3 }";
        check(&format!("forbid (principal {guarded}"), &[level]);
        check(
            "permit (principal, action, resource) unless { principal in Group::\"temps\" }",
            &[permits],
        );
    }

    #[test]
    fn calls_that_do_not_pass_without_it() {
        for policy in [
            "permit (principal in Group::\"temps\", action, resource)",
            "permit (principal, action, resource) when { principal in Group::\"temps\" }",
            "forbid (principal, action, resource) unless { principal in Group::\"temps\" }",
            // Its claim is required.
            "forbid (principal in Role::\"rep\", action, resource)",
            // A token without groups of a trainee is refused.
            "forbid (principal is Trainee in Group::\"temps\", action, resource)",
            // Guests' tokens are refused if they say that groups are left out.
            "forbid (principal is Guest in Group::\"temps\", action, resource)",
            "forbid (principal == User::\"ann\", action, resource)",
            "forbid (principal is User, action, resource) unless { principal has level && principal.level > 3 }",
        ] {
            check(policy, &[]);
        }
    }
}
