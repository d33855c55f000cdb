//! The standard headers of MCP 2026-07-28, and their agreement with the body.
//!
//! The decision is made on the body. A header that contradicts the body is refused in every
//! revision, because an intermediary between the gate and the tool may route by the header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::method::name_member;
use super::{MessageError, Revision};
use crate::head::Head;
use crate::json::{self, Object, Value};
use crate::reason::Reason;
use crate::tool::ParamHeader;

const PARAM_PREFIX: &str = "mcp-param-";

/// The standard headers of one request, decoded.
#[derive(Clone, Debug, Default)]
pub struct StandardHeaders {
    /// `MCP-Protocol-Version`
    pub revision: Option<Revision>,
    method: Option<String>,
    name: Option<String>,
    params: Vec<(String, String)>,
}

impl StandardHeaders {
    /// Parses the standard headers; each may occur once.
    ///
    /// # Errors
    ///
    /// Repeated, undecodable or unknown values, as [`Reason::HeaderMismatch`] or
    /// [`Reason::UnsupportedVersion`].
    pub fn read(head: &Head) -> Result<Self, MessageError> {
        let revision = match plain(head, "mcp-protocol-version")? {
            Some(name) => Some(Revision::parse(name).ok_or_else(|| unsupported(name))?),
            None => None,
        };
        let mut params = Vec::new();
        for field in head.names_with_prefix(PARAM_PREFIX) {
            if let (Some(value), Some(name)) =
                (encoded(head, field)?, field.strip_prefix(PARAM_PREFIX))
            {
                params.push((name.to_owned(), value));
            }
        }
        Ok(Self {
            revision,
            method: plain(head, "mcp-method")?.map(str::to_owned),
            name: encoded(head, "mcp-name")?,
            params,
        })
    }

    /// Whether the revision prescribes statuses for some errors.
    pub fn is_modern(&self) -> bool {
        self.revision.is_some_and(Revision::is_modern)
    }

    /// Whether any header describes a single message, which is not possible for a batch.
    pub(super) fn describe_a_message(&self) -> bool {
        self.method.is_some() || self.name.is_some() || !self.params.is_empty()
    }

    /// Checks `Mcp-Method`, `Mcp-Name` and the protocol version against a message.
    pub(super) fn agree_with(
        &self,
        method: Option<&str>,
        params: Option<&Object<'_>>,
        body_revision: Option<&str>,
    ) -> Result<(), MessageError> {
        let in_header = self.revision.map(Revision::as_str);
        if body_revision.is_some() && body_revision != in_header {
            return Err(mismatch("`MCP-Protocol-Version` and `_meta` name different revisions"));
        }
        let modern = self.revision.is_some_and(Revision::is_modern);
        agree("Mcp-Method", self.method.as_deref(), method, modern)?;
        let member = method.and_then(name_member);
        let name = member.and_then(|member| params?.get(member)?.as_str());
        agree("Mcp-Name", self.name.as_deref(), name, modern && member.is_some())?;
        if method != Some("tools/call") && !self.params.is_empty() {
            return Err(mismatch("`Mcp-Param-*` headers belong to `tools/call` only"));
        }
        Ok(())
    }

