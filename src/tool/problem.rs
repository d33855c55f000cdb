//! Problems in tool descriptions, reported when a bundle is built.

use std::fmt;

use thiserror::Error;

use crate::json::Inexact;

/// A tool whose description cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolError {
    tool: String,
    argument: String,
    problem: Problem,
    key: Option<String>,
}

impl ToolError {
    pub(super) fn new(tool: &str, argument: &str, problem: Problem) -> Self {
        Self { tool: tool.to_owned(), argument: argument.to_owned(), problem, key: None }
    }

    /// The error about this key of the tool's entry in the inventory.
    pub(super) fn at(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// The tool's name; empty if the error is about the whole list.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The dotted path of the argument; empty if the error is about the whole tool.
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// The key of the tool's entry in the inventory that the error is about, such as
    /// `schemas.filter`; `None` if it is about what the server says.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether the error concerns the pins only; the tool itself may be valid.
    pub fn is_about_pins(&self) -> bool {
        use Problem::{NotAsPinned, NotPinned, PinOfNothing, Pins};
        [NotAsPinned, NotPinned, PinOfNothing, Pins].contains(&self.problem)
    }

    /// Whether the error concerns the list of classes only.
    pub fn is_about_classes(&self) -> bool {
        [Problem::Classes, Problem::ClassOfNothing].contains(&self.problem)
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tool.is_empty() {
            // An invalid name may contain any character.
            write!(formatter, "tool `{}`: ", self.tool.escape_debug())?;
        }
        if !self.argument.is_empty() {
            write!(formatter, "argument `{}`: ", self.argument)?;
        }
        self.problem.fmt(formatter)
    }
}

impl std::error::Error for ToolError {}

/// A problem of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The document is not a list of tools.
    #[error("this is neither a tools/list answer nor an array of tools")]
    NotAList,
    /// The document is one page of several.
    #[error("the list has a `nextCursor`: put the tools of all pages into one array")]
    OnePage,
    /// `pins` is not an object of digests by tool name.
    #[error("`pins` is not an object of digests by tool name")]
    Pins,
    /// A tool differs from its pin.
    #[error("its digest is not the one in `pins`, so it was changed after it was pinned")]
    NotAsPinned,
    /// A tool in a pinned list has no pin.
    #[error("it has no digest in `pins`, so it was added after the others were pinned")]
    NotPinned,
    /// A pinned tool is not in the list.
    #[error("`pins` has its digest, but the tool is not in the list")]
    PinOfNothing,
    /// `classes` is not an object of lists of tool names by class.
    #[error("`classes` is not an object of lists of tool names by class")]
    Classes,
    /// A tool of a class is not in the list.
    #[error("`classes` has its name, but the tool is not in the list")]
    ClassOfNothing,
    /// A number in the schema has no exact canonical JSON.
    #[error(transparent)]
    Number(#[from] Inexact),
    /// The name of a label has other characters.
    #[error("a label has letters, digits, `-` and `_`")]
    LabelName,
    /// The path of a labelled part cannot be read.
    #[error("this is no path in a result, such as `contacts[].phone` or `account.*`")]
    LabelPath,
    /// A label has no part.
    #[error("the label is on no part of the result")]
    LabelOfNothing,
    /// A tool has no name.
    #[error("the tool has no name")]
    Nameless,
    /// A tool's name cannot be shown as it is.
    #[error("a tool name is 1 to 128 characters that all show, without spaces around it")]
    ToolName,
    /// A list of tools is there twice, so that people could review the one that does not count.
    #[error("`tools`, `pins` and `classes` stand in `result` or beside it, not in both places")]
    TwoAnswers,
    /// Two tools have the same name.
    #[error("another tool of this server has the same name")]
    Repeated,
    /// A tool has no schema for its arguments.
    #[error("`inputSchema` is missing or no object")]
    NoSchema,
    /// A tool's arguments are not an object.
    #[error("`inputSchema` describes something else than an object")]
    NoObject,
    /// An argument has no type, so policies could not read it.
    #[error(
        "{0}, so policies could not read it: describe it under `schemas` of the tool in bundle.yaml, \
         or list it there as `opaque`"
    )]
    Untyped(&'static str),
    /// A tool takes arguments that its schema does not name, and names none.
    #[error(
        "it takes arguments that its schema does not name, so no call with an argument could pass: \
         list `*` as `opaque` in the inventory, or describe them under `schemas`"
    )]
    Unnamed,
    /// A keyword's value is not valid in JSON Schema.
    #[error("the value of `{0}` is not what JSON Schema asks for")]
    Malformed(&'static str),
    /// The type does not exist in JSON Schema.
    #[error("`{0}` is no type of JSON Schema")]
    UnknownType(String),
    /// A reference has no target in the document.
    #[error("`{0}` refers to nothing in this schema")]
    DanglingReference(String),
    /// A type that contains itself, which Cedar cannot express.
    #[error(
        "`{0}` contains itself: describe the argument under `schemas` of the tool in bundle.yaml, \
         or list it there as `opaque`"
    )]
    Recursive(String),
    /// A schema is nested too deeply, or too large with references resolved.
    #[error("the schema is too deep or too large")]
    TooLarge,
    /// A required argument is not among the properties.
    #[error("`{0}` is required but not described")]
    Undescribed(String),
    /// No value fits the schema.
    #[error("no value fits this schema")]
    Impossible,
    /// Two types get the same Cedar name.
    #[error("its Cedar name `{0}` is also that of {1}")]
    Collision(String, String),
    /// The inventory names an argument that does not exist.
    #[error("bundle.yaml lists it under `{0}`, but the tool has no such argument")]
    NoSuchArgument(&'static str),
    /// The inventory describes an argument that is to be passed on unread.
    #[error(
        "bundle.yaml lists it under both `schemas` and `opaque`: remove it from `opaque` if policies are to read it"
    )]
    DescribedOpaque,
    /// A problem in a schema of the bundle.
    #[error("in the bundle's schema of it: {0}")]
    Given(Box<Self>),
    /// A choice among schemas is not complete, or has more than belongs to it.
    #[error(
        "`by` and `of` need each other and nothing beside them: the path of an argument, and a \
         schema for each of its values"
    )]
    Choice,
    /// The argument that chooses a schema cannot.
    #[error("`{0}`, which chooses its schema, {1}")]
    Chooser(String, &'static str),
    /// A schema for a value that the choosing argument does not have.
    #[error("`{value}` is no value of `{by}`, which chooses its schema")]
    NoSuchValue {
        /// The argument that chooses.
        by: String,
        /// The value.
        value: String,
    },
    /// A schema that is chosen admits null, and policies could not see which one it is.
    #[error("a schema that is chosen cannot admit null")]
    Nullable,
    /// The inventory takes the resource from an argument that cannot name one.
    #[error("the inventory finds the resource in it, {0}")]
    Resource(&'static str),
    /// The inventory finds an inner call in an argument that cannot name or carry it.
    #[error("the inventory finds the inner call in it, {0}")]
    Wraps(&'static str),
    /// `x-mcp-header` is not allowed here, or its value is invalid.
    #[error("`x-mcp-header` {0}")]
    Header(&'static str),
}

/// An assertion of a schema that the gate does not enforce.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The dotted path of the argument; empty for the arguments as a whole.
    pub argument: String,
    /// The JSON Schema keyword that is not enforced.
    pub keyword: &'static str,
    /// The key of the tool's entry in the inventory, if the assertion is the bundle's.
    pub key: Option<String>,
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.argument.is_empty() {
            write!(formatter, "argument `{}`: ", self.argument)?;
        }
        write!(formatter, "`{}` is not enforced", self.keyword)
    }
}
