//! Why arguments are refused.

use std::fmt;

use super::unfit::Unfit;

/// The maximum length of an unknown member's name in messages.
const MAX_NAME: usize = 64;
/// The maximum number of known values in messages.
const MAX_VALUES: usize = 12;

/// An argument that the tool's schema does not allow, with a message for the caller.
///
/// The message never contains the argument's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    path: String,
    /// Whether the path begins at the arguments as a whole, so that nothing leads to it.
    is_whole: bool,
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Unknown,
    Missing,
    Must(String),
    /// It fits the schema, but no Cedar value equals it.
    Inexact(String),
    TooMany,
}

impl ArgumentError {
    fn at(path: String, fault: Fault) -> Self {
        Self { path, is_whole: false, fault }
    }

    /// The tool has no member of this name.
    pub(super) fn unknown(name: &str) -> Self {
        Self::at(name.chars().take(MAX_NAME).collect(), Fault::Unknown)
    }

    /// The member of this name is required.
    pub(super) fn missing(name: &str) -> Self {
        Self::at(name.to_owned(), Fault::Missing)
    }

    pub(super) fn must(words: impl Into<String>) -> Self {
        Self::at(String::new(), Fault::Must(words.into()))
    }

    pub(super) fn too_many() -> Self {
        Self::at(String::new(), Fault::TooMany)
    }

    /// The error about the argument at this path from the arguments as a whole.
    pub(super) fn of(self, path: &[String]) -> Self {
        Self { path: path.join("."), is_whole: true, ..self }
    }

    /// Whether the argument fits the schema and only policies cannot read it.
    pub(super) fn is_inexact(&self) -> bool {
        matches!(self.fault, Fault::Inexact(_))
    }

    /// Whether the arguments exceeded the limit of values.
    pub fn is_too_many(&self) -> bool {
        self.fault == Fault::TooMany
    }

    pub(super) fn within(mut self, name: &str) -> Self {
        if !self.is_whole {
            let joined = self.path.is_empty() || self.path.starts_with('[');
            let separator = if joined { "" } else { "." };
            self.path = format!("{name}{separator}{}", self.path);
        }
        self
    }

    /// The message for the record, without names that the caller chose.
    pub fn for_record(&self) -> String {
        match self.fault {
            Fault::Unknown => "an argument is not known to the tool".to_owned(),
            Fault::Missing | Fault::Must(_) | Fault::Inexact(_) | Fault::TooMany => {
                self.to_string()
            }
        }
    }

    /// The path of the argument, such as `contact.emails[0]`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "argument `{}` ", printable(&self.path))?;
        match &self.fault {
            Fault::Unknown => formatter.write_str("is not known to the tool"),
            Fault::Missing => formatter.write_str("is required"),
            Fault::Must(words) | Fault::Inexact(words) => write!(formatter, "must be {words}"),
            Fault::TooMany => formatter.write_str("is where the arguments have too many values"),
        }
    }
}

impl std::error::Error for ArgumentError {}

impl From<Unfit> for ArgumentError {
    fn from(unfit: Unfit) -> Self {
        let fault = match unfit {
            Unfit::Schema(words) => Fault::Must(words),
            Unfit::Inexact(words) => Fault::Inexact(words),
        };
        Self::at(String::new(), fault)
    }
}

/// The known values in words that follow "must be", unless there are too many.
pub(super) fn one_of<'a>(values: impl ExactSizeIterator<Item = &'a String>) -> String {
    if values.len() > MAX_VALUES {
        return "one of its declared values".to_owned();
    }
    let values: Vec<_> = values.map(|value| format!("`{}`", printable(value))).collect();
    format!("one of {}", values.join(", "))
}

/// Escapes a name so that it cannot break the line it is printed on.
fn printable(name: &str) -> String {
    let quote = |letter: char| matches!(letter, '"' | '\'' | '\\');
    let mut printable = String::with_capacity(name.len());
    for letter in name.chars() {
        if quote(letter) {
            printable.push(letter);
        } else {
            printable.extend(letter.escape_debug());
        }
    }
    printable
}
