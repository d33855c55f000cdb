//! Takes the place of `native` in a build without it. It has no answer, so Cedar evaluates every
//! policy of a layer over all entities.

use std::marker::PhantomData;
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityUID, Policy};
use cedar_policy_core::entities::Entities;

use super::env::Environment;
use super::parse::{Unreadable, annotation, parse};
use super::{Policies, PolicySource};

/// Everything that policies can read about a call.
pub type Env<'a> = Environment<'a, Graph, Node>;

/// An index that finds nothing.
#[derive(Debug, Default)]
pub struct Index;

impl Index {
    /// An index with room for so many policies.
    pub fn with_capacity(_: usize) -> Self {
        Self
    }

    /// Adds the next policy of the layer, and returns its `@mode`.
    pub fn add(&mut self, source: PolicySource<'_>) -> Option<String> {
        annotation(&parse(source)?, "mode")
    }
}

/// The policies of one layer, each of them compiled at load.
#[derive(Debug)]
pub struct PolicyCache<T> {
    sources: Policies,
    compiled: Vec<Result<Arc<T>, Unreadable>>,
}

impl<T> PolicyCache<T> {
    /// Compiles policies.
    pub fn new(
        sources: Policies,
        _: Index,
        compile: fn(PolicySource<'_>) -> Result<T, Unreadable>,
    ) -> Self {
        let compiled = sources.iter().map(|source| compile(source).map(Arc::new)).collect();
        Self { sources, compiled }
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
    ) -> Result<Vec<Arc<T>>, Unreadable> {
        let policies = (0..).zip(&self.compiled);
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
pub struct Node {
    pub(super) entity: Arc<Entity>,
}

impl Node {
    pub(super) fn of(entity: Entity) -> Self {
        Self { entity: Arc::new(entity) }
    }
}

/// A graph of entities that selects none.
#[derive(Debug)]
pub struct Graph;

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
