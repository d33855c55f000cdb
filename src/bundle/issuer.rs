//! The name of a gate in what it signs.

use serde::{Deserialize, Serialize};

/// The most bytes of a name.
const LONGEST: usize = 256;

/// The name of a gate in what it signs, `iss` of a JWT: usually its URL.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

impl Issuer {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Issuer {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let visible = name.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && !name.is_empty() && name.len() <= LONGEST {
            Ok(Self(name))
        } else {
            Err(format!(
                "`{name}` is not a name of an issuer: write a URL, such as `https://gate.acme.example`"
            ))
        }
    }
}

impl From<Issuer> for String {
    fn from(name: Issuer) -> Self {
        name.0
    }
}
