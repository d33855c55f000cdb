//! The policies of a layer as text, read when they are first asked.
//!
//! A bundle can have many more policies than any one worker ever needs. Those that calls keep
//! asking stay read; the others take no more memory than their text.

use std::cell::RefCell;
use std::rc::Rc;

use hashbrown::HashMap;

use super::Rule;
use crate::bundle::PolicySource;

/// How many policies one generation holds.
const GENERATION: usize = 2048;

/// The policies of one layer.
#[derive(Debug)]
pub struct Rules {
    sources: Vec<PolicySource>,
    read: RefCell<Generations>,
}

/// The id of a policy that Cedar does not read, which building a bundle rules out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable(pub String);

/// What was asked lately. When the young are full they become the old, and the old are forgotten:
/// what is asked in between survives.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<u32, Rc<Rule>>,
    old: HashMap<u32, Rc<Rule>>,
}

impl Rules {
    /// Policies as text, of which none is read yet.
    pub fn new(sources: Vec<PolicySource>) -> Self {
        Self { sources, read: RefCell::default() }
    }

    /// The policies as text.
    pub fn sources(&self) -> &[PolicySource] {
        &self.sources
    }

    /// The policy at a position.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if there is none or it does not read.
    pub fn get(&self, position: u32) -> Result<Rc<Rule>, Unreadable> {
        let mut read = self.read.borrow_mut();
        if let Some(rule) = read.get(position) {
            return Ok(rule);
        }
        let source = usize::try_from(position).ok().and_then(|at| self.sources.get(at));
        let source = source.ok_or_else(|| Unreadable(position.to_string()))?;
        let rule = Rule::read(source).ok_or_else(|| Unreadable(source.id.clone()))?;
        let rule = Rc::new(rule);
        read.keep(position, Rc::clone(&rule));
        Ok(rule)
    }
}

impl Generations {
    fn get(&mut self, position: u32) -> Option<Rc<Rule>> {
        if let Some(rule) = self.young.get(&position) {
            return Some(Rc::clone(rule));
        }
        let rule = self.old.remove(&position)?;
        self.keep(position, Rc::clone(&rule));
        Some(rule)
    }

    fn keep(&mut self, position: u32, rule: Rc<Rule>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(position, rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: usize) -> Rules {
        let source = |n| PolicySource {
            id: format!("p{n}"),
            source: format!("@id(\"p{n}\") permit(principal, action, resource);"),
        };
        Rules::new((0..count).map(source).collect())
    }

    #[test]
    fn what_is_asked_stays_read_and_the_rest_is_forgotten() {
        let rules = many(3 * GENERATION);
        let first = rules.get(0).unwrap();
        for position in 1..u32::try_from(3 * GENERATION).unwrap() {
            assert_eq!(rules.get(position).unwrap().id, format!("p{position}"));
            assert!(Rc::ptr_eq(&first, &rules.get(0).unwrap()), "{position}");
        }
        let read = rules.read.borrow();
        assert!(read.young.len() <= GENERATION && read.old.len() <= GENERATION);
    }

    #[test]
    fn a_policy_that_does_not_read_is_named() {
        let source = PolicySource { id: "broken".into(), source: "permit(".into() };
        let rules = Rules::new(vec![source]);
        assert_eq!(rules.get(0).unwrap_err(), Unreadable("broken".into()));
        assert_eq!(rules.get(1).unwrap_err(), Unreadable("1".into()));
    }
}