    /// Checks the `Mcp-Param-*` headers against a call's arguments. `declared` are the arguments
    /// with an `x-mcp-header` keyword in the tool's schema.
    ///
    /// # Errors
    ///
    /// [`Reason::HeaderMismatch`] when a header is undeclared, differs from its argument, or is
    /// missing although the revision requires it. A client that does not know the tool's schema
    /// (`is_known`) cannot send any.
    pub fn agree_with_arguments(
        &self,
        declared: &[ParamHeader],
        arguments: Option<&Object<'_>>,
        is_known: bool,
    ) -> Result<(), MessageError> {
        for (name, _) in &self.params {
            if !declared.iter().any(|declared| declared.name.eq_ignore_ascii_case(name)) {
                let name = json::cut(name);
                return Err(mismatch(&format!("the tool declares no header `Mcp-Param-{name}`")));
            }
        }
        let required = is_known && self.revision.is_some_and(Revision::is_modern);
        for ParamHeader { name, path } in declared {
            let header = self.params.iter().find(|(param, _)| param.eq_ignore_ascii_case(name));
            let argument = argument(arguments, path).filter(|value| !value.is_null());
            let agree = match (header, argument) {
                (Some((_, text)), Some(value)) => mirrors(text, value),
                (None, Some(_)) => !required,
                (Some(_), None) => false,
                (None, None) => true,
            };
            if !agree {
                return Err(mismatch(&format!(
                    "`Mcp-Param-{name}` does not agree with the argument it mirrors"
                )));
            }
        }
        Ok(())
    }
}

fn agree(
    header: &str,
    value: Option<&str>,
    body: Option<&str>,
    required: bool,
) -> Result<(), MessageError> {
    match (value, body) {
        (None, _) if required => Err(mismatch(&format!("`{header}` is required"))),
        (None, _) => Ok(()),
        (Some(value), Some(body)) if value == body => Ok(()),
        (Some(_), _) => Err(mismatch(&format!("`{header}` does not agree with the body"))),
    }
}

fn argument<'a>(arguments: Option<&'a Object<'a>>, path: &[String]) -> Option<&'a Value<'a>> {
    let (first, rest) = path.split_first()?;
    let start = arguments?.get(first)?;
    rest.iter().try_fold(start, |value, step| value.as_object()?.get(step))
}

/// Whether a decoded header value equals the argument. Integers are compared as numbers, so that
/// `42.0` mirrors `42`.
fn mirrors(text: &str, value: &Value<'_>) -> bool {
    match value {
        Value::String(argument) => text == argument,
        Value::Bool(argument) => text == if *argument { "true" } else { "false" },
        Value::Number(number) if text == number.as_str() => true,
        Value::Number(number) => number.as_i64().is_some_and(|argument| {
            let whole = match text.split_once('.') {
                Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => {
                    whole
                }
                Some(_) => return false,
                None => text,
            };
            let digits = whole.strip_prefix('-').unwrap_or(whole);
            digits.bytes().all(|b| b.is_ascii_digit()) && whole.parse() == Ok(argument)
        }),
        Value::Null | Value::Array(_) | Value::Object(_) | Value::Raw(_) => false,
    }
}

fn plain<'a>(head: &'a Head, name: &str) -> Result<Option<&'a str>, MessageError> {
    head.one(name).map_err(|error| mismatch(&error.to_string()))
}

fn encoded(head: &Head, name: &str) -> Result<Option<String>, MessageError> {
    plain(head, name)?.map(|value| decode(name, value)).transpose()
}

/// Decodes the `=?base64?…?=` form, which carries text beyond visible ASCII.
fn decode(name: &str, value: &str) -> Result<String, MessageError> {
    let invalid = || mismatch(&format!("header `{name}` is not validly encoded"));
    if let Some(encoded) = value.strip_prefix("=?base64?").and_then(|v| v.strip_suffix("?=")) {
        let bytes = STANDARD.decode(encoded).map_err(|_| invalid())?;
        return String::from_utf8(bytes).map_err(|_| invalid());
    }
    let plain = value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b));
    if plain { Ok(value.to_owned()) } else { Err(invalid()) }
}

fn unsupported(name: &str) -> MessageError {
    let known = Revision::ALL.map(Revision::as_str).join(", ");
    let message = format!("the protocol version is not one of {known}");
    let requested = Some(json::cut(name).into_owned());
    MessageError { requested, ..MessageError::new(Reason::UnsupportedVersion, message) }
}

fn mismatch(message: &str) -> MessageError {
    MessageError::new(Reason::HeaderMismatch, message.to_owned())
}
