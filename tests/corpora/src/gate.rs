//! Runs the gate's own code as corpora run Cedar. All uses of its policies, entities and decisions
//! are in this file.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{Entities, PolicySet};
use cedar_policy_core::ast::{Entity, EntityUID, Literal, Value, ValueKind};
use toolgate::decide::{Facts, Question};
use toolgate::gate::Caller;
use toolgate::policy::{
    ArgumentValue, CompiledPolicy, EntityStore, Fallback, Index, Policies, PolicyCache,
    PolicySource, RequestKeys, Unreadable, authorize, value,
};

use crate::answer::Said;

/// The members of a context.
pub(crate) type Members<'v> = BTreeMap<&'v str, &'v Value>;

/// Policies as in a bundle: found by the index, compiled lazily.
pub(crate) struct Layer(PolicyCache<CompiledPolicy>);

/// Static entities as in a bundle.
pub(crate) struct Store(EntityStore);

/// A request whose context is either members of `context` or arguments of a tool, in
/// `context.input`.
pub(crate) struct Asked<'v> {
    /// The principal. An entity with this uid in the store takes precedence.
    pub(crate) principal: &'v Entity,
    /// The action.
    pub(crate) action: &'v EntityUID,
    /// The resource.
    pub(crate) resource: &'v EntityUID,
    /// The members of `context`.
    pub(crate) members: Members<'v>,
    /// The members of `context.input`.
    pub(crate) arguments: Members<'v>,
}

/// The gate's answer, with statistics.
pub(crate) struct Reply {
    /// The answer.
    pub(crate) said: Said,
    /// The number of policies that the index found.
    pub(crate) found: usize,
    /// The number of them that Cedar's evaluator evaluated.
    pub(crate) cedar: usize,
}

impl Layer {
    /// A layer with all policies of a set.
    pub(crate) fn new(set: &PolicySet) -> Self {
        let mut sources = Policies::default();
        let mut index = Index::with_capacity(set.policies().count());
        for policy in set.policies() {
            let (id, source) = (policy.id().to_string(), policy.to_string());
            let source = PolicySource { id: &id, source: &source };
            index.add(source);
            sources.push(source);
        }
        Self(PolicyCache::new(sources, index, CompiledPolicy::parse))
    }

    /// Decides a request with the policies.
    ///
    /// # Errors
    ///
    /// Tells why the gate refuses it without policy evaluation.
    pub(crate) fn ask(&self, store: &Store, asked: &Asked<'_>) -> Result<Reply, String> {
        let Store(entities) = store;
        let principal =
            entities.admit(asked.principal).ok_or("the principal would be in itself")?;
        let own = |(name, value): (&&str, &&Value)| (interned(name), (*value).clone());
        let caller = Caller::of_parts(principal, asked.members.iter().map(own).collect());
        let facts = facts();
        let input = record(asked.arguments.iter().map(|(name, value)| (*name, *value)));
        let (caller, action, resource) = (Arc::new(caller), asked.action, asked.resource);
        let question = Question::of_parts(entities, caller, action, resource, input, &facts);
        self.answer(&question).map_err(|Unreadable(id)| format!("`{id}` does not read"))
    }

    fn answer(&self, question: &Question<'_>) -> Result<Reply, Unreadable> {
        let Self(policies) = self;
        let env = question.env();
        let found = policies.candidates(&RequestKeys::of(&env), |_| true)?;
        let fallback = Fallback::new(|| question.reachable(found.iter()));
        let count = Cell::new(0);
        let response = authorize(&found, &env, |policy| {
            count.set(count.get() + 1);
            fallback.matches(policy)
        });
        let ids = |policies: &[Arc<CompiledPolicy>]| {
            policies.iter().map(|policy| policy.id.clone()).collect()
        };
        let [permits, forbids, errors] = [response.permits, response.forbids, response.errors];
        let said = Said::of(ids(&permits), ids(&forbids), ids(&errors));
        Ok(Reply { said, found: found.len(), cedar: count.get() })
    }
}

impl Store {
    /// A store of these entities.
    pub(crate) fn new(entities: Entities) -> Self {
        Self(EntityStore::new(entities))
    }
}

/// What the gate observes of every request here.
fn facts() -> Facts {
    Facts {
        time: chrono::DateTime::UNIX_EPOCH,
        method: "POST".to_owned(),
        path: "/mcp".to_owned(),
        authority: "corpora".to_owned(),
        source_ip: None,
        trace_id: None,
        environment: "test".into(),
    }
}

/// The members of `context` besides the caller's, in Cedar's JSON format: `input` and `request`.
pub(crate) const OWN_MEMBERS: &str = r#"{
    "input": {},
    "request": {
        "time": { "__extn": { "fn": "datetime", "arg": "1970-01-01" } },
        "method": "POST",
        "path": "/mcp",
        "environment": "test"
    }
}"#;

fn record<'v>(members: impl Iterator<Item = (&'v str, &'v Value)>) -> ArgumentValue<'v> {
    ArgumentValue::Record(members.map(|(name, value)| (Cow::from(name), argument(value))).collect())
}

/// A value as an argument of a call.
fn argument(value: &Value) -> ArgumentValue<'_> {
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(truth)) => ArgumentValue::Bool(*truth),
        ValueKind::Lit(Literal::Long(number)) => ArgumentValue::Long(*number),
        ValueKind::Lit(Literal::String(text)) => ArgumentValue::Text(Cow::from(text.as_str())),
        ValueKind::Lit(Literal::EntityUID(uid)) => ArgumentValue::Entity(uid),
        ValueKind::Set(set) => ArgumentValue::Set(set.iter().map(argument).collect()),
        ValueKind::Record(members) => {
            record(members.iter().map(|(name, value)| (name.as_str(), value)))
        }
        ValueKind::ExtensionValue(_) => decimal(value)
            .map_or_else(|| ArgumentValue::Extension(value.clone()), ArgumentValue::Decimal),
    }
}

/// The value of a `decimal` in ten-thousandths.
fn decimal(written: &Value) -> Option<i64> {
    let text = written.to_string();
    let digits = text.strip_prefix("decimal(\"")?.strip_suffix("\")")?.replace('.', "");
    let number = digits.parse().ok()?;
    (value::decimal(number)? == *written).then_some(number)
}

/// A leaked copy of a member's name: the gate knows all names of its context when it is built.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    kept
}
