//! Which gates of this VM decide, by the name of their plugin.
//!
//! A push makes a new plugin of the old one's name beside it. Envoy wants these names to be unique
//! in a VM.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use crate::config::Gate;

thread_local! {
    static SEATS: RefCell<BTreeMap<String, Seat>> = RefCell::default();
}

/// The place of the one gate that decides for a plugin.
#[derive(Debug, Default)]
struct Seat {
    turn: Turn,
    gate: Weak<Gate>,
}

/// The how-manieth configuration of its plugin something is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Turn(u64);

/// Another configuration has come. Gives the gate that decided before it, if Envoy still has it and
/// it was not itself on its way yet.
pub(super) fn next(plugin: &str) -> (Turn, Option<Rc<Gate>>) {
    SEATS.with_borrow_mut(|seats| {
        let seat = seats.entry(plugin.to_owned()).or_default();
        seat.turn = Turn(seat.turn.0.saturating_add(1));
        let before = std::mem::take(&mut seat.gate).upgrade();
        // Plugins without a name are not one plugin.
        (seat.turn, before.filter(|_| !plugin.is_empty()))
    })
}

/// From now on this gate decides, unless yet another configuration has come since.
pub(super) fn put(plugin: &str, turn: Turn, gate: &Rc<Gate>) {
    SEATS.with_borrow_mut(|seats| {
        if let Some(seat) = seats.get_mut(plugin).filter(|seat| seat.turn == turn) {
            seat.gate = Rc::downgrade(gate);
        }
    });
}
