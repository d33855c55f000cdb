//! JSONTestSuite: documents that must be accepted, must be rejected, or may be either.

use toolgate::json::{self, JsonError};

use crate::files::Files;
use crate::tally::Tally;

/// The maximum nesting of a caller's document.
const DEPTH: usize = 64;

/// Parses every document.
pub(crate) fn run(files: &Files) -> Tally {
    let mut tally = Tally::default();
    for (name, bytes) in files.iter() {
        let read = json::read(bytes, DEPTH);
        match (name.get(..2), read) {
            (Some("y_"), Ok(value)) => read_alike(&mut tally, name, bytes, &value),
            (Some("y_"), Err(error)) => match strictness(error) {
                Some(rule) => tally.strict(rule),
                None => tally.differed(READ, format!("{name} is refused: {error}")),
            },
            (Some("n_"), Err(_)) => tally.agreed("refused, as must be (n_)"),
            (Some("n_"), Ok(_)) => {
                tally.differed("refused, as must be (n_)", format!("{name} is read"));
            }
            (Some("i_"), Err(_)) => tally.agreed(EITHER),
            (Some("i_"), Ok(_)) => tally.differed(EITHER, format!("{name} is read")),
            (_, _) => tally.differed(READ, format!("{name} is neither y_, n_ nor i_")),
        }
    }
    tally
}

const READ: &str = "read, as serde_json reads it (y_)";
const EITHER: &str = "refused, as the gate has it where readers differ (i_)";

fn read_alike(tally: &mut Tally, name: &str, bytes: &[u8], value: &json::Value<'_>) {
    let ours = serde_json::to_value(value).ok();
    let theirs = serde_json::from_slice::<serde_json::Value>(bytes).ok();
    if ours == theirs {
        tally.agreed(READ);
    } else {
        tally.differed(READ, format!("{name} is read as {ours:?}, not {theirs:?}"));
    }
}

/// The rule by which the gate rejects valid JSON that parsers interpret differently.
fn strictness(error: JsonError) -> Option<&'static str> {
    match error {
        JsonError::DuplicateKey(_) => Some("a name twice in one object"),
        JsonError::Nul(_) => Some("the character U+0000"),
        JsonError::NegativeZero(_) => Some("negative zero"),
        JsonError::NumberTooLong(_) => Some("a number of more than 64 bytes"),
        _ => None,
    }
}
