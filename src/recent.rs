//! A bounded memory of what was made lately, where making it again would give the same.

use hashbrown::{Equivalent, HashMap};
use std::hash::Hash;

/// Values by what they are made of. When the young are full they become the old, and the old are
/// forgotten: what is asked in between survives.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// How many one generation holds.
    generation: usize,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// A memory of at most twice as many values.
    pub(crate) fn new(generation: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation }
    }

    /// What was kept under a key.
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.keep(key, value.clone());
        Some(value)
    }

    /// Keeps a value.
    pub(crate) fn keep(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_stays_and_the_rest_is_forgotten() {
        let mut recent = Recent::new(10);
        recent.keep("a".to_owned(), 0);
        for number in 1..100 {
            recent.keep(number.to_string(), number);
            assert_eq!(recent.get("a"), Some(0), "{number}");
            assert!(recent.young.len() <= 10 && recent.old.len() <= 10);
        }
        assert_eq!(recent.get("1"), None);
        assert_eq!(recent.get("99"), Some(99));
    }
}
