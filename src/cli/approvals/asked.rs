//! A gate's request for approval, as far as it is to be believed.

use super::signed::Signed;
use crate::approval::{Asked, LONGEST_REQUEST, REQUEST, Request};
use crate::cli::http::Refused;
use crate::jose;
use crate::key::PublicKey;

/// The signed request in a body, which must say nothing else.
pub(super) fn accept(
    asked: Asked,
    gates: &[PublicKey],
    name: &str,
    now: i64,
) -> Result<Signed<Request>, Refused> {
    let signed = verified(asked.binding_token, gates, name, now)?;
    if signed.claims.binding != asked.binding {
        return Err(Refused::new(400, "the body says something else than `binding_token`"));
    }
    Ok(signed)
}

/// A signed request that can be approved now.
pub(super) fn verified(
    token: String,
    gates: &[PublicKey],
    name: &str,
    now: i64,
) -> Result<Signed<Request>, Refused> {
    let signed = known(token, gates)?;
    let request = &signed.claims;
    if request.aud != name {
        let detail = format!("the request is for `{}` (`aud`), and this is `{name}`", request.aud);
        return Err(Refused::new(422, detail));
    }
    if request.exp <= now {
        return Err(Refused::new(422, "the request has expired (`exp`)"));
    }
    Ok(signed)
}

/// A signed request, whomever it is for and however old.
pub(super) fn known(token: String, gates: &[PublicKey]) -> Result<Signed<Request>, Refused> {
    if token.len() > LONGEST_REQUEST {
        let detail = format!("`binding_token` is longer than {LONGEST_REQUEST} bytes");
        return Err(Refused::new(413, detail));
    }
    let claims: Request = jose::verify(REQUEST, &token, gates)
        .map_err(|error| Refused::new(401, format!("`binding_token`: {error}")))?;
    if claims.binding.hash() != claims.binding_hash {
        return Err(Refused::new(422, "`binding_hash` is not that of what is to be approved"));
    }
    Ok(Signed { token, claims })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::{self, NAME, NOW};
    use super::*;

    fn accepted(request: &Request, change: impl FnOnce(&mut Asked)) -> Result<(), u16> {
        let gate = example::key(1);
        let binding_token = jose::sign(REQUEST, request, &gate).unwrap();
        let mut asked = Asked { binding: request.binding.clone(), binding_token };
        change(&mut asked);
        let accepted = accept(asked, &[gate.public().clone()], NAME, NOW);
        accepted.map(|_| ()).map_err(|refused| refused.status)
    }

    #[test]
    fn only_what_a_known_gate_asks_of_this_service_now_is_accepted() {
        let request = example::request("alice", 1);
        let with = |change: fn(&mut Request)| {
            let mut request = request.clone();
            change(&mut request);
            accepted(&request, |_| ())
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|request| request.aud.push('/')), Err(422));
        assert_eq!(with(|request| request.exp = NOW), Err(422));
        assert_eq!(with(|request| request.binding_hash.push('A')), Err(422));
        assert_eq!(with(|request| request.binding.subject.id.push('x')), Err(422));
        assert_eq!(with(|request| request.details.reasons.push("a".repeat(20_000))), Err(413));
    }

    #[test]
    fn the_body_and_its_token_must_agree() {
        let request = example::request("alice", 1);
        let with = |change: fn(&mut Asked)| accepted(&request, change);
        assert_eq!(with(|asked| asked.binding.context.arguments = json!({})), Err(400));
        assert_eq!(with(|asked| asked.binding.subject.id.push('x')), Err(400));
        assert_eq!(with(|asked| asked.binding_token.push('A')), Err(401));
        assert_eq!(with(|asked| asked.binding_token.clear()), Err(401));
        let foreign = |asked: &mut Asked| {
            let request = example::request("alice", 1);
            asked.binding_token = jose::sign(REQUEST, &request, &example::key(2)).unwrap();
        };
        assert_eq!(with(foreign), Err(401));
        let other_type = |asked: &mut Asked| {
            let request = example::request("alice", 1);
            asked.binding_token = jose::sign("JWT", &request, &example::key(1)).unwrap();
        };
        assert_eq!(with(other_type), Err(401));
    }
}
