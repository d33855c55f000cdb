//! What the filter is told, and what Envoy is told about the filter, for whatever carries it.

use std::path::PathBuf;

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::directory::{self, Opened};
use super::trust::TrustArgument;
use super::{BundleArgument, EnvironmentArgument, Stop};
use crate::bundle::Document;
use crate::json;

/// The filter's name and root context, and with it the name of its filter state and counters.
pub(super) const NAME: &str = "toolgate";

/// What the filter's configuration is made of.
#[derive(Debug, clap::Args)]
pub(super) struct Configuration {
    #[command(flatten)]
    bundle: BundleArgument,
    #[command(flatten)]
    environment: EnvironmentArgument,
    /// A second bundle, which decides nothing: records tell what it would have decided
    #[arg(long, value_name = "BUNDLE")]
    candidate: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgument,
}

impl Configuration {
    /// The bundle, loaded as the filter will load it.
    pub(super) fn open(&self) -> Result<Opened, Stop> {
        let environment = self.environment.environment.as_ref();
        Ok(directory::open_to_load(&self.bundle.bundle, environment)?)
    }

    /// What the filter reads. A bundle that it would not trust is refused here.
    pub(super) fn of(&self, opened: &Opened) -> Result<Value, Stop> {
        let mut members = Map::from_iter([("bundle".to_owned(), json!(opened.document))]);
        if let Some(environment) = &opened.document.environment {
            members.insert("environment".to_owned(), json!(environment));
        }
        if let Some(candidate) = &self.candidate {
            // One filter, one environment.
            let environment = opened.document.environment.as_ref();
            let candidate = directory::open_to_load(candidate, environment)?;
            self.trust.demand(&candidate.document)?;
            members.insert("candidate".to_owned(), json!(candidate.document));
        }
        if let Some(trust) = self.trust.demand(&opened.document)? {
            members.insert("trust".to_owned(), json!(trust));
        }
        Ok(Value::Object(members))
    }
}

/// What Envoy reads: the plugin, with its code wherever Envoy finds that.
pub(super) fn plugin(configuration: &Value, code: &Value) -> Value {
    json!({
        "name": NAME,
        "root_id": NAME,
        "vm_config": { "vm_id": NAME, "runtime": "envoy.wasm.runtime.v8", "code": code },
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": String::from_utf8_lossy(&json::canonical(configuration)),
        },
        // A VM that crashed is replaced; only the request that crashed it is lost, and refused.
        "failure_policy": "FAIL_RELOAD",
        // Without it, Envoy never delivers the body of a request whose headers are held.
        "allow_on_headers_stop_iteration": true,
    })
}

/// How Envoy's admin interface tells one configuration from the next: by the bundles' digests.
pub(super) fn version(opened: &Opened, configuration: &Value) -> String {
    let digest = &opened.loaded.bundle.id.digest;
    let candidate = configuration.get("candidate").and_then(|c| Document::deserialize(c).ok());
    match candidate {
        Some(candidate) => format!("{digest}, candidate {}", candidate.digest()),
        None => digest.to_string(),
    }
}

/// The plugin as what extension config discovery (ECDS) delivers.
pub(super) fn discovered(version: &str, plugin: &Value) -> Value {
    json!({
        "version_info": version,
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": NAME,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": plugin,
            },
        }],
    })
}
