//! Typed access to a verified token's claims. A claim of another type is an error.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{AttributeMapping, ClaimPath, ClaimType, Form, IdentityError, Requirement};
use crate::digest::Digest;
use crate::metadata::whole;
use crate::policy::value::{self as cedar, Value as CedarValue};

/// Further claims of the principal's token. The encoded token is never available here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// Its name in the bundle.
    pub name: String,
    /// `iss`
    pub issuer: Option<String>,
    /// `scope` or else `scp`, as an array or a space-separated string.
    pub scopes: Vec<String>,
    /// `sub_profile`: what the principal is, such as `user`.
    pub profiles: BTreeSet<String>,
    /// `client_profile`: what the client is, such as `ai_agent`.
    pub client_profiles: BTreeSet<String>,
    /// `txn`, the id of the transaction.
    pub txn: Option<String>,
    /// `exp`, in seconds since the epoch.
    pub expires: Option<i64>,
    /// `jti`, the id of the token.
    pub id: Option<String>,
    /// The digest of all claims. The encoded token is not available here.
    pub claims_digest: Digest,
}

/// 9999-12-31T23:59:59Z, the last second of a four-digit year.
const LAST_SECOND: i64 = 253_402_300_799;

/// A claim that must be a non-empty string.
pub(super) fn text<'a>(token: &'a Value, path: &ClaimPath) -> Result<&'a str, IdentityError> {
    let value = required(token, path)?;
    as_text(value).ok_or_else(|| ill_typed(path, "a non-empty string"))
}

/// A claim in a form that holds several non-empty strings. In the usual form, one string counts as
/// an array of it.
pub(super) fn texts<'a>(
    token: &'a Value,
    path: &ClaimPath,
    form: Form,
    optional: bool,
) -> Result<Vec<&'a str>, IdentityError> {
    let value = match path.find(token)? {
        Some(value) => value,
        None if optional => return Ok(Vec::new()),
        None => return Err(IdentityError::MissingClaim { claim: path.to_string() }),
    };
    match (form, value.as_str()) {
        (Form::List, Some(text)) => Some(vec![text]),
        (_, _) => form.read(value),
    }
    .filter(|texts| texts.iter().all(|text| !text.is_empty()))
    .ok_or_else(|| match form {
        Form::List => ill_typed(path, "a string or an array of strings"),
        Form::Words | Form::Keys => ill_typed(path, form.expected()),
    })
}

/// Checks that a claim has one of the accepted values.
pub(super) fn require(token: &Value, requirement: &Requirement) -> Result<(), IdentityError> {
    let value = required(token, &requirement.claim)?;
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let accepted = |value: &Value| requirement.values.iter().any(|accepted| accepted.is(value));
    if values.iter().any(accepted) {
        return Ok(());
    }
    Err(IdentityError::OtherValue { claim: requirement.claim.to_string() })
}

/// The one actor that these claims name; `None` if the token has none of them.
pub(super) fn actor<'a>(
    token: &'a Value,
    paths: &'a [ClaimPath],
) -> Result<Option<(&'a ClaimPath, &'a str)>, IdentityError> {
    let mut named: Option<(&ClaimPath, &str)> = None;
    for path in paths {
        let Some(value) = path.find(token)? else { continue };
        let id = as_text(value).ok_or_else(|| ill_typed(path, "a non-empty string"))?;
        match named {
            Some((first, other)) if other != id => {
                let [one, other] = [first, path].map(|path| format!("claim `{path}`"));
                return Err(IdentityError::ActorMismatch { one, other });
            }
            Some(_) => {}
            None => named = Some((path, id)),
        }
    }
    Ok(named)
}

