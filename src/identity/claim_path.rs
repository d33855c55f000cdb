//! Where a claim is in a token.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::IdentityError;

/// The path of a claim: a name, names joined by dots, or, for names that contain dots, a JSON
/// Pointer (RFC 6901) that begins with `/`. A URL is one name, as providers use it for claims of
/// their customers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimPath {
    text: String,
    steps: Vec<String>,
}

impl ClaimPath {
    pub(super) fn sub() -> Self {
        Self { text: "sub".to_owned(), steps: vec!["sub".to_owned()] }
    }

    /// The member names of the path.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The claim's value; `None` if it is absent or null.
    ///
    /// # Errors
    ///
    /// A value that should contain the claim is not an object, and may make its statement in another
    /// form.
    pub fn find<'a>(&self, claims: &'a Value) -> Result<Option<&'a Value>, IdentityError> {
        let mut value = claims;
        for step in &self.steps {
            let members = value.as_object().ok_or_else(|| IdentityError::IllTyped {
                claim: self.text.clone(),
                expected: "in an object",
            })?;
            match members.get(step) {
                None | Some(Value::Null) => return Ok(None),
                Some(member) => value = member,
            }
        }
        Ok(Some(value))
    }

    /// Whether a token makes the statement of this claim: it is there and neither null nor false.
    /// A value that should contain the claim, and is not an object, may make it in another form.
    pub(super) fn is_stated(&self, claims: &Value) -> bool {
        let mut value = claims;
        for step in &self.steps {
            match value.as_object().map(|members| members.get(step)) {
                Some(Some(member)) if !member.is_null() => value = member,
                Some(_) => return false,
                None => break,
            }
        }
        *value != Value::Bool(false)
    }
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let steps: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
            }
            None if text.contains("://") => vec![text.clone()],
            None => text.split('.').map(str::to_owned).collect(),
        };
        if steps.iter().any(String::is_empty) {
            return Err(format!("`{text}` is not a claim path: a step of it is empty"));
        }
        Ok(Self { text, steps })
    }
}

impl From<ClaimPath> for String {
    fn from(path: ClaimPath) -> Self {
        path.text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> ClaimPath {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn names_with_dots_and_slashes() {
        for (text, steps) in [
            ("sub", &["sub"][..]),
            ("cognito:groups", &["cognito:groups"]),
            ("urn:zitadel:iam:org:project:roles", &["urn:zitadel:iam:org:project:roles"]),
            ("resource_access.my-client.roles", &["resource_access", "my-client", "roles"]),
            ("/resource_access/my.client/roles", &["resource_access", "my.client", "roles"]),
            ("https://acme.example/roles", &["https://acme.example/roles"]),
            ("/https:~1~1acme.example~1app/roles", &["https://acme.example/app", "roles"]),
            ("/a~01", &["a~1"]),
        ] {
            assert_eq!(path(text).steps(), steps, "{text}");
        }
        for bad in ["", ".", "a.", "/", "/a//b"] {
            assert!(ClaimPath::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_token_states() {
        for (claims, stated) in [
            (json!({}), false),
            (json!({ "a": null }), false),
            (json!({ "a": {} }), false),
            (json!({ "a": { "b": null } }), false),
            (json!({ "a": { "b": false } }), false),
            (json!({ "a": false }), false),
            (json!({ "a": { "b": "src1" } }), true),
            (json!({ "a": { "b": "" } }), true),
            (json!({ "a": { "b": 0 } }), true),
            (json!({ "a": { "b": {} } }), true),
            (json!({ "a": "{\"b\":1}" }), true),
            (json!({ "a": ["b"] }), true),
        ] {
            assert_eq!(path("a.b").is_stated(&claims), stated, "{claims}");
        }
    }
}
