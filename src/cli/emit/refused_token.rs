//! Tokens that `jwt_authn` refuses: Envoy answers them before the filter is asked. The emitted
//! configuration gives this answer the form of the filter's own, and logs it as a record.

use super::template::{Values, fill, scalar};
use crate::cli::input::directory::Opened;
use crate::reason::Reason;
use crate::record::SCHEMA;

/// Selects requests with a refused token, as a CEL expression. Other local replies of Envoy have
/// other details.
pub(super) const REFUSED: &str = "response.code_details.startsWith('jwt_authn_access_denied{')";

/// One kind of refusal.
struct Kind {
    reason: Reason,
    /// The details that `jwt_authn` gives; `None` for all others.
    details: Option<&'static str>,
    sentence: &'static str,
    /// Whether the challenge says that the token is invalid.
    invalid: bool,
}

/// The first that matches counts.
const KINDS: [Kind; 3] = [
    // A new token would not help, so this is no 401.
    Kind {
        reason: Reason::Internal,
        details: Some("Jwks_remote_fetch_is_failed"),
        sentence: "the keys of the token's issuer cannot be fetched now",
        invalid: false,
    },
    Kind {
        reason: Reason::Unauthenticated,
        details: Some("Jwt_is_missing"),
        sentence: "a verified identity is required",
        invalid: false,
    },
    Kind {
        reason: Reason::Unauthenticated,
        details: None,
        sentence: "the token is not valid here",
        invalid: true,
    },
];

/// The content of Envoy's `local_reply_config`.
pub(super) fn local_replies(opened: &Opened) -> String {
    let mappers = KINDS.iter().map(|kind| mapper(kind, opened)).collect();
    fill(include_str!("refused_tokens.yaml"), &[("mappers", mappers)])
}

/// The field of the connection manager, with its content.
pub(super) fn local_reply_config(opened: &Opened) -> String {
    fill("local_reply_config:\n  {{content}}\n", &[("content", local_replies(opened))])
}

/// The fields of the record, as Envoy's `json_format`.
pub(super) fn record(opened: &Opened) -> String {
    let values: &Values<'_> = &[
        ("schema", SCHEMA.to_owned()),
        ("id", scalar(&from_header("id=.([0-9a-f-]+)"))),
        ("reason", scalar(&from_header("reason=([a-z_]+)"))),
        ("environment", scalar(&literal(&opened.document.environment_name()))),
    ];
    fill(include_str!("refused_token_record.yaml"), values)
}

fn mapper(kind: &Kind, opened: &Opened) -> String {
    let settings = &opened.document.manifest.refusal;
    let which = match kind.details {
        Some(details) => format!("response.code_details == 'jwt_authn_access_denied{{{details}}}'"),
        None => REFUSED.to_owned(),
    };
    let help = settings.help.as_deref().map(|help| format!(" {}", literal(help)));
    let (reason, sentence) = (kind.reason.as_str(), kind.sentence);
    let id = from_header("id=.([0-9a-f-]+)");
    let message = format!(
        "Refused ({reason}): {sentence}.{} Decision {id}.",
        help.as_deref().unwrap_or_default()
    );
    let error = kind.invalid.then(|| "error=\"invalid_token\"".to_owned());
    let metadata = settings.resource_metadata.as_ref();
    let metadata = metadata.map(|url| format!("resource_metadata=\"{}\"", literal(url.as_str())));
    let parameters: Vec<String> = error.into_iter().chain(metadata).collect();
    let challenge = format!("Bearer {}", parameters.join(", "));
    let values: &Values<'_> = &[
        ("which", scalar(&which)),
        ("status", kind.reason.status().to_string()),
        ("reason", reason.to_owned()),
        ("challenge", scalar(challenge.trim_end())),
        ("code", settings.code.to_string()),
        ("message", scalar(&message)),
        ("id", scalar(&id)),
    ];
    fill(include_str!("refused_token.yaml"), values)
}

/// A part of the decision header. Envoy makes a new id wherever one is asked for, so body and
/// record take theirs from there.
fn from_header(pattern: &str) -> String {
    format!("%CEL(re.extract(response.headers['toolgate-decision'], '{pattern}', '\\\\1'))%")
}

/// A text that Envoy does not expand.
fn literal(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::record;

    #[test]
    fn the_record_has_every_field() {
        let template =
            include_str!("refused_token_record.yaml").replace("{{", "").replace("}}", "");
        let written: Value = serde_saphyr::from_str(&template).unwrap();
        let known: Value = serde_json::from_str(&record::sample().to_line()).unwrap();
        let names = |value: &Value| -> BTreeSet<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(names(&written), names(&known));
        assert_eq!(names(&written["gate"]), names(&known["gate"]));
    }

    #[test]
    fn percent_signs_are_not_expanded() {
        assert_eq!(literal("https://a/%2Fb"), "https://a/%%2Fb");
    }
}
