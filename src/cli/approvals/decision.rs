//! Signs what somebody has decided.

use serde_json::{Map, Value};

use super::signed::Signed;
use crate::approval::{APPROVAL, Approval, Request, Ruling};
use crate::jose;
use crate::key::PrivateKey;

/// The longest reason, in characters.
pub(super) const LONGEST_REASON: usize = 1_000;

/// What somebody has decided.
#[derive(Clone, Debug)]
pub(super) struct Ruled {
    pub(super) ruling: Ruling,
    /// The verified claims of the approver.
    pub(super) approver: Map<String, Value>,
    pub(super) reason: Option<String>,
}

/// The signed approval or refusal of a request.
///
/// It lasts as long as the request, and no longer than `valid_for` seconds from `now`.
pub(super) fn decide(
    request: &Signed<Request>,
    ruled: Ruled,
    jti: &str,
    (name, key): (&str, &PrivateKey),
    (now, valid_for): (i64, i64),
) -> Result<Signed<Approval>, String> {
    let claims = Approval {
        iss: name.to_owned(),
        aud: request.claims.iss.clone(),
        iat: now,
        exp: request.claims.exp.min(now.saturating_add(valid_for)),
        jti: jti.to_owned(),
        request: request.token.clone(),
        decision: ruled.ruling,
        approver: ruled.approver,
        reason: ruled.reason,
    };
    let token = jose::sign(APPROVAL, &claims, key).map_err(|error| error.to_string())?;
    if token.len() > jose::LONGEST {
        return Err("the claims of the approver are too long for a token that gates read".into());
    }
    Ok(Signed { token, claims })
}

/// A reason as it is signed; none if there is nothing to read in it.
///
/// # Errors
///
/// It is too long, or missing although the request is denied.
pub(super) fn reason(text: &str, ruling: Ruling) -> Result<Option<String>, &'static str> {
    // Forms send CR LF.
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.chars().count() > LONGEST_REASON {
        return Err("the reason has more than 1,000 characters");
    }
    match (text.is_empty(), ruling) {
        (true, Ruling::Denied) => Err("say why you deny it"),
        (true, Ruling::Approved) => Ok(None),
        (false, _) => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{NAME, NOW, key, request, signed};
    use super::*;

    #[test]
    fn an_approval_has_the_request_and_ends_with_it() {
        let ruled = Ruled { ruling: Ruling::Approved, approver: Map::new(), reason: None };
        let request = signed(request("alice", 1));
        let with = |now, valid_for| {
            decide(&request, ruled.clone(), "7", (NAME, &key(3)), (now, valid_for)).unwrap()
        };
        let approval = with(NOW, 300);
        let read: Approval = jose::verify(APPROVAL, &approval.token, [key(3).public()]).unwrap();
        assert_eq!(read, approval.claims);
        assert_eq!((&*read.iss, &*read.aud, read.exp), (NAME, "gate", NOW + 300));
        assert_eq!(read.request, request.token);
        assert_eq!(with(NOW + 500, 300).claims.exp, NOW + 600);
        let approver = [("groups".to_owned(), "a".repeat(30_000).into())].into_iter().collect();
        let ruled = Ruled { approver, ..ruled };
        assert!(decide(&request, ruled, "7", (NAME, &key(3)), (NOW, 300)).is_err());
    }

    #[test]
    fn a_denial_needs_a_reason() {
        assert_eq!(reason(" \r\n", Ruling::Approved), Ok(None));
        assert!(reason(" ", Ruling::Denied).is_err());
        assert_eq!(reason(" no\r\nway ", Ruling::Denied), Ok(Some("no\nway".to_owned())));
        assert!(reason(&"a".repeat(1_001), Ruling::Approved).is_err());
    }
}