/// A claim as a Cedar value of its declared type, and as JSON; `None` if it is optional and absent.
pub(super) fn attribute(
    token: &Value,
    mapping: &AttributeMapping,
) -> Result<Option<(CedarValue, Value)>, IdentityError> {
    let path = &mapping.claim;
    let value = match path.find(token)? {
        Some(value) => value,
        None if mapping.optional => return Ok(None),
        None => return Err(IdentityError::MissingClaim { claim: path.to_string() }),
    };
    let read = match mapping.claim_type {
        ClaimType::String => value
            .as_str()
            .map(|text| (CedarValue::from(text), json!(text)))
            .ok_or_else(|| ill_typed(path, "a string"))?,
        ClaimType::Bool => value
            .as_bool()
            .map(|truth| (CedarValue::from(truth), json!(truth)))
            .ok_or_else(|| ill_typed(path, "a boolean"))?,
        ClaimType::Long => whole(value)
            .map(|number| (CedarValue::from(number), json!(number)))
            .ok_or_else(|| ill_typed(path, "a whole number"))?,
        ClaimType::Strings => mapping
            .form
            .read(value)
            .map(|texts| {
                let texts: BTreeSet<&str> = texts.into_iter().collect();
                let values = texts.iter().map(|text| CedarValue::from(*text));
                (cedar::set(values), json!(texts))
            })
            .ok_or_else(|| ill_typed(path, mapping.form.expected()))?,
    };
    Ok(Some(read))
}

/// The token's issuer, for principals qualified by it.
pub(super) fn issuer(token: &Value) -> Result<&str, IdentityError> {
    let issuer = token.get("iss").filter(|value| !value.is_null());
    let issuer = issuer.ok_or(IdentityError::MissingClaim { claim: "iss".to_owned() })?;
    as_text(issuer)
        .ok_or(IdentityError::IllTyped { claim: "iss".to_owned(), expected: "a non-empty string" })
}

/// The registered claims, used by policies and records, of the token with a name.
pub(super) fn token(name: &str, claims: &Value) -> Result<Token, IdentityError> {
    let words = Form::Words.expected();
    Ok(Token {
        name: name.to_owned(),
        issuer: registered(claims, "iss", "a string", |value| value.as_str().map(str::to_owned))?,
        scopes: scopes(claims)?,
        profiles: registered(claims, "sub_profile", words, profiles)?.unwrap_or_default(),
        client_profiles: registered(claims, "client_profile", words, profiles)?.unwrap_or_default(),
        id: registered(claims, "jti", "a string", |value| value.as_str().map(str::to_owned))?,
        claims_digest: Digest::of(claims),
        txn: registered(claims, "txn", "a string", |value| value.as_str().map(str::to_owned))?,
        expires: registered(claims, "exp", "a time in seconds", |value| {
            whole(value).filter(|seconds| (0..=LAST_SECOND).contains(seconds))
        })?,
    })
}

/// `nbf`, in seconds since the epoch.
pub(super) fn not_before(claims: &Value) -> Result<Option<i64>, IdentityError> {
    registered(claims, "nbf", "a time in seconds", whole)
}

/// A claim with scopes: a string of words, or an array of strings.
pub(super) fn words(claims: &Value, path: &ClaimPath) -> Result<BTreeSet<String>, IdentityError> {
    let words = scoped(required(claims, path)?);
    let words = words.ok_or_else(|| ill_typed(path, "a string or an array of strings"))?;
    Ok(words.into_iter().collect())
}

/// The words of a profile (draft-mora-oauth-entity-profiles), such as `ai_agent`.
pub(super) fn profiles(value: &Value) -> Option<BTreeSet<String>> {
    Some(Form::Words.read(value)?.into_iter().map(str::to_owned).collect())
}

/// A member that is present; null counts as absent.
pub(super) fn present<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn scopes(claims: &Value) -> Result<Vec<String>, IdentityError> {
    let expected = "a string or an array of strings";
    let scope = registered(claims, "scope", expected, scoped)?;
    let scp = registered(claims, "scp", expected, scoped)?;
    Ok(scope.or(scp).unwrap_or_default())
}

fn scoped(value: &Value) -> Option<Vec<String>> {
    match value.as_str() {
        Some(text) => Some(text.split_ascii_whitespace().map(str::to_owned).collect()),
        None => Some(Form::List.read(value)?.into_iter().map(str::to_owned).collect()),
    }
}

fn registered<T>(
    claims: &Value,
    name: &str,
    expected: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, IdentityError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value)
            .map(Some)
            .ok_or_else(|| IdentityError::IllTyped { claim: name.to_owned(), expected }),
    }
}

fn required<'a>(token: &'a Value, path: &ClaimPath) -> Result<&'a Value, IdentityError> {
    path.find(token)?.ok_or_else(|| IdentityError::MissingClaim { claim: path.to_string() })
}

fn ill_typed(path: &ClaimPath, expected: &'static str) -> IdentityError {
    IdentityError::IllTyped { claim: path.to_string(), expected }
}

pub(super) fn as_text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}
