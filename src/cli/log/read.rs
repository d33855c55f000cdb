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
        (Some(id), lines) => with_id(lines, id)?,
    };
    read(line.as_bytes())
}

/// The line with this id, or the only one whose id begins so: people copy a part.
fn with_id<'a>(lines: &[&'a str], id: &str) -> Result<&'a str, Problem> {
    let found: Vec<(&str, String)> = lines
        .iter()
        .filter_map(|line| Some((*line, id_of(line, id)?)))
        .filter(|(_, known)| known.starts_with(id))
        .collect();
    let exact = found.iter().find(|(_, known)| known == id);
    match (exact, found.as_slice()) {
        (Some((line, _)), _) | (None, [(line, _)]) => Ok(line),
        (None, []) => Err(Problem::new(format!("there is no record with the id `{id}`"))),
        (None, several) => {
            let message = format!("{} records have an id that begins with `{id}`", several.len());
            let lines: Vec<&str> = several.iter().map(|(line, _)| *line).collect();
            Err(Problem::new(message).with_help(last(&lines)))
        }
    }
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

/// The id of a line that contains a text; others are not parsed.
fn id_of(line: &str, text: &str) -> Option<String> {
    let record: Value = line.contains(text).then(|| serde_json::from_str(line).ok())??;
    Some(record.get("id")?.as_str()?.to_owned())
}
