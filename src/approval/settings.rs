//! The `approvals` section of a bundle.

use serde::{Deserialize, Serialize};

use crate::key::{KeyError, PublicKey};
use crate::memory::Span;

/// The longest time for which the gate holds a call, in milliseconds.
const LONGEST_HOLD: u64 = 60_000;

/// The longest time for which a request for approval is valid, in milliseconds.
pub const LONGEST_VALID: u64 = 24 * 3_600_000;

/// The `approvals` section of a bundle: who approves what policies escalate, and how they are asked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalSettings {
    /// The URL of the approval service: `aud` of requests and `iss` of approvals.
    pub service: ServiceUrl,
    /// The keys that sign approvals: Ed25519 in PEM, or only the base64 of the PEM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The `payload_in_metadata` name under which `jwt_authn` stores an approval that it has verified in
    /// its header. Keys then verify only what the cluster answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The cluster of the service in the proxy's configuration. Without it, requests are brought to
    /// approvers by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How long to wait for the service, in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u32,
    /// How long a call is held while a person thinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
    /// How many calls each worker holds at once.
    #[serde(default = "hold_at_most", skip_serializing_if = "is_usual")]
    pub hold_at_most: u32,
    /// Whether an approval that one proxy has asked for is for all of them. The rate limit service
    /// tells them whether it was used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub across_proxies: bool,
    /// How long a request is valid, and an approval of it.
    #[serde(default = "valid_for")]
    pub valid_for: Span,
    /// The token whose mapping fits the claims of approvers; by default the first of `identity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

fn timeout_ms() -> u32 {
    500
}

fn hold_at_most() -> u32 {
    100
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual(at_most: &u32) -> bool {
    *at_most == hold_at_most()
}

fn valid_for() -> Span {
    Span::of_seconds(600)
}

impl ApprovalSettings {
    /// The keys, and what is wrong with others by their position.
    pub fn keys(&self) -> (Vec<PublicKey>, Vec<(usize, KeyError)>) {
        let (mut keys, mut errors) = (Vec::new(), Vec::new());
        for (position, text) in self.keys.iter().enumerate() {
            match text.parse() {
                Ok(key) => keys.push(key),
                Err(error) => errors.push((position, error)),
            }
        }
        (keys, errors)
    }

    /// Whether this is the provider.
    pub fn is_provider(&self, name: &str) -> bool {
        self.provider.as_deref() == Some(name)
    }

    /// The names under which `jwt_authn` stores an approval that it has verified, and why it has not
    /// (`failed_status_in_metadata`).
    pub fn verified_under(&self) -> Option<(&str, String)> {
        self.provider.as_deref().map(|name| (name, format!("{name}.failure")))
    }

    /// Problems with their keys in the section.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.keys.is_empty() && self.provider.is_none() {
            problems.push((
                "keys",
                "nothing verifies approvals: write `keys`, or `provider`".to_owned(),
            ));
        }
        if self.provider.as_ref().is_some_and(String::is_empty) {
            problems.push(("provider", "the name is empty".to_owned()));
        }
        if !self.keys.is_empty() && self.provider.is_some() && self.cluster.is_none() {
            let message = "nothing is verified with them: leave out `keys` or `provider`";
            problems.push(("keys", message.to_owned()));
        }
        if self.keys.is_empty() && self.provider.is_some() && self.cluster.is_some() {
            let message = "`keys` verify what the service at `cluster` answers: write them too";
            problems.push(("keys", message.to_owned()));
        }
        if self.hold.is_some_and(|hold| hold.millis() > LONGEST_HOLD) {
            problems.push(("hold", "a call is held for at most `60s`".to_owned()));
        }
        if self.hold.is_some() && self.cluster.is_none() {
            problems
                .push(("hold", "only an approval service with a `cluster` is asked".to_owned()));
        }
        if self.valid_for.millis() > LONGEST_VALID {
            problems.push(("valid_for", "a request is valid for at most `24h`".to_owned()));
        }
        problems
    }
}

/// The URL of an approval service.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceUrl(String);

impl ServiceUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The page of a request.
    pub fn page(&self, id: &str) -> String {
        format!("{}/requests/{id}", self.0)
    }

    /// The authority, for requests to the service.
    pub fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or(&*self.0, |(_, rest)| rest);
        rest.split_once('/').map_or(rest, |(authority, _)| authority)
    }

    /// The path of the service's interface.
    pub fn path(&self) -> String {
        let rest = self.0.split_once("://").map_or(&*self.0, |(_, rest)| rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        if path.is_empty() {
            "/access-requests".to_owned()
        } else {
            format!("/{path}/access-requests")
        }
    }
}

impl TryFrom<String> for ServiceUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>?#@\\".contains(&byte);
        let fits = |rest: &str| {
            !rest.is_empty() && !rest.starts_with('/') && !rest.ends_with('/') && rest.len() <= 200
        };
        if rest.is_some_and(fits) && url.bytes().all(plain) {
            Ok(Self(url))
        } else {
            Err(format!(
                "`{url}` is not the URL of a service, such as `https://approvals.acme.example`"
            ))
        }
    }
}

impl From<ServiceUrl> for String {
    fn from(url: ServiceUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(section: &Value, expected: &[&str]) {
        let mut all = json!({ "service": "https://approvals.acme.example" });
        all.as_object_mut().unwrap().extend(section.as_object().unwrap().clone());
        let settings: ApprovalSettings = serde_json::from_value(all).unwrap();
        let found: Vec<_> = settings.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, expected, "{section}");
    }

    #[test]
    fn somebody_can_approve_and_is_asked() {
        let keys = json!(["key"]);
        check(&json!({ "keys": keys }), &[]);
        check(&json!({ "provider": "approval" }), &[]);
        check(&json!({ "keys": keys, "provider": "approval", "cluster": "approvals" }), &[]);
        check(&json!({ "keys": keys, "provider": "approval" }), &["keys"]);
        check(&json!({ "provider": "" }), &["provider"]);
        check(&json!({}), &["keys"]);
        check(&json!({ "keys": [] }), &["keys"]);
        check(&json!({ "provider": "approval", "cluster": "approvals" }), &["keys"]);
        check(&json!({ "keys": keys, "hold": "5s" }), &["hold"]);
        check(&json!({ "keys": keys, "cluster": "approvals", "hold": "61s" }), &["hold"]);
        check(&json!({ "keys": keys, "valid_for": "25h" }), &["valid_for"]);
    }
}
