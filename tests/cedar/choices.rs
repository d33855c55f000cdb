//! A stream of choices, from which entities, policies and calls are generated. Zeros are the
//! simplest choices, so that proptest's shrinking simplifies the case.

use proptest::prelude::*;

/// The remaining choices. After the last one, all choices are the simplest.
#[derive(Debug)]
pub(super) struct Choices<'a>(std::slice::Iter<'a, u32>);

impl<'a> Choices<'a> {
    pub(super) fn new(made: &'a [u32]) -> Self {
        Self(made.iter())
    }

    /// A number below `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.next().map_or(0, |choice| *choice as usize % count)
    }

    /// True once in this many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these.
    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Some of these, each once in this many times.
    pub(super) fn some<T: Copy>(&mut self, all: &[T], times: usize) -> Vec<T> {
        all.iter().filter(|_| self.once_in(times)).copied().collect()
    }
}

/// This many choices.
pub(super) fn choices(count: usize) -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), count)
}
