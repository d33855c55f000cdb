//! A call inside a call: a tool that runs another tool, whose name and arguments are among its own.

use serde::{Deserialize, Serialize};

use super::argument::{Kind, Record};
use super::argument_error::ArgumentError;
use super::forms::Forms;
use super::problem::Problem;
use super::resource;
use crate::json::{self, JsonError, Object, Rendered, Value};

/// The inventory's entry for a tool that runs another tool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WrapMark {
    /// The dotted path of the argument that names the inner tool.
    pub tool: String,
    /// The dotted path of the argument that carries the inner tool's arguments.
    pub arguments: String,
    /// The server of the inner tools; if absent, the server of the tool itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// Where a call has the call inside it.
#[derive(Clone, Debug)]
pub struct Wraps {
    server: String,
    tool: Vec<String>,
    arguments: Vec<String>,
    forms: Forms,
}

/// The arguments of an inner call.
#[derive(Debug)]
pub enum Carried<'v> {
    /// There are none.
    Absent,
    /// An object of the body.
    Object(&'v Object<'v>),
    /// The object in a string with JSON text.
    Text(&'v str, Object<'v>),
}

impl Wraps {
    /// Finds the arguments that the inventory names. The error has the key of the entry.
    pub(super) fn find(
        input: &Record,
        mark: &WrapMark,
        server: &str,
    ) -> Result<Self, (&'static str, Problem)> {
        let tool = found(input, &mark.tool).and_then(Found::naming);
        let tool = tool.map_err(|problem| ("tool", problem))?;
        let carrier = found(input, &mark.arguments).and_then(Found::carrying);
        let (arguments, forms) = carrier.map_err(|problem| ("arguments", problem))?;
        let server = mark.server.as_deref().unwrap_or(server).to_owned();
        Ok(Self { server, tool, arguments, forms })
    }

    /// The server of the inner tools.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The members that lead to the argument that names the inner tool.
    pub fn naming(&self) -> &[String] {
        &self.tool
    }

    /// Whether a string with JSON text is the only form of the arguments of the inner call.
    pub fn takes_text_only(&self) -> bool {
        !self.forms.object
    }

    /// The members that lead to the argument with the arguments of the inner call.
    pub fn carrier(&self) -> &[String] {
        &self.arguments
    }

    /// The name on the wire of the inner tool.
    ///
    /// # Errors
    ///
    /// The call names none.
    pub fn name<'v>(&self, arguments: Option<&'v Object<'_>>) -> Result<&'v str, ArgumentError> {
        let error = match arguments.and_then(|arguments| arguments.find(&self.tool)) {
            Some(Value::String(name)) => return Ok(name),
            None | Some(Value::Null) => ArgumentError::missing(""),
            Some(_) => ArgumentError::must("a string"),
        };
        Err(error.of(&self.tool))
    }

    /// The arguments of the inner call. JSON text is parsed as a body is, within these limits.
    ///
    /// # Errors
    ///
    /// They have a form that the tool could read in another way, or not at all.
    pub fn carried<'v>(
        &self,
        arguments: Option<&'v Object<'v>>,
        depth: usize,
        values: usize,
    ) -> Result<Carried<'v>, ArgumentError> {
        let error = match arguments.and_then(|arguments| arguments.find(&self.arguments)) {
            None | Some(Value::Null) => return Ok(Carried::Absent),
            Some(Value::Object(object)) if self.forms.object => return Ok(Carried::Object(object)),
            Some(Value::String(text)) if self.forms.text => match read(text, depth, values) {
                Ok(object) => return Ok(Carried::Text(text, object)),
                Err(error) => error,
            },
            Some(_) => ArgumentError::must(self.forms.words()),
        };
        Err(error.of(&self.arguments))
    }
}

/// Parses JSON text that must be an object.
fn read(text: &str, depth: usize, values: usize) -> Result<Object<'_>, ArgumentError> {
    match json::read_body(text.as_bytes(), depth, values) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ArgumentError::must("the JSON text of an object")),
        Err(JsonError::TooManyValues(_)) => Err(ArgumentError::too_many()),
        Err(error) => Err(ArgumentError::must(format!("strict JSON text: {error}"))),
    }
}

/// The argument at a path.
struct Found<'a> {
    path: Vec<String>,
    kind: &'a Kind,
    is_redacted: bool,
}

/// The only argument at a dotted path.
fn found<'a>(input: &'a Record, path: &str) -> Result<Found<'a>, Problem> {
    let found = resource::find(input, path);
    // Member names may contain dots, so one path can match two arguments.
    let [fields] = found.as_slice() else {
        return Err(match found.len() {
            0 => Problem::NoSuchArgument("wraps"),
            _ => Problem::Wraps("but there are several arguments of this path"),
        });
    };
    let (_, last) = fields.last().ok_or(Problem::NoSuchArgument("wraps"))?;
    Ok(Found {
        path: fields.iter().map(|(name, _)| (*name).to_owned()).collect(),
        kind: &last.argument.kind,
        is_redacted: fields.iter().any(|(_, field)| field.redact),
    })
}

impl Found<'_> {
    /// The path, if the argument can name a tool.
    fn naming(self) -> Result<Vec<String>, Problem> {
        let is_text = matches!(self.kind, Kind::Text(text) if text.is_plain());
        if !is_text && !matches!(self.kind, Kind::Enum(_)) {
            Err(Problem::Wraps("but only a plain string, or one of several, names a tool"))
        } else if self.is_redacted {
            Err(Problem::Wraps("and records show which tool that is: remove it from `redact`"))
        } else {
            Ok(self.path)
        }
    }

    /// The path and the forms, if the argument can carry arguments.
    fn carrying(self) -> Result<(Vec<String>, Forms), Problem> {
        let opaque = self.kind.as_opaque();
        let named = Problem::Wraps("but the tool's schema does not name it");
        let forms = opaque.and_then(|opaque| opaque.carries).ok_or(named)?;
        if forms == Forms::NONE {
            let why = "but only an object, or a string with JSON text, carries arguments";
            return Err(Problem::Wraps(why));
        }
        if self.is_redacted || opaque.is_some_and(|opaque| !opaque.redact.is_empty()) {
            let why = "so `redact` of the inner tools says what records show of it";
            return Err(Problem::Wraps(why));
        }
        Ok((self.path, forms))
    }
}

impl Carried<'_> {
    /// The arguments, as those of a direct call.
    pub fn as_object(&self) -> Option<&Object<'_>> {
        match self {
            Self::Absent => None,
            Self::Object(object) => Some(object),
            Self::Text(_, object) => Some(object),
        }
    }

    /// The argument that carries them, as records show it, if records show this of the arguments.
    /// Text of which nothing is redacted is shown as it is.
    pub(crate) fn shown(&self, redacted: &Rendered) -> String {
        let Self::Text(text, object) = self else { return redacted.as_str().to_owned() };
        let read = json::read_body(redacted.as_str().as_bytes(), usize::MAX, usize::MAX).ok();
        let is_whole = read.is_some_and(|read| read.canonical() == object.canonical());
        let mut shown = String::new();
        json::quote(if is_whole { text } else { redacted.as_str() }, &mut shown);
        shown
    }
}
