//! Replaces `native` in a build without it. It has no native evaluation, so Cedar evaluates every
//! policy of a layer over all entities.

use std::marker::PhantomData;
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityUID, Expr, Policy};
use cedar_policy_core::entities::{Dereference, Entities};

use super::env::Environment;
use super::parse::{Unreadable, annotation, parse};
use super::{Policies, PolicySource};

/// The environment that policies are evaluated in.
pub type Env<'a> = Environment<'a, Graph, Node>;

/// An empty index.
#[derive(Debug, Default)]
pub struct Index;

impl Index {
    /// Creates an index with capacity for this number of policies.
    pub fn with_capacity(_: usize) -> Self {
        Self
    }

    /// Parses the next policy of the layer, and returns its `@mode`.
    pub fn add(&mut self, source: PolicySource<'_>) -> Option<String> {
        annotation(&parse(source)?, "mode")
    }
}

/// The policies of one layer, all compiled at load.
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

    /// The policies in Cedar syntax.
    pub fn sources(&self) -> &Policies {
        &self.sources
    }

    /// The active policies, by position.
    ///
    /// # Errors
    ///
    /// The first candidate that Cedar cannot parse.
    pub fn candidates(
        &self,
        _: &RequestKeys<'_>,
        is_active: impl Fn(u32) -> bool,
    ) -> Result<Vec<Arc<T>>, Unreadable> {
        let policies = (0..).zip(&self.compiled);
        policies.filter(|(at, _)| is_active(*at)).map(|(_, policy)| policy.clone()).collect()
    }
}

/// A placeholder for the keys of a call.
#[derive(Clone, Copy, Debug)]
pub struct RequestKeys<'a>(PhantomData<&'a ()>);

impl<'a> RequestKeys<'a> {
    /// The keys of a call.
    pub fn of(_: &Env<'a>) -> Self {
        Self(PhantomData)
    }

    /// The keys of the same call with any resource.
    #[must_use]
    pub fn of_any_resource(self) -> Self {
        self
    }
}

/// A condition that only Cedar evaluates.
#[derive(Debug)]
pub(super) struct Condition;

impl Condition {
    pub(super) fn of(_: &Expr) -> Self {
        Self
    }

    pub(super) fn holds(&self, _: &Env<'_>) -> Option<bool> {
        None
    }
}

/// A policy that only Cedar evaluates.
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

/// An entity without derived data.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) entity: Arc<Entity>,
}

impl Node {
    pub(super) fn of(entity: Entity) -> Self {
        Self { entity: Arc::new(entity) }
    }
}

/// A graph that does not select entities.
#[derive(Debug)]
pub struct Graph;

impl Graph {
    pub(super) fn of(_: &Entities) -> Self {
        Self
    }

    pub(super) fn find<'a>(&self, uid: &EntityUID, entities: &'a Entities) -> Option<&'a Entity> {
        match entities.entity(uid) {
            Dereference::Data(entity) => Some(entity),
            // A bundle has no unknown entities.
            Dereference::NoSuchEntity | Dereference::Residual(_) => None,
        }
    }

    pub(super) fn slice<'a>(
        &self,
        _: &Node,
        _: impl Iterator<Item = &'a EntityUID>,
    ) -> Option<Entities> {
        None
    }
}
