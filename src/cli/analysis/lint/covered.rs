//! Finds permits that a `forbid` always covers: every call that matches the permit also matches the
//! `forbid`.
//!
//! A `forbid` covers a permit if every fact that it requires follows from a fact that the permit
//! requires. This has no false positives and finds the usual mistakes, but it is not complete. Each
//! `forbid` is indexed by its rarest fact, so that each permit is compared with few of them.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Effect, Entities, Policy};
use serde_json::Value;

use super::expression::implied;
use super::facts::Facts;
use super::world::Read;
use crate::bundle::{Code, Finding, LayerName, Site};

/// The number of a fact.
type Id = usize;

/// A summary of every policy.
pub(super) struct Covered<'a> {
    entities: &'a Entities,
    ids: HashMap<String, Id>,
    /// The facts implied by each fact, itself included.
    implied: Vec<Vec<Id>>,
    forbids: Vec<Alternative<'a>>,
    permits: Vec<Permission<'a>>,
}

/// A policy with one of the actions that its scope lists.
struct Alternative<'a> {
    layer: &'a LayerName,
    policy: &'a str,
    facts: Vec<Id>,
}

struct Permission<'a> {
    layer: &'a LayerName,
    policy: &'a str,
    alternatives: Vec<Vec<Id>>,
}

impl<'a> Covered<'a> {
    pub(super) fn new(entities: &'a Entities) -> Self {
        Self {
            entities,
            ids: HashMap::new(),
            implied: Vec::new(),
            forbids: Vec::new(),
            permits: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, read: &Read<'a>) {
        self.take(read.layer, read.policy, &read.facts);
    }

    fn take(&mut self, layer: &'a LayerName, policy: &'a Policy, facts: &Facts) {
        let all: Vec<Id> = facts.all.iter().map(|fact| self.id(fact)).collect();
        let actions: Vec<Id> = facts.actions.iter().map(|fact| self.id(fact)).collect();
        let alternatives: Vec<Vec<Id>> = if actions.is_empty() {
            vec![all]
        } else {
            let with = |action| all.iter().copied().chain([action]).collect();
            actions.into_iter().map(with).collect()
        };
        let effect = policy.effect();
        let policy = policy.id().as_ref();
        match effect {
            Effect::Permit => self.permits.push(Permission { layer, policy, alternatives }),
            Effect::Forbid => {
                let forbids = alternatives.into_iter();
                self.forbids.extend(forbids.map(|facts| Alternative { layer, policy, facts }));
            }
        }
    }

    /// The number of a fact. Its implied facts are computed on first use.
    fn id(&mut self, fact: &Value) -> Id {
        let id = self.number(fact.to_string());
        if self.implied.get(id).is_some_and(Vec::is_empty) {
            let consequences: Vec<String> =
                implied(fact, self.entities).iter().map(ToString::to_string).collect();
            let consequences = consequences.into_iter().map(|text| self.number(text)).collect();
            if let Some(implied) = self.implied.get_mut(id) {
                *implied = consequences;
            }
        }
        id
    }

    fn number(&mut self, text: String) -> Id {
        let next = self.implied.len();
        let id = *self.ids.entry(text).or_insert(next);
        if id == next {
            self.implied.push(Vec::new());
        }
        id
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let index = self.index();
        self.permits.iter().filter_map(move |permit| {
            let covering = |facts: &Vec<Id>| self.covering(&index, permit.layer, facts);
            let covering: Option<Vec<&str>> = permit.alternatives.iter().map(covering).collect();
            let mut covering = covering?;
            covering.sort_unstable();
            covering.dedup();
            let list = covering.join("`, `");
            let layer = permit.layer.clone();
            let site = Site::Policy { layer, id: permit.policy.to_owned() };
            let message = format!("whatever it permits, `{list}` forbids");
            let help = "narrow the `forbid`, or remove the permit";
            Some(Finding::new(Code::AlwaysForbidden, site, message).with_help(help))
        })
    }

    /// Indexes each `forbid` by its layer and its rarest fact, if it has any.
    fn index(&self) -> HashMap<(&LayerName, Option<Id>), Vec<&Alternative<'a>>> {
        let mut count: HashMap<Id, usize> = HashMap::new();
        for id in self.forbids.iter().flat_map(|forbid| &forbid.facts) {
            let count = count.entry(*id).or_default();
            *count = count.saturating_add(1);
        }
        let mut index: HashMap<_, Vec<_>> = HashMap::new();
        for forbid in &self.forbids {
            let rarest = forbid.facts.iter().min_by_key(|id| count.get(*id)).copied();
            index.entry((forbid.layer, rarest)).or_default().push(forbid);
        }
        index
    }

    /// A `forbid` that matches whenever these facts hold. The forbids of the permit's own layer and
    /// of `org` apply wherever the permit does.
    fn covering(
        &self,
        index: &HashMap<(&LayerName, Option<Id>), Vec<&Alternative<'a>>>,
        layer: &LayerName,
        facts: &[Id],
    ) -> Option<&'a str> {
        let implied = facts.iter().filter_map(|id| self.implied.get(*id)).flatten();
        let hold: HashSet<Id> = implied.copied().collect();
        let keys = std::iter::once(None).chain(hold.iter().copied().map(Some));
        keys.flat_map(|fact| [(&LayerName::Org, fact), (layer, fact)])
            .filter_map(|key| index.get(&key))
            .flatten()
            .filter(|forbid| forbid.facts.iter().all(|fact| hold.contains(fact)))
            .map(|forbid| forbid.policy)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::{Entity, PolicyId};

