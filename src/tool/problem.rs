//! What can be wrong with a tool's description, told to whoever builds the bundle.

use std::fmt;

use thiserror::Error;

use crate::json::Inexact;

/// A tool that cannot be used as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolError {
    tool: String,
    argument: String,
    problem: Problem,
}

impl ToolError {
    pub(super) fn new(tool: &str, argument: &str, problem: Problem) -> Self {
        Self { tool: tool.to_owned(), argument: argument.to_owned(), problem }
    }

    /// The tool in question; empty when it is the whole list.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The dotted path of the argument in question; empty when it is the whole tool.
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// Whether the tool may be fine and only is not what was pinned.
    pub fn is_about_pins(&self) -> bool {
        use Problem::{NotAsPinned, NotPinned, PinOfNothing, Pins};
        [NotAsPinned, NotPinned, PinOfNothing, Pins].contains(&self.problem)
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tool.is_empty() {
            // A name that is none may hold anything.
            write!(formatter, "tool `{}`: ", self.tool.escape_debug())?;
        }
        if !self.argument.is_empty() {
            write!(formatter, "argument `{}`: ", self.argument)?;
        }
        self.problem.fmt(formatter)
    }
}

impl std::error::Error for ToolError {}

/// What is wrong with a tool.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The document is no list of tools.
    #[error("this is neither a tools/list answer nor an array of tools")]
    NotAList,
    /// The document is one page of several.
    #[error("the list has a `nextCursor`: put the tools of all pages into one array")]
    OnePage,
    /// The list's pins are no digests by tool name.
    #[error("`pins` is not an object of digests by tool name")]
    Pins,
    /// A tool differs from what was pinned.
    #[error("its digest is not the one in `pins`, so it was changed after it was pinned")]
    NotAsPinned,
    /// A tool is in a pinned list without being pinned.
    #[error("it has no digest in `pins`, so it was added after the others were pinned")]
    NotPinned,
    /// What was pinned is not in the list.
    #[error("`pins` has its digest, but the tool is not in the list")]
    PinOfNothing,
    /// A number of its schema has no canonical JSON.
    #[error(transparent)]
    Number(#[from] Inexact),
    /// A tool has no name.
    #[error("the tool has no name")]
    Nameless,
    /// A tool's name is not of the form that MCP asks for.
    #[error("a tool name is 1 to 128 letters, digits, `_`, `-` and `.`")]
    ToolName,
    /// Two tools have one name.
    #[error("another tool of this server has the same name")]
    Repeated,
    /// A tool does not describe its arguments.
    #[error("`inputSchema` is missing or no object")]
    NoSchema,
    /// A tool's arguments are not an object.
    #[error("`inputSchema` describes something else than an object")]
    NoObject,
    /// Nothing is known about an argument, so that policies could not read it.
    #[error("{0}, so policies could not read it: list it as opaque in the inventory")]
    Untyped(&'static str),
    /// A keyword's value is not what JSON Schema says it is.
    #[error("the value of `{0}` is not what JSON Schema asks for")]
    Malformed(&'static str),
    /// A type that JSON Schema does not have.
    #[error("`{0}` is no type of JSON Schema")]
    UnknownType(String),
    /// A reference that leads nowhere, or out of the document.
    #[error("`{0}` refers to nothing in this schema")]
    DanglingReference(String),
    /// A type that contains itself, which Cedar cannot express.
    #[error("`{0}` contains itself: list the argument as opaque in the inventory")]
    Recursive(String),
    /// A schema nested too deeply, or too large once its references are followed.
    #[error("the schema is too deep or too large")]
    TooLarge,
    /// A required argument is not among the properties.
    #[error("`{0}` is required but not described")]
    Undescribed(String),
    /// No value fits.
    #[error("no value fits this schema")]
    Impossible,
    /// Two things get one Cedar name.
    #[error("its Cedar name `{0}` is also that of {1}")]
    Collision(String, String),
    /// The inventory names an argument that is not there.
    #[error("the inventory lists it under `{0}`, but the tool has no such argument")]
    NoSuchArgument(&'static str),
    /// The inventory finds the resource in an argument that cannot name one.
    #[error("the inventory finds the resource in it, {0}")]
    Resource(&'static str),
    /// `x-mcp-header` where it is not allowed, or with a value that is not allowed.
    #[error("`x-mcp-header` {0}")]
    Header(&'static str),
}

/// Something a schema asserts that the gate leaves to the tool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The dotted path of the argument; empty for the arguments as a whole.
    pub argument: String,
    /// The keyword of JSON Schema that is not enforced.
    pub keyword: &'static str,
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.argument.is_empty() {
            write!(formatter, "argument `{}`: ", self.argument)?;
        }
        write!(formatter, "`{}` is not enforced", self.keyword)
    }
}
