//! The names of a gate, and of the servers behind it, in what the gate signs.

use serde::{Deserialize, Serialize};

/// The most bytes of a name.
const LONGEST: usize = 256;

/// The name of a gate in what it signs, `iss` of a JWT: usually its URL.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

/// The name of a server in what is signed for it, `aud` of a JWT.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Audience(String);

impl Issuer {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Audience {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Issuer {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        named(name, "an issuer", "https://gate.acme.example").map(Self)
    }
}

impl TryFrom<String> for Audience {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        named(name, "an audience", "https://crm.acme.example").map(Self)
    }
}

impl From<Issuer> for String {
    fn from(name: Issuer) -> Self {
        name.0
    }
}

impl From<Audience> for String {
    fn from(name: Audience) -> Self {
        name.0
    }
}

fn named(name: String, what: &str, example: &str) -> Result<String, String> {
    let visible = name.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && !name.is_empty() && name.len() <= LONGEST {
        Ok(name)
    } else {
        Err(format!("`{name}` is not a name of {what}: write a URL, such as `{example}`"))
    }
}