    use super::*;

    fn uid(text: &str) -> cedar_policy::EntityUid {
        text.parse().expect("an entity")
    }

    /// A manager is a rep; `a` is in groups `g` and `h`, `b` only in `g`.
    fn entities() -> Entities {
        let child = |child: &str, parents: &[&str]| {
            Entity::new_no_attrs(uid(child), parents.iter().map(|parent| uid(parent)).collect())
        };
        let entities = [
            child("Role::\"manager\"", &["Role::\"rep\""]),
            child("Action::\"a\"", &["Action::\"g\"", "Action::\"h\""]),
            child("Action::\"b\"", &["Action::\"g\""]),
        ];
        Entities::from_entities(entities, None).expect("entities")
    }

    /// Checks whether the forbids (by layer) cover a permit in this layer.
    #[track_caller]
    fn check(forbids: &[(&str, &str)], layer: &str, permit: &str, expected: bool) {
        let entities = entities();
        let forbids = forbids.iter().map(|(layer, scope)| (*layer, format!("forbid {scope};")));
        let all = forbids.chain([(layer, format!("permit {permit};"))]).enumerate();
        let policies: Vec<(LayerName, Policy)> = all
            .map(|(number, (layer, text))| {
                let id = Some(PolicyId::new(number.to_string()));
                let layer = LayerName::try_from(layer.to_owned()).expect("a layer");
                (layer, Policy::parse(id, text).expect("a policy"))
            })
            .collect();
        let mut covered = Covered::new(&entities);
        for (layer, policy) in &policies {
            covered.take(layer, policy, &Facts::of(&policy.to_json().expect("JSON")));
        }
        assert_eq!(covered.findings().count() == 1, expected, "{permit}");
    }

    #[test]
    fn what_a_forbid_covers() {
        let anything = "(principal, action, resource)";
        let rep = "(principal in Role::\"rep\", action, resource)";
        check(&[("org", anything)], "org", rep, true);
        check(&[("org", anything)], "tenant/t", rep, true);
        check(&[("tenant/t", anything)], "tenant/t", rep, true);
        let manager = "(principal in Role::\"manager\", action == Action::\"a\", resource)";
        check(&[("org", rep)], "org", manager, true);
        let group = "(principal, action in Action::\"g\", resource)";
        check(&[("org", group)], "org", manager, true);
        let both = "(principal, action in [Action::\"a\", Action::\"b\"], resource)";
        check(&[("org", group)], "org", both, true);
        check(&[("org", both)], "org", "(principal, action == Action::\"b\", resource)", true);
        let each = ["a", "b"].map(|a| format!("(principal, action == Action::\"{a}\", resource)"));
        check(&[("org", &each[0]), ("org", &each[1])], "org", both, true);
        let when = format!("{anything} when {{ context.x }}");
        let more = format!("{rep} when {{ context.y < 3 && context.x }}");
        check(&[("org", &when)], "org", &more, true);
        let unless = format!("{anything} unless {{ context.z || 3 <= context.y }}");
        let fits = format!("{rep} when {{ context.y < 3 }} unless {{ context.z }}");
        check(&[("org", &unless)], "org", &fits, true);
        let member = format!("{anything} when {{ principal in Role::\"rep\" }}");
        check(&[("org", &member)], "org", manager, true);
    }

    #[test]
    fn what_it_does_not() {
        let anything = "(principal, action, resource)";
        let manager = "(principal in Role::\"manager\", action, resource)";
        let rep = "(principal in Role::\"rep\", action, resource)";
        check(&[("org", manager)], "org", rep, false);
        check(&[("tenant/t", anything)], "org", rep, false);
        check(&[("tenant/t", anything)], "tenant/u", rep, false);
        check(&[("tenant/t", anything)], "team/t", rep, false);
        let when = format!("{anything} when {{ context.x }}");
        check(&[("org", &when)], "org", rep, false);
        check(&[("org", &when)], "org", &format!("{rep} unless {{ context.x }}"), false);
        check(&[("org", &when)], "org", &format!("{rep} when {{ context.x || true }}"), false);
        let h = "(principal, action in Action::\"h\", resource)";
        let g = "(principal, action in Action::\"g\", resource)";
        check(&[("org", h)], "org", g, false);
        check(
            &[("org", h)],
            "org",
            "(principal, action in [Action::\"a\", Action::\"b\"], resource)",
            false,
        );
        check(&[("org", g)], "org", anything, false);
        check(&[("org", "(principal, action in [], resource)")], "org", g, false);
        check(&[("org", "(principal is User, action, resource)")], "org", rep, false);
        check(&[("org", "(principal, action, resource == Server::\"s\")")], "org", rep, false);
    }
}
