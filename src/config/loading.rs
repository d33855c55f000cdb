//! A configuration that becomes a gate piece by piece, so that calls need not wait for it.

use chrono::{DateTime, Utc};

use super::admission::Admission;
use super::reading::{Doubt, Reading};
use super::{ConfigError, Gate, Known, Written};
use crate::budget::Budget;
use crate::record::GateField;

/// A configuration that is being loaded.
#[derive(Debug)]
pub struct Loading {
    known: Known,
    site: GateField,
    now: DateTime<Utc>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Reading(Reading),
    Read(Box<Written>),
    Admitting(Box<Admission>),
    /// What is wrong with it is found at once.
    Odd(Vec<u8>),
}

/// How far it is.
#[derive(Debug)]
pub enum Progress {
    /// There is more to do.
    Going(Box<Loading>),
    /// It is the gate that [`Gate::from_known_config`] would make of it, or no gate, for the same
    /// reasons.
    Done(Result<Box<Gate>, ConfigError>),
}

impl Loading {
    /// Begins to load a configuration of which something is known.
    pub fn of(config: Vec<u8>, known: Known, site: GateField, now: DateTime<Utc>) -> Self {
        let stage = match String::from_utf8(config) {
            Ok(text) => Stage::Reading(Reading::of(text)),
            Err(error) => Stage::Odd(error.into_bytes()),
        };
        Self { known, site, now, stage }
    }

    /// Works on so many bytes of text, and on what cannot be divided: the tools and entities of a
    /// bundle.
    pub fn advance(self, bytes: usize) -> Progress {
        let mut budget = Budget::of_bytes(bytes);
        let Self { known, site, now, stage } = self;
        let stage = match stage {
            Stage::Reading(mut reading) => match reading.advance(&mut budget) {
                Ok(false) => Stage::Reading(reading),
                Ok(true) => reading.finish().map_or_else(Stage::Odd, Stage::Read),
                Err(Doubt) => Stage::Odd(reading.into_bytes()),
            },
            Stage::Read(written) => match Admission::of(*written, Some(known.clone()), now) {
                Ok(admission) => Stage::Admitting(Box::new(admission)),
                Err(error) => return Progress::Done(Err(error)),
            },
            Stage::Admitting(admission) if admission.is_done() => {
                return Progress::Done(admission.finish(&site).map(Box::new));
            }
            Stage::Admitting(admission) => {
                Stage::Admitting(Box::new(admission.advance(&mut budget)))
            }
            Stage::Odd(config) => {
                let gate = Gate::from_known_config(&config, Some(known), &site, now);
                return Progress::Done(gate.map(Box::new));
            }
        };
        Progress::Going(Box::new(Self { known, site, now, stage }))
    }
}

#[cfg(test)]
mod tests;
