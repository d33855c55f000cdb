//! Prints results and problems. stdout has the data, stderr everything else; colour is only used on
//! terminals.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::LazyLock;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters,
    ThemeStyles,
};
use serde_json::{Value, json};

use super::escape::shown;
pub use super::source::{Location, SourceFile};
use crate::bundle::{Code, Severity};
use crate::json;

/// Prose is wrapped here on every terminal, so that the same bundle gives the same text.
const WIDTH: usize = 100;

/// How results and findings are told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs: one JSON object on stdout.
    Json,
}

/// A problem in the user's input, with its location.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The code of a bundle finding.
    pub code: Option<Code>,
    /// The message.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
    /// The location.
    pub place: Option<Location>,
    /// The subject, as an acceptance in the manifest names it.
    pub at: Option<String>,
}

impl Problem {
    /// An error without a location.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into(), help: None, place: None, at: None }
    }

    /// An error at a location.
    pub fn at(place: Location, message: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::new(message) }
    }

    /// Adds help text.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the code of a finding.
    #[must_use]
    pub fn with_code(self, code: Code) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The severity.
    pub fn severity(&self) -> Severity {
        self.code.map_or(Severity::Error, Code::severity)
    }

    /// Whether the severity is error.
    pub fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }

    /// The problem as JSON.
    pub fn to_json(&self) -> Value {
        let lines = self.place.as_ref().and_then(Location::lines);
        json!({
            "code": self.code,
            "severity": self.severity().as_str(),
            "at": self.at,
            "message": self.message,
            "help": self.help,
            "file": self.place.as_ref().map(|place| &place.file.name),
            "start": lines.map(|[start, _]| json!({ "line": start.0, "column": start.1 })),
            "end": lines.map(|[_, end]| json!({ "line": end.0, "column": end.1 })),
        })
    }
}

/// Problems as text with source excerpts.
pub fn human(problems: &[Problem]) -> String {
    let theme =
        GraphicalTheme { characters: ThemeCharacters::unicode(), styles: ThemeStyles::ansi() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
    let mut text = String::new();
    for problem in problems {
        // Writing to a `String` cannot fail.
        let _ = handler.render_report(&mut text, &Shown(&harmless(problem)));
        text.push('\n');
    }
    // The remaining escape characters are miette's.
    text.replace(ESCAPE, &MARK)
}

/// The longest line of an excerpt, in bytes. Of a longer one, nobody reads what is marked.
const LONGEST_LINE: usize = 1000;

/// The same problem without terminal control characters, at the same locations. An excerpt of long
/// lines is left out.
fn harmless(problem: &Problem) -> Problem {
    if let Some(place) = problem.place.as_ref().filter(|place| place.has_longer_line(LONGEST_LINE))
        && let Some([(line, column), _]) = place.lines()
    {
        let message = format!("{}:{line}:{column}: {}", place.file.name, problem.message);
        return harmless(&Problem { message, place: None, ..problem.clone() });
    }
    let place = problem.place.as_ref().map(|Location { file, span }| {
        let (name, text) = (shown(&file.name), file.text.replace(ESCAPE, "?").replace('\r', " "));
        let same = name == file.name && text == file.text;
        let file = if same { Arc::clone(file) } else { Arc::new(SourceFile::new(name, text)) };
        Location { file, span: span.clone() }
    });
    let (message, help) = (shown(&problem.message), problem.help.as_deref().map(shown));
    Problem { message, help, place, ..problem.clone() }
}

/// Adapts a problem to miette.
struct Shown<'a>(&'a Problem);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.place {
            Some(Location { file, span: None }) => write!(f, "{}: {}", file.name, self.0.message),
            Some(Location { span: Some(_), .. }) | None => f.write_str(&self.0.message),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.0.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Hint => miette::Severity::Advice,
        })
    }

    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.code.map(|code| Box::new(code) as Box<dyn std::fmt::Display>)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.place.as_ref().map(|place| &*place.file as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.0.place.as_ref()?;
        let span = place.span.clone()?;
        // The first line is enough to point at a span of many lines.
        let text = place.file.text.get(span.clone()).unwrap_or_default();
        let length = text.lines().next().map_or(0, |line| line.trim_end().len());
        let label = LabeledSpan::new(None, span.start, length);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Starts a colour sequence.
const ESCAPE: &str = "\u{1b}";

/// Stands for the start of our own colour sequences until the text is written. Untrusted text
/// cannot contain it, and so cannot set colours.
static MARK: LazyLock<String> =
    LazyLock::new(|| format!("{ESCAPE}{:016x}", RandomState::new().hash_one(ESCAPE)));

/// Text made safe for a terminal: only our own colour sequences have an effect.
fn safe(text: &str) -> String {
    text.split(&**MARK).map(shown).collect::<Vec<_>>().join(ESCAPE)
}

/// Writes data to stdout. A closed pipe is not an error.
///
/// # Errors
///
/// stdout cannot be written to.
pub fn data(text: &str) -> io::Result<()> {
    listened(anstream::AutoStream::auto(io::stdout()).write_all(safe(text).as_bytes()))
}

/// Writes raw bytes to stdout.
///
/// # Errors
///
/// stdout cannot be written to.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    listened(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

fn listened(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a message to stderr, ignoring errors: there is no place left to report them.
pub fn talk(text: &str) {
    draw(&safe(text));
}

/// Writes our own text, which may move the cursor, to stderr.
pub(in crate::cli) fn draw(text: &str) {
    let _ = anstream::AutoStream::auto(io::stderr()).write_all(text.as_bytes());
}

/// The progress of a long run, shown on a terminal.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    watched: bool,
}

impl Progress {
    /// Starts a counter.
    pub fn new(what: &'static str) -> Self {
        Self { what, watched: io::stderr().is_terminal() }
    }

    /// Shows the current count.
    pub fn tell(&self, count: usize) {
        if self.watched {
            draw(&format!("\r{count} {}", self.what));
        }
    }

    /// Erases the progress.
    pub fn end(&self) {
        if self.watched {
            draw("\r\u{1b}[K");
        }
    }
}

/// A value as indented JSON with a final newline.
pub fn pretty(value: &Value) -> String {
    // Serializing a `Value` cannot fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    json::escape_hidden(&mut text);
    text.push('\n');
    text
}

/// The meaning of a piece of text, for terminals with colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// As expected.
    Good,
    /// Not as expected.
    Bad,
    /// May deserve attention.
    Odd,
    /// A heading.
    Heading,
    /// An explanation.
    Quiet,
}

/// Text in the colour of its meaning. The stream strips colours if they are not supported.
pub fn tinted(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Odd => "33",
        Tone::Heading => "1",
        Tone::Quiet => "2",
    };
    let mark = &*MARK;
    format!("{mark}[{code}m{text}{mark}[0m")
}

/// `1 error`, `2 errors`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Names for a message: a few of them, and the number of the others.
pub(in crate::cli) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
