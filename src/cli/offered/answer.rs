//! Reads a server's tools from files: captures of `tools/list` as received over the wire, each of
//! one or more pages, or an OpenAPI document.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::captures::{Capture, name};
use super::{events, openapi};
use crate::bundle::Code;
use crate::cli::files;
use crate::cli::input::directory::tools;
use crate::cli::input::yaml;
use crate::cli::output::escape::shown;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};
use crate::tool::{self, ToolError};

/// The lists in files, and where problems of theirs are.
pub(super) struct Answers {
    pub(super) captures: Vec<Capture>,
    /// Why operations are left out.
    pub(super) left_out: Vec<String>,
    /// The first file.
    pub(super) file: Option<Arc<SourceFile>>,
}

/// All lists in the files. An OpenAPI document is one list.
pub(super) fn read(paths: &[PathBuf], skip: &[String], lenient: bool) -> Result<Answers, Stop> {
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
    let file = files.first().cloned();
    if let [(file, Content::Api(document))] = contents.as_slice() {
        let taken = openapi::tools(document, skip, lenient).map_err(|errors| {
            errors.into_iter().map(|error| in_document(file, error)).collect::<Vec<_>>()
        })?;
        let capture =
            Capture { tools: taken.tools, origin: file.name.clone(), ..Capture::default() };
        let file = Some(Arc::clone(file));
        return Ok(Answers { captures: vec![capture], left_out: taken.left_out, file });
    }
    Ok(Answers { captures: listed(&contents)?, left_out: Vec::new(), file })
}

/// The tools that can be read. Others are problems, or left out.
pub(super) fn readable(
    tools: Vec<Value>,
    lenient: bool,
    file: &Arc<SourceFile>,
) -> Result<(Vec<Value>, Vec<String>), Vec<Problem>> {
    let mut left_out = Vec::new();
    let readable = |tool: &Value| {
        let errors = tool::read_tools(&Value::Array(vec![tool.clone()])).err().unwrap_or_default();
        left_out.extend(errors.iter().map(ToString::to_string));
        errors.is_empty()
    };
    let tools = if lenient { tools.into_iter().filter(readable).collect() } else { tools };
    let errors = tool::read_tools(&Value::Array(tools.clone())).err().unwrap_or_default();
    let problems: Vec<Problem> =
        errors.iter().map(|error: &ToolError| unreadable(file, error.to_string())).collect();
    if problems.is_empty() { Ok((tools, left_out)) } else { Err(problems) }
}

/// A problem of one tool, which can be left out.
fn unreadable(file: &Arc<SourceFile>, message: impl Into<String>) -> Problem {
    at(file, message).with_help("`--skip NAME` leaves it out, `--skip-unreadable` all such")
}

fn in_document(file: &Arc<SourceFile>, error: openapi::Error) -> Problem {
    match error {
        openapi::Error::Document(message) => at(file, message),
        openapi::Error::Operation(message) => unreadable(file, message),
    }
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
    if let Some(events) = events::all(&file.text) {
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

/// The lists that the pages in the files make. A page without a cursor ends its list: what follows
/// is another capture.
fn listed(contents: &[(&Arc<SourceFile>, Content)]) -> Result<Vec<Capture>, Vec<Problem>> {
    let mut pages = Vec::new();
    for (file, content) in contents {
        match content {
            Content::Pages(of_file) => pages.extend(of_file.iter().map(|page| (*file, page))),
            Content::Api(_) => {
                return Err(vec![at(file, "an OpenAPI document is all there is: give it alone")]);
            }
        }
    }
    let mut captures: Vec<Capture> = Vec::new();
    // The page before, if the list goes on after it.
    let mut open: Option<&Arc<SourceFile>> = None;
    for (file, page) in pages {
        let tools = tool::listed(page).cloned().unwrap_or_default();
        match (open, captures.last_mut()) {
            (Some(before), Some(capture)) => {
                let is_known =
                    |tool: &Value| capture.tools.iter().any(|known| name(known) == name(tool));
                if tools.iter().any(is_known) {
                    return Err(vec![incomplete(before)]);
                }
                capture.tools.extend(tools);
            }
            _ => captures.push(Capture { tools, origin: file.name.clone(), ..Capture::default() }),
        }
        let answer = page.get("result").unwrap_or(page);
        let goes_on = answer.get("nextCursor").is_some_and(|cursor| !cursor.is_null());
        open = goes_on.then_some(file);
    }
    open.map_or(Ok(captures), |file| Err(vec![incomplete(file)]))
}

fn incomplete(file: &Arc<SourceFile>) -> Problem {
    let problem = at(file, "the list goes on after this page: it has a `nextCursor`");
    problem.with_help("give all pages of a list, in order, before those of another")
}
