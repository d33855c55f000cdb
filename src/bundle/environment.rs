//! The environment in which a bundle is in force.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::is_name;

/// The name of an environment, such as `production`.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvironmentName(String);

impl EnvironmentName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EnvironmentName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        // The name is also used for a file and a directory.
        if is_name(&name) && !name.starts_with('.') {
            Ok(Self(name))
        } else {
            Err(format!(
                "`{name}` is not the name of an environment: use letters, digits, `-`, `_`, `.`"
            ))
        }
    }
}

impl FromStr for EnvironmentName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.to_owned().try_into()
    }
}

impl From<EnvironmentName> for String {
    fn from(name: EnvironmentName) -> Self {
        name.0
    }
}
