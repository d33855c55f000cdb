//! `steps count` runs every step under callgrind; `steps versus` times the gate's decision and
//! Cedar's authorizer side by side.

use std::process::ExitCode;

use steps::{Step, all, versus};

/// The divisor for callgrind's counts.
const TIMES: u32 = 50;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("count") => all().iter().for_each(written_step),
        Some("versus") => {
            let versus = versus();
            let members = [
                ("vs_cedar_10k", versus.decision),
                ("vs_cedar_10k_question_and_decision", versus.question_and_decision),
            ];
            println!("{:#}", serde_json::json!(std::collections::BTreeMap::from(members)));
        }
        Some(_) | None => {
            eprintln!("usage: steps count | steps versus");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Has callgrind count one step. Callgrind recognizes this function by its name, and writes the
/// counts when it returns.
#[inline(never)]
fn written_step(step: &Step) {
    let times = if step.long { 1 } else { TIMES };
    if !step.long {
        // The first run includes lazy initialisation.
        (step.run)();
    }
    println!("{times} {}", step.name);
    counted_step(step, times);
}

/// Callgrind only counts inside of this function.
#[inline(never)]
fn counted_step(step: &Step, times: u32) {
    for _ in 0..times {
        (step.run)();
    }
}
