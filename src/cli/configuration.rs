//! What the filter is told, and what Envoy is told about the filter, for whatever carries it.

use serde_json::{Value, json};

use super::directory::{self, Opened};
use super::trust::TrustArgument;
use super::{BundleArgument, Stop};
use crate::json;

/// The filter's name and root context, and with it the name of its filter state and counters.
pub(super) const NAME: &str = "toolgate";

/// What the filter's configuration is made of.
#[derive(Debug, clap::Args)]
pub(super) struct Configuration {
    #[command(flatten)]
    bundle: BundleArgument,
    /// The environment that policies and records see, such as `production`
    #[arg(long, value_name = "NAME", default_value = "")]
    environment: String,
    #[command(flatten)]
    trust: TrustArgument,
}

impl Configuration {
    /// The bundle, loaded as the filter will load it.
    pub(super) fn open(&self) -> Result<Opened, Stop> {
        Ok(directory::open(&self.bundle.bundle)?)
    }

    /// What the filter reads. A bundle that it would not trust is refused here.
    pub(super) fn of(&self, opened: &Opened) -> Result<Value, Stop> {
        let mut value = json!({ "bundle": opened.document, "environment": self.environment });
        if let (Some(trust), Value::Object(members)) =
            (self.trust.demand(&opened.document)?, &mut value)
        {
            members.insert("trust".to_owned(), json!(trust));
        }
        Ok(value)
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
