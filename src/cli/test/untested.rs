//! Says that there is nothing to run, and suggests cases to begin with.

use std::path::Path;

use super::human;
use crate::bundle::Channel;
use crate::cli::analysis::coverage::{Coverage, Goal, Suggestion, suggest};
use crate::cli::input::cases::Suite;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::{self, Format, Problem};
use crate::gate::Gate;

/// The most policies for which a case is suggested.
const POLICIES: usize = 3;
/// The most tools that are tried for one.
const TOOLS: usize = 8;

/// The error about a bundle without cases; for people, after suggestions on stdout.
pub(super) fn tell(
    directory: &Path,
    gate: &Gate,
    channels: &[Channel],
    suite: &Suite,
    format: Format,
) -> Stop {
    let people = suite.files().map(|(_, read)| read.identities.len()).sum();
    let directory = directory.join("tests");
    let (directory, help) = (directory.display(), "`toolgate test --help` shows one");
    if people == 0 {
        let message = format!("there are no cases in `{directory}`");
        return Problem::new(message).with_help(help).into();
    }
    let identities = match people {
        1 => "1 identity".to_owned(),
        people => format!("{people} identities"),
    };
    let message = format!("nothing was tested: `{directory}` has {identities} and no cases");
    let suggestions = suggestions(gate, channels, suite);
    if suggestions.is_empty() || format == Format::Json {
        return Problem::new(message).with_help(help).into();
    }
    let about = "cases to begin with, as the bundle decides them today: is that what it should?";
    if let Err(error) = report::data(&human::suggested(about, suggestions.iter())) {
        return error.into();
    }
    Problem::new(message).with_help("write such cases under `cases`").into()
}

/// For each of some policies a case that it determines.
fn suggestions(gate: &Gate, channels: &[Channel], suite: &Suite) -> Vec<Suggestion> {
    let coverage = Coverage::of(&gate.bundle);
    let goals = coverage
        .measure(None, None)
        .missing
        .into_iter()
        .filter_map(|goal| goal.determined_about(TOOLS));
    let goals: Vec<Goal> = goals.take(POLICIES).collect();
    let suggestions = suggest(gate, channels, suite, &coverage, &goals);
    suggestions.into_iter().filter(|suggestion| suggestion.tried).collect()
}
