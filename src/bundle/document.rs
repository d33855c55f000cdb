//! The built bundle: one JSON document that goes into the filter's configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EnvironmentName, LayerName, Manifest};
use crate::digest::Digest;
use crate::tool::ToolDescription;
use crate::trust::{self, Signature};

/// Everything a gate needs to decide, as text. Its digest is over canonical JSON (RFC 8785), so
/// the same content has the same digest however it was written or carried.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The format of this document.
    pub format: Format,
    /// The environment that it was built for. It loads nowhere else.
    #[serde(default, deserialize_with = "trust::given", skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// `bundle.yaml`
    pub manifest: Manifest,
    /// `schema.cedarschema`; the tools' actions are generated.
    pub schema: String,
    /// Policies by layer.
    pub layers: BTreeMap<LayerName, Vec<PolicySource>>,
    /// `entities.yaml`
    pub entities: Vec<EntitySource>,
    /// The tools of each server: name and input schema as the server gave them, and the digest of
    /// all it said.
    pub tools: BTreeMap<String, Vec<ToolDescription>>,
    /// Who vouches for all of the above. Not part of the content that the digest names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

impl Document {
    /// The name of the environment as policies and records see it: empty when there is none.
    pub fn environment_name(&self) -> String {
        self.environment.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// The digest that names this bundle's content.
    pub fn digest(&self) -> Digest {
        if self.signatures.is_empty() {
            return Digest::of(self);
        }
        Digest::of(&Self { signatures: Vec::new(), ..self.clone() })
    }
}

/// The version of the document's shape.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Format {
    /// The first one.
    #[serde(rename = "toolgate.bundle/1")]
    V1,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V1 => "toolgate.bundle/1",
        })
    }
}

/// One policy.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySource {
    /// Its `@id`.
    pub id: String,
    /// Its Cedar text.
    pub source: String,
}

/// One static entity.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EntitySource {
    /// The entity, as Cedar spells it: `Agent::"support-bot"`.
    pub uid: String,
    /// Its parents, spelled the same way.
    #[serde(default)]
    pub parents: Vec<String>,
    /// Its attributes, in Cedar's JSON form.
    #[serde(default)]
    pub attrs: BTreeMap<String, Value>,
}
