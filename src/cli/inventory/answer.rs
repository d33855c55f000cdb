//! Reads a server's tools from files: pages of `tools/list` as received over the wire, or an
//! OpenAPI document.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::super::files;
use super::openapi;
use crate::bundle::Code;
use crate::cli::input::directory::tools;
use crate::cli::input::yaml;
use crate::cli::output::escape::shown;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};
use crate::tool::{self, ToolError};

/// All tools in the files, in full, except the skipped ones.
pub(super) fn read(paths: &[PathBuf], skip: &[String]) -> Result<Vec<Value>, Stop> {
    let files = paths.iter().map(|path| source(path)).collect::<Result<Vec<_>, _>>()?;
    let mut problems = Vec::new();
    let mut contents = Vec::new();
    for file in &files {
        match content(file) {
            Ok(content) => contents.push((file, content)),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let tools = match contents.as_slice() {
        [(file, Content::Api(document))] => openapi::tools(document, skip).map_err(|errors| {
            errors.into_iter().map(|error| at(file, error)).collect::<Vec<_>>()
        })?,
        contents => listed(contents)?,
    };
    let (skipped, tools): (Vec<_>, Vec<_>) =
        tools.into_iter().partition(|tool| name(tool).is_some_and(|name| is_in(name, skip)));
    let unknown: Vec<Problem> = skip
        .iter()
        .filter(|skip| !skipped.iter().any(|tool| name(tool) == Some(skip)))
        .map(|skip| Problem::new(format!("there is no tool `{skip}` to skip")))
        .collect();
    let Some((file, _)) = contents.first() else { return Ok(tools) };
    let unread = tool::read_tools(&Value::Array(tools.clone())).err().unwrap_or_default();
    let unread = unread.iter().map(|error: &ToolError| at(file, error.to_string()));
    let problems: Vec<Problem> = unread.chain(unknown).collect();
    if problems.is_empty() { Ok(tools) } else { Err(problems.into()) }
}

/// The name of a tool.
pub(super) fn name(tool: &Value) -> Option<&str> {
    tool.get("name").and_then(Value::as_str)
}

fn is_in(name: &str, names: &[String]) -> bool {
    names.iter().any(|other| other == name)
}

fn at(file: &Arc<SourceFile>, message: impl Into<String>) -> Problem {
    Problem::at(Location::whole(file), message).with_code(Code::ToolSchema)
}

fn source(path: &Path) -> Result<Arc<SourceFile>, Stop> {
    let (name, text) = if path == Path::new("-") {
        ("stdin".to_owned(), files::read_stdin()?)
    } else {
        (path.display().to_string(), files::read(path)?)
    };
    Ok(Arc::new(SourceFile::new(name, text)))
}

/// The content of one file.
enum Content {
    /// Responses to `tools/list`, or parts of one.
    Pages(Vec<Value>),
    /// An OpenAPI document.
    Api(Value),
}

fn content(file: &Arc<SourceFile>) -> Result<Content, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    if let Some(events) = events(&file.text) {
        let message = |data: &String| {
            let event = SourceFile::new(file.name.clone(), data.clone());
            tools::parse(&Arc::new(event)).map_err(|problem| at(file, problem.message))
        };
        let messages = events.iter().map(message).collect::<Result<Vec<_>, _>>().map_err(one)?;
        // A stream may contain notifications before the response.
        let answers = messages.into_iter().filter(|message| message.get("method").is_none());
        return pages(file, answers.collect()).map_err(one);
    }
    if file.text.trim_start().starts_with(['{', '[']) {
        let value = tools::parse(file).map_err(one)?;
        let is_api = value.get("openapi").is_some() || value.get("swagger").is_some();
        return if is_api {
            Ok(Content::Api(value))
        } else {
            pages(file, vec![value]).map_err(one)
        };
    }
    let value: Value = yaml::read(file).map_err(one)?;
    // Numbers that JSON parsers disagree about are rejected in YAML too.
    let again = SourceFile::new(file.name.clone(), value.to_string());
    let value = tools::parse(&Arc::new(again)).map_err(|problem| one(at(file, problem.message)))?;
    if value.is_object() { Ok(Content::Api(value)) } else { Err(one(at(file, NEITHER))) }
}

const NEITHER: &str = "this is neither an answer to tools/list nor an OpenAPI document";

/// The data of each event, if the text is an event stream.
fn events(text: &str) -> Option<Vec<String>> {
    if !text.lines().any(|line| line.starts_with("data:")) || text.starts_with(['{', '[']) {
        return None;
    }
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in text.lines().chain([""]) {
        if let Some(piece) = line.strip_prefix("data:") {
            data.push(piece.strip_prefix(' ').unwrap_or(piece));
        } else if line.is_empty() && data.iter().any(|piece| !piece.is_empty()) {
            events.push(std::mem::take(&mut data).join("\n"));
        }
    }
    Some(events)
}

fn pages(file: &Arc<SourceFile>, answers: Vec<Value>) -> Result<Content, Problem> {
    for answer in &answers {
        if let Some(error) = answer.get("error") {
            let error = shown(&error.to_string());
            return Err(at(file, format!("the server answered with an error: `{error}`")));
        }
        if tool::listed(answer).is_none() {
            return Err(at(file, NEITHER));
        }
    }
    if answers.is_empty() { Err(at(file, NEITHER)) } else { Ok(Content::Pages(answers)) }
}

/// The tools of all pages; missing pages are an error.
fn listed(contents: &[(&Arc<SourceFile>, Content)]) -> Result<Vec<Value>, Vec<Problem>> {
    let mut pages = Vec::new();
    for (file, content) in contents {
        match content {
            Content::Pages(of_file) => pages.extend(of_file.iter().map(|page| (*file, page))),
            Content::Api(_) => {
                return Err(vec![at(file, "an OpenAPI document is all there is: give it alone")]);
            }
        }
    }
    let last = pages.len().saturating_sub(1);
    for (position, (file, page)) in pages.iter().enumerate() {
        let answer = page.get("result").unwrap_or(page);
        let goes_on = answer.get("nextCursor").is_some_and(|cursor| !cursor.is_null());
        if goes_on && position == last {
            let problem = at(file, "the list goes on after this page: it has a `nextCursor`");
            return Err(vec![problem.with_help("give all pages, in order")]);
        }
        if !goes_on && position != last && !page.is_array() {
            let problem = at(file, "the list ends with this page: it has no `nextCursor`");
            return Err(vec![problem.with_help("give the pages of one list, in order")]);
        }
    }
    Ok(pages.iter().filter_map(|(_, page)| tool::listed(page)).flatten().cloned().collect())
}
