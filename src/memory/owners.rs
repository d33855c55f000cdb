//! Whose accounts a request is about.

use std::collections::BTreeSet;

use super::kept::Kept;
use super::settings::Part;
use super::{Key, Plan, Secret, Slot};
use crate::identity::Identity;

/// The keys of the accounts of a sender. They are made of the verified identity alone, so no session,
/// connection or header leads to another account.
#[derive(Debug)]
pub struct Owners {
    /// The principal and the actor, if their history is remembered.
    pub(super) caller: Option<Key>,
    /// The transaction of the token, likewise.
    pub(super) transaction: Option<Key>,
    /// Those of each budget, in the order of the plan.
    pub(super) budgets: Vec<Vec<Key>>,
    /// The tasks of the principal and the actor, if they are remembered.
    pub(super) tasks: Option<Key>,
    /// All accounts, each once.
    pub(super) accounts: Vec<Key>,
    slots: Vec<Slot>,
    /// The accounts as this sender has last stored them.
    kept: Kept,
}

/// A part of an owner, and its value, if the sender has it.
type Named = (Part, Option<String>);

impl Owners {
    /// The accounts of a sender in a bundle of this name. Another version of the bundle has the same.
    pub fn of(bundle: &str, plan: &Plan, identity: &Identity, secret: &Secret) -> Self {
        let key = |parts: &[Named]| Key::of(&("account", bundle, parts), secret);
        let keys = |per: &BTreeSet<Part>| {
            let parts: Vec<Vec<Named>> = of_owner(per).map(|part| values(part, identity)).collect();
            combined(&parts).iter().map(|parts| key(parts)).collect::<Vec<_>>()
        };
        let one = |per: &[Part]| keys(&per.iter().copied().collect()).into_iter().next();
        let has_transaction = identity.txn().is_some();
        let history = plan.has_history();
        let tasks = || {
            let parts = [Part::Principal, Part::Actor].map(|part| values(part, identity));
            Key::of_tasks(&("tasks", bundle, parts), secret)
        };
        let caller = one(&[Part::Principal, Part::Actor]).filter(|_| history);
        let transaction = one(&[Part::Transaction]).filter(|_| history && has_transaction);
        let budgets = plan.budgets.iter().map(|budget| keys(&budget.per)).collect();
        Self::new(caller, transaction, budgets, plan.binds_tasks.then(tasks))
    }

    /// The owners of these accounts.
    pub(super) fn new(
        caller: Option<Key>,
        transaction: Option<Key>,
        budgets: Vec<Vec<Key>>,
        tasks: Option<Key>,
    ) -> Self {
        let histories = caller.into_iter().chain(transaction);
        let accounts = each_once(histories.chain(budgets.iter().flatten().copied()));
        let slots = each_once(accounts.iter().copied().chain(tasks).map(|key| key.slot));
        Self { caller, transaction, budgets, tasks, accounts, slots, kept: Kept::default() }
    }

    /// The accounts in which calls are remembered.
    pub(super) fn histories(&self) -> impl Iterator<Item = Key> {
        self.caller.into_iter().chain(self.transaction)
    }

    /// The accounts as this sender has last stored them.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The slots of all accounts, each once, and that of the tasks.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

/// Sorted values, each once.
fn each_once<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The parts of an account's key. What a tool has is counted apart within the account.
pub(super) fn of_owner(per: &BTreeSet<Part>) -> impl Iterator<Item = Part> {
    per.iter().copied().filter(|part| !matches!(part, Part::Tool | Part::Class))
}

/// The values that a sender has for a part of an owner: one, or one for each team.
fn values(part: Part, identity: &Identity) -> Vec<Named> {
    let principal = &identity.principal;
    // As Cedar writes it: with the id in quotes, no other type and id read the same.
    let person = format!("{}::{:?}", principal.type_name, principal.id);
    let value = match part {
        Part::Team if principal.teams.is_empty() => None,
        Part::Team => {
            return principal.teams.iter().map(|team| (part, Some(team.clone()))).collect();
        }
        Part::Tenant => principal.tenant.clone(),
        Part::Principal => Some(person),
        Part::Actor => identity.actor.as_ref().map(|actor| actor.uid.to_string()),
        // A client may be able to choose it or to leave it out, so it never joins two people.
        Part::Transaction => {
            let token = identity.transaction();
            let txn = token.and_then(|token| Some((token.issuer.as_ref(), token.txn.as_ref()?)));
            Some(match txn {
                Some((issuer, txn)) => format!("{person} {issuer:?} {txn:?}"),
                None => person,
            })
        }
        Part::Tool | Part::Class => None,
    };
    vec![(part, value)]
}

/// All combinations of one value of each part.
fn combined(parts: &[Vec<Named>]) -> Vec<Vec<Named>> {
    parts.iter().fold(vec![Vec::new()], |combinations, values| {
        let longer = |known: &Vec<Named>| {
            let known = known.clone();
            values.iter().map(move |value| [known.clone(), vec![value.clone()]].concat())
        };
        combinations.iter().flat_map(longer).collect()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture;
    use crate::identity::{Attested, identify};

    #[test]
    fn no_type_and_id_read_like_others() {
        let bundle = fixture::bundle();
        let tokens = [("session".to_owned(), fixture::claims())].into();
        let identity = identify(&bundle.identity, &Attested { tokens, peer: None }).unwrap();
        let known = |type_name: &str, id: &str, part: Part| {
            let mut identity = identity.clone();
            (identity.principal.type_name, identity.principal.id) = (type_name.into(), id.into());
            values(part, &identity)
        };
        for part in [Part::Principal, Part::Transaction] {
            assert_ne!(known("A::B", "c", part), known("A", "B::c", part), "{part:?}");
            assert_ne!(known("A", "b\" \"c", part), known("A", "b\\\" \\\"c", part), "{part:?}");
            assert_ne!(known("A", "b\"", part), known("A", "b\\", part), "{part:?}");
        }
        assert_eq!(json!(known("A", "b", Part::Principal)), json!([["principal", "A::\"b\""]]));
    }
}
