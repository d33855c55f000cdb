//! Which gate decides the calls of a plugin, among those of its configurations that a VM still has.
//!
//! A push makes a new configuration beside the old one. Envoy can also go back to one that it still
//! has, since streams hold on to it, or drain a listener that has the old one, and tells nobody: the
//! calls that come tell. Where they come to more than one, none is known to be in force.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::Gate;

/// The seats of all plugins of a VM by their names, which Envoy wants to be unique in it.
#[derive(Debug, Default)]
pub struct Seats(BTreeMap<String, Rc<Seat>>);

/// The seat of one plugin.
#[derive(Debug, Default)]
struct Seat {
    /// How many configurations there have been.
    count: Cell<u64>,
    /// The configuration that sits there.
    holder: Cell<u64>,
    /// The gate that it decides by, unless that is another one's.
    gate: RefCell<Weak<Gate>>,
}

/// One configuration of a plugin, in its seat or not any more. The default is of no plugin.
#[derive(Debug, Default)]
pub struct Sitter {
    seat: Rc<Seat>,
    number: u64,
}

impl Seats {
    /// Another configuration of the plugin takes the seat. Gives the gate that decided before it, if
    /// the VM still has it, and if it was not itself on its way yet.
    pub fn next(&mut self, plugin: &str) -> (Sitter, Option<Rc<Gate>>) {
        // Plugins without a name are not one plugin.
        if plugin.is_empty() {
            return (Sitter::default(), None);
        }
        let seat = Rc::clone(self.0.entry(plugin.to_owned()).or_default());
        let before = seat.gate.take().upgrade();
        let number = seat.count.get().saturating_add(1);
        seat.count.set(number);
        seat.holder.set(number);
        (Sitter { seat, number }, before)
    }
}

impl Sitter {
    /// The configuration has a gate, which decides from now on if it still has the seat.
    pub fn decides_by(&self, gate: &Rc<Gate>) {
        if self.is_seated() {
            *self.seat.gate.borrow_mut() = Rc::downgrade(gate);
        }
    }

    /// A call has come to the configuration. If another one has the seat, nobody is sure of it.
    pub fn is_called(&self) {
        if !self.is_seated() {
            drop(self.seat.gate.take());
        }
    }

    fn is_seated(&self) -> bool {
        self.seat.holder.get() == self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn gate() -> Rc<Gate> {
        Rc::new(Gate::new(fixture::bundle(), String::new()))
    }

    #[track_caller]
    fn check(found: Option<&Rc<Gate>>, expected: Option<&Rc<Gate>>) {
        assert!(match (found, expected) {
            (Some(found), Some(expected)) => Rc::ptr_eq(found, expected),
            (found, expected) => found.is_none() && expected.is_none(),
        });
    }

    #[test]
    fn the_gate_before_is_that_of_the_configuration_before() {
        let (mut seats, [one, two, other]) = (Seats::default(), [gate(), gate(), gate()]);
        let (first, before) = seats.next("a");
        check(before.as_ref(), None);
        first.decides_by(&one);
        let (elsewhere, before) = seats.next("b");
        check(before.as_ref(), None);
        elsewhere.decides_by(&other);
        let (second, before) = seats.next("a");
        check(before.as_ref(), Some(&one));
        second.decides_by(&two);
        check(seats.next("a").1.as_ref(), Some(&two));
    }

    #[test]
    fn a_gate_that_is_on_its_way_or_gone_is_none() {
        let (mut seats, one) = (Seats::default(), gate());
        seats.next("a").0.decides_by(&one);
        let (loading, before) = seats.next("a");
        check(before.as_ref(), Some(&one));
        // It has calls, which the gate before decides.
        loading.is_called();
        check(seats.next("a").1.as_ref(), None);
        seats.next("a").0.decides_by(&gate());
        check(seats.next("a").1.as_ref(), None);
    }

    #[test]
    fn what_is_overtaken_does_not_come_back() {
        let (mut seats, [old, new]) = (Seats::default(), [gate(), gate()]);
        let (slow, _) = seats.next("a");
        let (fast, _) = seats.next("a");
        fast.decides_by(&new);
        slow.decides_by(&old);
        check(seats.next("a").1.as_ref(), Some(&new));
    }

    #[test]
    fn where_calls_come_to_more_than_one_none_is_in_force() {
        let (mut seats, [one, two]) = (Seats::default(), [gate(), gate()]);
        let (first, _) = seats.next("a");
        first.decides_by(&one);
        let (second, _) = seats.next("a");
        second.decides_by(&two);
        first.is_called();
        second.is_called();
        let (third, before) = seats.next("a");
        check(before.as_ref(), None);
        third.decides_by(&one);
        third.is_called();
        check(seats.next("a").1.as_ref(), Some(&one));
    }

    #[test]
    fn plugins_without_a_name_share_nothing() {
        let (mut seats, one) = (Seats::default(), gate());
        let (first, _) = seats.next("");
        first.is_called();
        first.decides_by(&one);
        check(seats.next("").1.as_ref(), None);
    }
}
