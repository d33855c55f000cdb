//! The policies of a layer, compiled lazily.
//!
//! A bundle can have many more policies than one worker ever needs. Policies in use stay compiled;
//! the others take only the memory of their text.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Index, RequestKeys};
use crate::limited_cache::LimitedCache;
use crate::policy::{Policies, PolicySource, Unreadable};

/// The minimum number of policies that stay compiled.
const GENERATION: usize = 2048;

/// The function that compiles a policy.
type Compile<T> = fn(PolicySource<'_>) -> Result<T, Unreadable>;

/// The policies of one layer.
#[derive(Debug)]
pub struct PolicyCache<T> {
    sources: Policies,
    index: Index,
    compile: Compile<T>,
    compiled: Mutex<LimitedCache<u32, Arc<T>>>,
}

impl<T> PolicyCache<T> {
    /// Creates a cache of policies, none of them compiled yet, with their index.
    pub fn new(sources: Policies, index: Index, compile: Compile<T>) -> Self {
        Self { sources, index, compile, compiled: Mutex::new(LimitedCache::new(GENERATION)) }
    }

    /// The policies in Cedar syntax.
    pub fn sources(&self) -> &Policies {
        &self.sources
    }

    /// The active policies, by position, whose scope a call can meet.
    ///
    /// # Errors
    ///
    /// The first candidate that Cedar cannot parse.
    pub fn candidates(
        &self,
        keys: &RequestKeys<'_>,
        is_active: impl Fn(u32) -> bool,
    ) -> Result<Vec<Arc<T>>, Unreadable> {
        let positions = self.index.candidates(keys).into_iter();
        positions.filter(|position| is_active(*position)).map(|it| self.get(it)).collect()
    }

    fn get(&self, position: u32) -> Result<Arc<T>, Unreadable> {
        // A panic elsewhere leaves the cache consistent.
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = compiled.get(&position) {
            return Ok(policy);
        }
        let source = usize::try_from(position).ok().and_then(|at| self.sources.get(at));
        let source = source.ok_or_else(|| Unreadable(position.to_string()))?;
        let policy = Arc::new((self.compile)(source)?);
        compiled.insert(position, Arc::clone(&policy));
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::CompiledPolicy;

    fn many(count: usize) -> PolicyCache<CompiledPolicy> {
        let mut policies = Policies::default();
        for id in (0..count).map(|n| format!("p{n}")) {
            let source = format!("@id(\"{id}\") permit(principal, action, resource);");
            policies.push(PolicySource { id: &id, source: &source });
        }
        PolicyCache::new(policies, Index::default(), CompiledPolicy::parse)
    }

    #[test]
    fn a_policy_is_compiled_once() {
        let policies = many(3);
        assert!(Arc::ptr_eq(&policies.get(1).unwrap(), &policies.get(1).unwrap()));
        assert_eq!(policies.get(2).unwrap().id, "p2");
    }

    #[test]
    fn every_policy_keeps_its_position_when_the_cache_overflows() {
        let count = GENERATION * 3;
        let policies = many(count);
        for position in (0..count).chain([0, 1, count - 1]) {
            let policy = policies.get(u32::try_from(position).unwrap()).unwrap();
            assert_eq!(policy.id, format!("p{position}"));
        }
    }

    #[test]
    fn a_policy_that_cannot_be_parsed_is_named() {
        let source = PolicySource { id: "broken", source: "permit(" };
        let sources = std::iter::once(source).collect();
        let policies = PolicyCache::new(sources, Index::default(), CompiledPolicy::parse);
        assert_eq!(policies.get(0).unwrap_err(), Unreadable("broken".into()));
        assert_eq!(policies.get(1).unwrap_err(), Unreadable("1".into()));
    }
}
