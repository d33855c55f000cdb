//! A stream of choices, from which worlds, policies and calls are made. Its zeros are the plainest
//! choices, so that what proptest shrinks becomes plainer.

use proptest::prelude::*;

/// Choices yet to be made. When they run out, all that follow are the plainest.
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

    /// Whether something happens that happens once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these.
    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Some of these, each once in so many times.
    pub(super) fn some<T: Copy>(&mut self, all: &[T], times: usize) -> Vec<T> {
        all.iter().filter(|_| self.once_in(times)).copied().collect()
    }
}

/// So many choices.
pub(super) fn choices(count: usize) -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), count)
}
