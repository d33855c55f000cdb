//! The challenge of `WWW-Authenticate` (RFC 6750, RFC 9728).

use crate::bundle::RefusalSettings;
use crate::reason::Reason;

/// The challenge that goes with an HTTP error: with scopes, that a client asks for them; else that it
/// gets a token if the error is a 401.
pub(super) fn of(
    reason: Reason,
    scopes: Option<&[String]>,
    settings: &RefusalSettings,
) -> Option<String> {
    let mut parameters = match (scopes, reason) {
        (Some(scopes), _) => vec![
            "error=\"insufficient_scope\"".to_owned(),
            format!("scope=\"{}\"", scopes.join(" ")),
        ],
        (None, Reason::Unauthenticated) => Vec::new(),
        (None, _) if reason.status() == 401 => vec!["error=\"invalid_token\"".to_owned()],
        (None, _) => return None,
    };
    let metadata = settings.resource_metadata.as_ref();
    parameters.extend(metadata.map(|url| format!("resource_metadata=\"{}\"", url.as_str())));
    Some(format!("Bearer {}", parameters.join(", ")).trim_end().to_owned())
}
