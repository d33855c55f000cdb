//! A tool is hidden in a caller's list only if no arguments are permitted.

use std::cell::RefCell;
use std::sync::Arc;

use proptest::prelude::*;
use toolgate::decide::list;
use toolgate::gate::Caller;
use toolgate::reason::Reason;

use super::{PART, for_each_call};

/// Many sets with few calls each: how many calls a set permits depends on its policies.
const SETS: u32 = if PART == 1 { 192 } else { 24 };
const POLICIES: u32 = 12;
const CALLS: u32 = if PART == 1 { 100 } else { 40 };

#[test]
fn no_call_of_a_hidden_tool_is_permitted() {
    let tally = RefCell::new([0_u32; 3]);
    for careful in [true, false] {
        for_each_call([SETS, POLICIES, CALLS], careful, |set, call| {
            let identity = set.identity(call);
            if set.entities(&identity).is_none() {
                return Ok(());
            }
            let caller = Arc::new(Caller::new(&set.bundle, &identity).expect("no circle"));
            let tool = set.bundle.tool("fs", call.tool).unwrap();
            let listing = list(&set.bundle, &identity, &caller, tool, &call.facts);
            let staged = listing.staged.unwrap_or_else(|| listing.outcome.clone());
            let answers = set.question(call, &identity, |call| set.ours(&identity, &call.unwrap()));
            for (listed, answer) in [listing.outcome, staged].iter().zip(answers) {
                let permitted = answer.0 == Reason::Permitted;
                let holds = listed.is_ok() || !permitted;
                prop_assert!(holds, "{listed:?}: {call:#?}\n{:#}", set.document);
                let kind = if permitted { 0 } else { 1 + usize::from(listed.is_err()) };
                tally.borrow_mut()[kind] += 1;
            }
            Ok(())
        });
    }
    let [permitted, refused, hidden] = tally.into_inner();
    // Most refusals are for all arguments: policies ask first who calls.
    assert!(permitted > 400 / PART, "{permitted}");
    assert!(hidden > refused / 2, "{hidden} of {refused}");
}
