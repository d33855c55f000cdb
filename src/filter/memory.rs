//! Stores what is remembered, in competition with other workers.

use super::clock::Clock;
use super::host;
use crate::exchange::Effects;
use crate::gate::Gate;
use crate::memory::{Lesson, Write};

/// Each attempt that fails means that another worker decided a call of the same account.
pub(super) const ATTEMPTS: usize = 1000;

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

/// Changes what is remembered by what a response says.
pub(super) fn learn(gate: &Gate, lessons: &[Lesson], clock: &Clock) -> Result<(), String> {
    let Some(plan) = &gate.bundle.memory else { return Ok(()) };
    lessons.iter().try_for_each(|lesson| {
        for _ in 0..ATTEMPTS {
            let stored = host::recall_slot(lesson.slot())?;
            let Some(write) = plan.learn(lesson, &stored, clock.millis()) else { return Ok(()) };
            if host::remember(&write)? {
                return Ok(());
            }
        }
        Err("memory is written all the time".to_owned())
    })
}
