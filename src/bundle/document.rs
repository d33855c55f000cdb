//! The built bundle: one JSON document, embedded in the filter's configuration.

#[cfg(test)]
mod alterations;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EnvironmentName, LayerName, Manifest, Policies, Signature};
use crate::digest::{Digest, Digesting};
use crate::json;
use crate::tool::ToolDescription;

/// The sources of a bundle. The digest covers the canonical JSON (RFC 8785), so it does not depend
/// on formatting or transport.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of the document format.
    pub format: Format,
    /// The environment that the bundle was built for. It does not load in any other.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// `bundle.yaml`
    pub manifest: Manifest,
    /// `schema.cedarschema`; the tools' actions are generated.
    pub schema: String,
    /// Policies by layer.
    pub layers: BTreeMap<LayerName, Policies>,
    /// `entities.yaml`
    pub entities: Vec<EntitySource>,
    /// Entities and types resolved against the schema, so that the filter does not parse the
    /// schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
    /// The tools of each server: name and input schema as the server lists them, and the digest of
    /// the full description.
    pub tools: BTreeMap<String, Vec<ToolDescription>>,
    /// Signatures on the document. The digest does not cover them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

impl Document {
    /// The environment's name in policies and records; empty when there is none.
    pub fn environment_name(&self) -> String {
        self.environment.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// The digest that identifies the bundle: that of its canonical JSON without signatures.
    pub fn digest(&self) -> Digest {
        let mut digest = Digesting::default();
        digest.text("{\"entities\":").canonical(&self.entities);
        if let Some(environment) = &self.environment {
            digest.text(",\"environment\":").canonical(environment);
        }
        digest.text(",\"format\":").canonical(&self.format);
        digest.text(",\"layers\":{");
        // Policies can be far larger than the rest and consist of strings only, which have one
        // canonical spelling in JSON. They are digested without a copy.
        let layers = self.layers.iter().map(|(name, policies)| (name.to_string(), policies));
        let layers: BTreeMap<String, &Policies> = layers.collect();
        for (separator, (name, policies)) in
            std::iter::once("").chain(std::iter::repeat(",")).zip(layers)
        {
            digest.text(separator).plain(&name).text(":").plain(policies);
        }
        digest.text("},\"manifest\":").canonical(&self.manifest);
        if let Some(resolved) = &self.resolved {
            digest.text(",\"resolved\":").canonical(resolved);
        }
        digest.text(",\"schema\":").canonical(&self.schema);
        digest.text(",\"tools\":").canonical(&self.tools);
        digest.text("}").finish()
    }
}

/// The parts of a document resolved against the schema. `toolgate build` stores it; every command
/// that reads a built document computes it again and requires the same result.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// All entities, actions included, in the Cedar JSON form that parses without a schema.
    #[serde(deserialize_with = "json::normalized")]
    pub entities: Vec<Value>,
    /// The types that the author declares outside any namespace.
    pub types: BTreeSet<String>,
}

/// The version of the document format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Format {
    /// The first version.
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

/// One static entity.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EntitySource {
    /// The entity UID in Cedar syntax: `Agent::"support-bot"`.
    pub uid: String,
    /// The UIDs of its parents, in the same syntax.
    #[serde(default)]
    pub parents: Vec<String>,
    /// Its attributes, in Cedar JSON.
    #[serde(default, deserialize_with = "json::normalized")]
    pub attrs: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::PolicySource;
    use crate::fixture;

    #[test]
    fn the_digest_is_that_of_the_canonical_document_without_signatures() {
        let mut document = fixture::document();
        document.environment = "production".to_owned().try_into().ok();
        let odd = "// \u{7}\u{8}\u{c}\n\r\t\"\\\u{7f}\u{2028}é😀".to_owned();
        for name in ["agent/a", "org", "team/t", "tenant/t"] {
            let policies = document.layers.entry(name.to_owned().try_into().unwrap()).or_default();
            policies.push(PolicySource { id: &name.replace('/', "."), source: &odd });
        }
        assert_eq!(document.digest(), Digest::of(&document));
        let entities = vec![serde_json::json!({ "attrs": { "amount": 1 } })];
        document.resolved = Some(Resolved { entities, types: ["User".to_owned()].into() });
        assert_eq!(document.digest(), Digest::of(&document));
        let signature = format!("{}==", "A".repeat(86));
        let signature = serde_json::json!({ "key": Digest::of(&1), "digest": Digest::of(&2), "signature": signature });
        let mut signed = serde_json::to_value(&document).unwrap();
        signed["signatures"] = serde_json::json!([signature]);
        let signed: Document = serde_json::from_value(signed).unwrap();
        assert_eq!(signed.signatures.len(), 1);
        assert_eq!(signed.digest(), document.digest());
    }
}
