//! Posts JSON-RPC messages to a server.

use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, Body, http};

use super::super::events::Events;
use crate::cli::files;
use crate::cli::http::client;
use crate::cli::input::directory::tools;
use crate::cli::output::escape::shown;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::cli::output::source::SourceFile;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes of one answer.
const LONGEST: u64 = 32 * 1024 * 1024;

/// How much of a text that is no answer is shown.
const EXCERPT: usize = 200;

/// A server's endpoint, and the headers that every request to it has.
pub(super) struct Endpoint {
    agent: Agent,
    url: String,
    headers: Vec<(String, String)>,
}

/// An answer to a message.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The session that the server has opened.
    pub(super) session: Option<String>,
    /// The JSON-RPC response to the message.
    pub(super) message: Option<Value>,
    /// The beginning of what came instead of a response.
    pub(super) other: String,
}

impl Endpoint {
    /// An endpoint; `headers` are `Name: value`, or `@FILE` with one of them on each line.
    pub(super) fn new(url: &str, headers: &[String]) -> Result<Self, Stop> {
        let agent = client::agent(url, PATIENCE, "http://127.0.0.1:8000/mcp")?;
        let mut all = Vec::new();
        for header in headers {
            all.extend(read_headers(header)?);
        }
        Ok(Self { agent, url: url.to_owned(), headers: all })
    }

    /// The URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Posts a message with further headers, and waits for the response to it.
    pub(super) fn post(
        &self,
        message: &Value,
        headers: &[(&str, &str)],
    ) -> Result<Answer, Problem> {
        let mut request = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let response = request.send(message.to_string()).map_err(|error| self.failed(&error))?;
        self.read(response, message.get("id"))
    }

    /// Ends a session. Servers need not support it.
    pub(super) fn end(&self, headers: &[(&str, &str)]) {
        let mut request = self.agent.delete(&self.url);
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let _ = request.call();
    }

    fn read(&self, response: http::Response<Body>, id: Option<&Value>) -> Result<Answer, Problem> {
        let status = response.status().as_u16();
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(ToOwned::to_owned)
        };
        if let (300..400, Some(target)) = (status, header("location")) {
            let problem = Problem::new(format!("{}: the server redirects", self.url));
            return Err(problem.with_help(format!("give the other URL: `{}`", shown(&target))));
        }
        if status == 401 || status == 403 {
            let message = format!("{}: the server answers {status}", self.url);
            let help = "`--header @FILE` sends the headers in a file, such as \
                        `Authorization: Bearer …`; `Host` and `Origin` can matter, too";
            return Err(Problem::new(message).with_help(help));
        }
        let session = header("mcp-session-id");
        let is_stream = header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"));
        let body = BufReader::new(response.into_body().into_reader().take(LONGEST));
        let (message, other) =
            if is_stream { self.stream(body, id)? } else { self.whole(body, id)? };
        Ok(Answer { status, session, message, other })
    }

    /// The response in an event stream, which the server may keep open behind it.
    fn stream(
        &self,
        body: BufReader<impl std::io::Read>,
        id: Option<&Value>,
    ) -> Result<(Option<Value>, String), Problem> {
        let mut events = Events::default();
        for line in body.lines() {
            let line = line.map_err(|error| self.failed(&error))?;
            let Some(data) = events.line(&line) else { continue };
            let message = self.parse(data)?;
            if is_response_to(&message, id) {
                return Ok((Some(message), String::new()));
            }
        }
        Ok((None, "an event stream without a response".to_owned()))
    }

    fn whole(
        &self,
        mut body: BufReader<impl std::io::Read>,
        id: Option<&Value>,
    ) -> Result<(Option<Value>, String), Problem> {
        let mut text = String::new();
        body.read_to_string(&mut text).map_err(|error| self.failed(&error))?;
        let message = if text.trim_start().starts_with('{') && id.is_some() {
            Some(self.parse(text.clone())?).filter(|message| is_response_to(message, id))
        } else {
            None
        };
        let excerpt = text.chars().take(EXCERPT).collect::<String>();
        Ok((message, shown(excerpt.trim())))
    }

    /// A message, read as strictly as a call.
    fn parse(&self, text: String) -> Result<Value, Problem> {
        tools::parse(&Arc::new(SourceFile::new(self.url.clone(), text)))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Problem {
        let problem = Problem::new(format!("{}: {}", self.url, shown(&error.to_string())));
        problem.with_help("is the server running, and is this its host and port?")
    }
}

/// Errors may have a null id: they are about the message that was sent, the only one.
fn is_response_to(message: &Value, id: Option<&Value>) -> bool {
    let answers = message.get("result").is_some() || message.get("error").is_some();
    let of = message.get("id").filter(|id| !id.is_null());
    answers && (of.is_none() || of == id)
}

/// The headers in an option's value. Values are not repeated in errors: they can be secret.
fn read_headers(given: &str) -> Result<Vec<(String, String)>, Stop> {
    let text = match given.strip_prefix('@') {
        Some(path) => files::read(path.as_ref())?,
        None => given.to_owned(),
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let split = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let name = http::HeaderName::try_from(name.trim()).ok()?;
        let value = value.trim();
        http::HeaderValue::try_from(value).ok()?;
        Some((name.to_string(), value.to_owned()))
    };
    let read: Option<Vec<_>> = lines.map(split).collect();
    read.ok_or_else(|| {
        Problem::new("`--header` is no header").with_help("`Name: value`, or `@FILE`").into()
    })
}
