//! The challenges of `WWW-Authenticate` (RFC 6750, RFC 9728).

use crate::bundle::RefusalSettings;
use crate::reason::Reason;

/// The challenge of a 401.
pub(super) fn of_identity(reason: Reason, settings: &RefusalSettings) -> String {
    let known = reason != Reason::Unauthenticated;
    let error = known.then(|| "error=\"invalid_token\"".to_owned());
    bearer(error.into_iter().collect(), settings)
}

/// The challenge that has a client ask for scopes.
pub(super) fn of_scopes(scopes: &[String], settings: &RefusalSettings) -> String {
    let scope = format!("scope=\"{}\"", scopes.join(" "));
    bearer(vec!["error=\"insufficient_scope\"".to_owned(), scope], settings)
}

fn bearer(mut parameters: Vec<String>, settings: &RefusalSettings) -> String {
    let metadata = settings.resource_metadata.as_ref();
    parameters.extend(metadata.map(|url| format!("resource_metadata=\"{}\"", url.as_str())));
    format!("Bearer {}", parameters.join(", ")).trim_end().to_owned()
}
