//! Reads records from the lines of a decision log.

use serde_json::Value;

use super::differences;
use super::line::Recorded;
use crate::cli::output::report::Problem;
use crate::record::SCHEMA;

/// The record with this id, or the only record.
pub(in crate::cli) fn choose(log: &str, id: Option<&str>) -> Result<Recorded, Problem> {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let line = match (id, lines.as_slice()) {
        (None, [only]) => only,
        (None, []) => return Err(Problem::new("there is no record")),
        (None, lines) => {
            let message = format!("there are {} records", lines.len());
            return Err(Problem::new(message).with_help(last(lines)));
        }
        (Some(id), lines) => lines
            .iter()
            .find(|line| has_id(line, id))
            .ok_or_else(|| Problem::new(format!("there is no record with the id `{id}`")))?,
    };
    read(line.as_bytes())
}

/// Parses one line, which must be a record.
pub(in crate::cli) fn read(line: &[u8]) -> Result<Recorded, Problem> {
    let unread = |error| Problem::new(format!("this is no record of a decision: {error}"));
    let mut recorded: Recorded = serde_json::from_slice(line).map_err(unread)?;
    recorded.whole = serde_json::from_slice(line).map_err(unread)?;
    if recorded.schema != SCHEMA {
        let message =
            format!("the record has the schema `{}`, and not `{SCHEMA}`", recorded.schema);
        return Err(Problem::new(message));
    }
    if recorded.reason().is_none() {
        return Err(Problem::new(format!(
            "the record has the unknown reason `{}`",
            recorded.reason
        )));
    }
    match differences::contradiction(&recorded) {
        Some(what) => Err(Problem::new(format!("the record contradicts itself: {what}"))),
        None => Ok(recorded),
    }
}

/// Lists the last records for the user to choose from.
fn last(lines: &[&str]) -> String {
    const SHOWN: usize = 5;
    let older = lines.len().saturating_sub(SHOWN);
    let shown = lines.iter().skip(older).filter_map(|line| read(line.as_bytes()).ok());
    let shown = shown.map(|record| {
        let what = record.tool.as_deref().unwrap_or(&record.path);
        format!("\n{} {} {what}", record.id, record.decision().as_str())
    });
    format!("choose one with --id; the last ones are{}", shown.collect::<String>())
}

fn has_id(line: &str, id: &str) -> bool {
    // Skips the parser for most lines.
    line.contains(id)
        && serde_json::from_str::<Value>(line)
            .is_ok_and(|record| record.get("id").and_then(Value::as_str) == Some(id))
}
