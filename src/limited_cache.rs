//! A bounded cache for values that can be recomputed.

use hashbrown::{Equivalent, HashMap};
use std::hash::Hash;

/// A cache of two generations. When the young generation is full, it replaces the old one, whose
/// values are evicted unless they were used in the meantime.
#[derive(Debug)]
pub(crate) struct LimitedCache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// The size of one generation.
    generation: usize,
}

impl<K: Eq + Hash, V: Clone> LimitedCache<K, V> {
    /// A cache of at most two generations of this size.
    pub(crate) fn new(generation: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation }
    }

    /// The value of a key.
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    /// Adds a value.
    pub(crate) fn insert(&mut self, key: K, value: V) {
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
    fn what_is_used_stays_and_the_rest_is_evicted() {
        let mut cache = LimitedCache::new(10);
        cache.insert("a".to_owned(), 0);
        for number in 1..100 {
            cache.insert(number.to_string(), number);
            assert_eq!(cache.get("a"), Some(0), "{number}");
            assert!(cache.young.len() <= 10 && cache.old.len() <= 10);
        }
        assert_eq!(cache.get("1"), None);
        assert_eq!(cache.get("99"), Some(99));
    }
}
