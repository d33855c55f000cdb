//! The name of a Cedar entity type.

use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde::{Deserialize, Serialize};

/// A Cedar entity type name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TypeName(EntityTypeName);

impl TypeName {
    /// The name as a Cedar type.
    pub fn as_cedar(&self) -> &EntityTypeName {
        &self.0
    }

    /// The entity of this type with an id.
    pub(super) fn uid(&self, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.0.clone(), EntityId::new(id))
    }
}

impl std::fmt::Display for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for TypeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        EntityTypeName::from_str(&text)
            .map(Self)
            .map_err(|_| format!("`{text}` is not a Cedar entity type name"))
    }
}

impl From<TypeName> for String {
    fn from(name: TypeName) -> Self {
        name.0.to_string()
    }
}
