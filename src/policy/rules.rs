//! The policies of a layer as text, read when they are first asked.
//!
//! A bundle can have many more policies than any one worker ever needs. Those that calls keep
//! asking stay read; the others take no more memory than their text.

use std::sync::{Arc, Mutex, PoisonError};

use super::Rule;
use crate::bundle::Policies;
use crate::limited_cache::LimitedCache;

/// How many policies stay read, at least.
const GENERATION: usize = 2048;

/// The policies of one layer.
#[derive(Debug)]
pub struct Rules {
    sources: Policies,
    read: Mutex<LimitedCache<u32, Arc<Rule>>>,
}

/// The id of a policy that Cedar does not read, which building a bundle rules out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable(pub String);

impl Rules {
    /// Policies as text, of which none is read yet.
    pub fn new(sources: Policies) -> Self {
        Self { sources, read: Mutex::new(LimitedCache::new(GENERATION)) }
    }

    /// The policies as text.
    pub fn sources(&self) -> &Policies {
        &self.sources
    }

    /// The policy at a position.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if there is none or it does not read.
    pub fn get(&self, position: u32) -> Result<Arc<Rule>, Unreadable> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rule) = read.get(&position) {
            return Ok(rule);
        }
        let source = usize::try_from(position).ok().and_then(|at| self.sources.get(at));
        let source = source.ok_or_else(|| Unreadable(position.to_string()))?;
        let rule = Rule::read(source).ok_or_else(|| Unreadable(source.id.to_owned()))?;
        let rule = Arc::new(rule);
        read.insert(position, Arc::clone(&rule));
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::PolicySource;

    fn many(count: usize) -> Rules {
        let mut policies = Policies::default();
        for id in (0..count).map(|n| format!("p{n}")) {
            let source = format!("@id(\"{id}\") permit(principal, action, resource);");
            policies.push(PolicySource { id: &id, source: &source });
        }
        Rules::new(policies)
    }

    #[test]
    fn a_policy_is_read_once() {
        let rules = many(3);
        assert!(Arc::ptr_eq(&rules.get(1).unwrap(), &rules.get(1).unwrap()));
        assert_eq!(rules.get(2).unwrap().id, "p2");
    }

    #[test]
    fn a_policy_that_does_not_read_is_named() {
        let source = PolicySource { id: "broken", source: "permit(" };
        let rules = Rules::new(std::iter::once(source).collect());
        assert_eq!(rules.get(0).unwrap_err(), Unreadable("broken".into()));
        assert_eq!(rules.get(1).unwrap_err(), Unreadable("1".into()));
    }
}
