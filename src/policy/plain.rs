//! Takes the place of `native` in a build without it. It has no answer, so Cedar evaluates every
//! policy of a layer over all entities.

use std::marker::PhantomData;
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityUID, Policy};
use cedar_policy_core::entities::Entities;

use super::compiled::{annotation, parse};
use super::{CompiledPolicy, Env, Policies, PolicySource, Unreadable};

/// The policies of one layer, each of them compiled.
#[derive(Debug, Default)]
pub struct Index(Vec<Result<Arc<CompiledPolicy>, Unreadable>>);

impl Index {
    /// An index with room for so many policies.
    pub fn with_capacity(policies: usize) -> Self {
        Self(Vec::with_capacity(policies))
    }

    /// Adds the next policy of the layer, and returns its `@mode`.
    pub fn add(&mut self, source: PolicySource<'_>) -> Option<String> {
        let policy = parse(source);
        let mode = policy.as_ref().and_then(|policy| annotation(policy, "mode"));
        let compiled = policy.map(|policy| Arc::new(CompiledPolicy::of(&policy)));
        self.0.push(compiled.ok_or_else(|| Unreadable(source.id.to_owned())));
        mode
    }
}

/// The policies of one layer.
#[derive(Debug, Default)]
pub struct PolicyCache {
    sources: Policies,
    index: Index,
}

impl PolicyCache {
    /// Policies and the index of them.
    pub fn new(sources: Policies, index: Index) -> Self {
        Self { sources, index }
    }

    /// The policies as text.
    pub fn sources(&self) -> &Policies {
        &self.sources
    }

    /// The active policies, by position.
    ///
    /// # Errors
    ///
    /// The first of them that Cedar cannot parse.
    pub fn candidates(
        &self,
        _: &RequestKeys<'_>,
        is_active: impl Fn(u32) -> bool,
    ) -> Result<Vec<Arc<CompiledPolicy>>, Unreadable> {
        let policies = (0..).zip(&self.index.0);
        policies.filter(|(at, _)| is_active(*at)).map(|(_, policy)| policy.clone()).collect()
    }
}

/// What the index would look for.
#[derive(Clone, Copy, Debug)]
pub struct RequestKeys<'a>(PhantomData<&'a ()>);

impl<'a> RequestKeys<'a> {
    /// Those of a call.
    pub fn of(_: &Env<'a>) -> Self {
        Self(PhantomData)
    }
}

/// A policy for which there is no evaluator but Cedar's.
#[derive(Debug)]
pub(super) struct Matcher;

impl Matcher {
    pub(super) fn of(_: &Policy) -> Self {
        Self
    }

    pub(super) fn matches(&self, _: &Env<'_>) -> Option<bool> {
        None
    }
}

/// An entity, and nothing that follows from it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) entity: Arc<Entity>,
}

impl Node {
    pub(super) fn of(entity: Entity) -> Self {
        Self { entity: Arc::new(entity) }
    }
}

/// A graph of entities that selects none.
#[derive(Debug)]
pub(super) struct Graph;

impl Graph {
    pub(super) fn of(_: &Entities) -> Self {
        Self
    }

    pub(super) fn slice<'a>(
        &self,
        _: &Node,
        _: impl Iterator<Item = &'a EntityUID>,
    ) -> Option<Entities> {
        None
    }
}
