//! Stores what is remembered, in competition with other workers.

use super::clock;
use super::host;
use crate::exchange::Effects;
use crate::gate::Gate;
use crate::memory::{Lesson, Millis, Write};

/// How often a request or a response tries to store what it changes. Each attempt that fails means
/// that another worker has stored something in the same slot meanwhile. All others wait for this
/// worker, so a request that takes long has few attempts, and is then refused.
pub(super) struct Attempts {
    made: u32,
    /// When the attempts that every request has were used up.
    used_up: Option<Millis>,
}

/// The number of attempts that a request has, however long they take. Several large calls of one
/// account at the same time need some.
const LEAST: u32 = 24;
/// For how many milliseconds a request has further attempts.
const LONGEST: Millis = 20;

impl Attempts {
    pub(super) fn begin() -> Self {
        Self { made: 0, used_up: None }
    }

    /// Begins another attempt.
    pub(super) fn another(&mut self) -> Result<(), String> {
        self.made = self.made.saturating_add(1);
        if self.made <= LEAST {
            return Ok(());
        }
        let now = clock::millis();
        if now.saturating_sub(*self.used_up.get_or_insert(now)) < LONGEST {
            return Ok(());
        }
        Err("others write the same part of memory all the time".to_owned())
    }
}

/// Stores what is to be remembered, and keeps account of it; returns whether all of it is stored.
pub(super) fn remember(effects: &Effects, stored: &mut Vec<Write>) -> Result<bool, String> {
    for write in &effects.memory {
        if !host::remember(write)? {
            return Ok(false);
        }
        stored.retain(|earlier| earlier.slot != write.slot);
        stored.push(write.clone());
    }
    Ok(true)
}

/// Changes what is remembered before a part of a response passes, unless nobody has written there since
/// this was done last. `known` has the versions of then.
pub(super) fn arrive<'l>(
    gate: &Gate,
    lessons: impl Iterator<Item = &'l Lesson> + Clone,
    known: &mut Vec<Option<u32>>,
) -> Result<(), String> {
    let version = |lesson: &Lesson| Ok(host::recall_slot(lesson.slot())?.version);
    let versions = lessons.clone().map(version).collect::<Result<Vec<_>, String>>()?;
    if versions != *known {
        learn(gate, lessons)?;
        *known = versions;
    }
    Ok(())
}

/// Changes what is remembered by what a response says.
pub(super) fn learn<'l>(
    gate: &Gate,
    mut lessons: impl Iterator<Item = &'l Lesson>,
) -> Result<(), String> {
    let Some(plan) = &gate.bundle.memory else { return Ok(()) };
    lessons.try_for_each(|lesson| {
        let mut attempts = Attempts::begin();
        loop {
            attempts.another()?;
            let stored = host::recall_slot(lesson.slot())?;
            let Some(write) = plan.learn(lesson, &stored, clock::millis()) else { return Ok(()) };
            if host::remember(&write)? {
                return Ok(());
            }
        }
    })
}
