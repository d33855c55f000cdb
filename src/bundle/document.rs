//! The built bundle: one JSON document that goes into the filter's configuration.

#[cfg(test)]
mod alterations;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EnvironmentName, LayerName, Manifest, Policies, Signature};
use crate::digest::{Digest, Digesting};
use crate::json;
use crate::tool::ToolDescription;

/// Everything a gate needs to decide, as text. Its digest is over canonical JSON (RFC 8785), so
/// the same content has the same digest however it was written or carried.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The format of this document.
    pub format: Format,
    /// The environment that it was built for. It loads nowhere else.
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
    /// What the schema makes of all this, so that the filter need not read it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
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

    /// The digest that names this bundle's content: that of its canonical JSON without signatures.
    pub fn digest(&self) -> Digest {
        let mut digest = Digesting::default();
        digest.text("{\"entities\":").canonical(&self.entities);
        if let Some(environment) = &self.environment {
            digest.text(",\"environment\":").canonical(environment);
        }
        digest.text(",\"format\":").canonical(&self.format);
        digest.text(",\"layers\":{");
        // Policies can be far more text than all the rest, and are nothing but strings, which have
        // one spelling in JSON: they are digested without a copy.
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

/// What the schema says of the other parts of a document. `toolgate build` puts it down; every
/// command that reads a built document makes it anew and wants the same.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// All entities, actions included, in the form of Cedar's JSON that needs no schema to be read.
    #[serde(deserialize_with = "json::normalized")]
    pub entities: Vec<Value>,
    /// The types that the author declares outside any namespace.
    pub types: BTreeSet<String>,
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
