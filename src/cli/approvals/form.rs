//! The form of a decision, and whether it comes from this service's own page.

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN};
use sha2::Sha256;

use super::approver::Approver;
use super::settings::Settings;
use crate::approval::Ruling;
use crate::cli::http::{Request, only};
use crate::cli::output::exit::Stop;
use crate::cli::random;
use crate::json;

/// A decision, as a form has it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) ruling: Ruling,
    pub(super) reason: String,
    token: String,
}

/// Makes the tokens that forms send back. They end with the process.
pub(super) struct Tokens([u8; 32]);

impl Tokens {
    pub(super) fn new() -> Result<Self, Stop> {
        random::bytes().map(Self)
    }

    /// The token of the form for a request and an approver.
    pub(super) fn of(&self, id: &str, approver: &Approver) -> String {
        let mac = self.mac(id, approver).map(|mac| mac.finalize().into_bytes());
        mac.into_iter().flatten().flat_map(json::hex).map(char::from).collect()
    }

    /// Whether a form was made here for this request and approver.
    pub(super) fn fits(&self, sent: &Sent, id: &str, approver: &Approver) -> bool {
        let pairs = sent.token.as_bytes().as_chunks::<2>().0.iter();
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let bytes = pairs.map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?));
        let bytes: Option<Vec<u8>> = bytes.collect();
        let mac = self.mac(id, approver);
        // Compares in constant time.
        mac.zip(bytes).is_some_and(|(mac, bytes)| mac.verify_slice(&bytes).is_ok())
    }

    fn mac(&self, id: &str, approver: &Approver) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(&json::canonical(&(id, &approver.claims.get("sub"), &approver.name)));
        Some(mac)
    }
}

/// Reads a form; each member occurs once.
pub(super) fn read(request: &Request) -> Option<Sent> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let (mut token, mut decision, mut reason) = (None, None, None);
    for (name, value) in form_urlencoded::parse(request.body()) {
        let place = match &*name {
            "token" => &mut token,
            "decision" => &mut decision,
            "reason" => &mut reason,
            _ => return None,
        };
        if place.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    let ruling = match decision?.as_str() {
        "approved" => Ruling::Approved,
        "denied" => Ruling::Denied,
        _ => return None,
    };
    Some(Sent { ruling, reason: reason.unwrap_or_default(), token: token? })
}

/// Whether a form was sent by a page of this service.
pub(super) fn is_own(headers: &HeaderMap, settings: &Settings) -> bool {
    let site = headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != HeaderValue::from_static("same-origin")) {
        return false;
    }
    let Some(origin) = only(headers, &ORIGIN) else { return site.is_some() };
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| {
        Some(authority) == only(headers, &HOST) || authority == settings.authority
    })
}

#[cfg(test)]
mod tests;
