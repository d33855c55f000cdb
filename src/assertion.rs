//! The assertion for a tool server: what was decided, signed, so that the server can refuse whatever
//! did not come through the gate.
//!
#![doc = include_str!("assertion.md")]

use serde::Serialize;

use crate::bundle::BundleId;
use crate::digest::Digest;
use crate::gate::Gate;
use crate::jose::{self, JwsError};
use crate::record::{CallFields, Draft};

/// `typ` of an assertion.
pub const TYPE: &str = "toolgate-assertion+jwt";

/// Why there is no assertion although there should be one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AssertionError {
    /// It is unknown who calls whom.
    #[error("nothing can be asserted about a request without sender and server")]
    Incomplete,
    /// Its claims cannot be signed.
    #[error("the assertion could not be signed")]
    Unsigned,
    /// No server would take it.
    #[error("the assertion is longer than {} bytes", jose::LONGEST)]
    TooLong,
}

impl From<JwsError> for AssertionError {
    fn from(_: JwsError) -> Self {
        Self::Unsigned
    }
}

/// The assertion about a request that is forwarded; `None` if the bundle has no assertions, or the gate
/// has no key, as in the command.
pub(crate) fn sign(gate: &Gate, drafts: &[Draft]) -> Result<Option<String>, AssertionError> {
    let (Some(asserting), Some(signer)) = (&gate.bundle.asserting, &gate.signer) else {
        return Ok(None);
    };
    let first = drafts.first().ok_or(AssertionError::Incomplete)?;
    let request = first.request();
    let sender = first.sender().ok_or(AssertionError::Incomplete)?;
    let server = request.server.as_deref().ok_or(AssertionError::Incomplete)?;
    let iat = request.facts.time.timestamp();
    let principal = &sender.principal;
    let claims = Claims {
        iss: asserting.issuer.as_str(),
        aud: gate.bundle.audience(server),
        iat,
        exp: iat.saturating_add(asserting.seconds),
        jti: &first.id,
        sub: &principal.id,
        principal: Principal {
            type_name: &principal.type_name,
            id: &principal.id,
            tenant: principal.tenant.as_deref(),
        },
        act: sender.actor.as_ref().and_then(|actor| Act::of(&actor.chain)),
        txn: sender.identity.txn(),
        decision: "permit",
        bundle: &gate.bundle.id,
        calls: drafts.iter().filter_map(|draft| Call::of(draft, server)).collect(),
    };
    let assertion = signer.sign(TYPE, &claims)?;
    if assertion.len() > jose::LONGEST { Err(AssertionError::TooLong) } else { Ok(Some(assertion)) }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    sub: &'a str,
    principal: Principal<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Act<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    txn: Option<&'a str>,
    decision: &'static str,
    bundle: &'a BundleId,
    calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Principal<'a> {
    #[serde(rename = "type")]
    type_name: &'a str,
    id: &'a str,
    tenant: Option<&'a str>,
}

/// RFC 8693: the current actor, and in it whom it acts for.
#[derive(Serialize)]
struct Act<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Act<'a>>>,
}

impl<'a> Act<'a> {
    fn of(chain: &'a [String]) -> Option<Box<Self>> {
        chain.iter().rev().fold(None, |act, sub| Some(Box::new(Act { sub, act })))
    }
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    method: &'a str,
    tool: &'a str,
    tool_name: &'a str,
    arguments_digest: Option<&'a Digest>,
}

impl<'a> Call<'a> {
    fn of(draft: &'a Draft, server: &str) -> Option<Self> {
        let (method, fields) = draft.asserted()?;
        let CallFields { tool, tool_name, arguments_digest, .. } = fields;
        let named = || tool.strip_prefix(server).and_then(|name| name.strip_prefix('/'));
        Some(Self {
            id: &draft.id,
            method,
            tool,
            tool_name: tool_name.as_deref().or_else(named).unwrap_or(tool),
            arguments_digest: arguments_digest.as_ref(),
        })
    }
}
