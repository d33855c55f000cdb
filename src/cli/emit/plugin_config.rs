//! The configuration of the filter and of the Wasm plugin that contains it.

use std::path::PathBuf;

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::template;
use crate::bundle::Document;
use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};
use crate::cli::input::directory::{self, Opened};
use crate::cli::input::trust::TrustArgument;
use crate::cli::output::exit::Stop;
use crate::cli::output::report;
use crate::json;

/// The filter's name and root id, and so the name of its filter state and counters.
pub(in crate::cli) const NAME: &str = "toolgate";

/// The environment variable with the keys that the filter signs with.
pub(in crate::cli) const SIGNING_KEY: &str = "TOOLGATE_SIGNING_KEY";

/// Whether the filter signs anything.
pub(super) fn signs(configuration: &Value) -> bool {
    configuration.pointer("/bundle/manifest/issuer").is_some()
}

/// What the filter's configuration is made of.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Configuration {
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
    /// Opens the bundle as the filter will load it.
    pub(in crate::cli) fn open(&self) -> Result<Opened, Stop> {
        let environment = self.environment.environment.as_ref();
        Ok(directory::open_to_load(&self.bundle.bundle, environment)?)
    }

    /// The filter's configuration. A bundle that the filter would not trust is refused here.
    pub(in crate::cli) fn of(&self, opened: &Opened) -> Result<Value, Stop> {
        let mut members = Map::from_iter([("bundle".to_owned(), json!(opened.document))]);
        if let Some(environment) = &opened.document.environment {
            members.insert("environment".to_owned(), json!(environment));
        }
        if let Some(candidate) = &self.candidate {
            // A filter instance has exactly one environment.
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

/// Envoy's plugin configuration, with the location of the code.
pub(in crate::cli) fn plugin(configuration: &Value, code: &Value) -> Value {
    let usual = [("vm_id", json!(NAME)), ("runtime", json!("envoy.wasm.runtime.v8"))];
    let mut vm = Map::from_iter(usual.map(|(key, value)| (key.to_owned(), value)));
    vm.insert("code".to_owned(), code.clone());
    if signs(configuration) {
        let passed = json!({ "host_env_keys": [SIGNING_KEY] });
        vm.insert("environment_variables".to_owned(), passed);
        // Envoy 1.36 goes on with a VM that it has, and gives it no new variables. One with another
        // configuration is another VM.
        vm.insert("configuration".to_owned(), text(SIGNING_KEY));
    }
    json!({
        "name": NAME,
        "root_id": NAME,
        "vm_config": vm,
        "configuration": text(&String::from_utf8_lossy(&json::canonical(configuration))),
        // Envoy replaces a crashed VM; only the request that crashed it is lost, and it is refused.
        "failure_policy": "FAIL_RELOAD",
        // Without it, Envoy never delivers the body of a request whose headers are held.
        "allow_on_headers_stop_iteration": true,
    })
}

fn text(value: &str) -> Value {
    json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": value })
}

/// The version shown by Envoy's admin interface: the bundles' digests.
pub(in crate::cli) fn version(opened: &Opened, configuration: &Value) -> String {
    let digest = &opened.loaded.bundle.id.digest;
    let candidate = configuration.get("candidate").and_then(|c| Document::deserialize(c).ok());
    match candidate {
        Some(candidate) => format!("{digest}, candidate {}", candidate.digest()),
        None => digest.to_string(),
    }
}

/// The plugin as a resource of extension config discovery (ECDS).
pub(in crate::cli) fn discovered(version: &str, plugin: &Value) -> Value {
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

/// The plugin as commented YAML, with a configuration that diffs line by line.
pub(super) fn plugin_yaml(code: String, configuration: &Value) -> String {
    let values = [("variable", SIGNING_KEY.to_owned())];
    let passed = template::fill(include_str!("plugin_environment.yaml"), &values);
    let environment = if signs(configuration) { passed } else { String::new() };
    let configuration = template::ascii(&report::pretty(configuration));
    let values = [("code", code), ("environment", environment), ("configuration", configuration)];
    template::fill(include_str!("plugin.yaml"), &values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::emit::code;

    #[test]
    fn the_plugin_is_the_same_in_yaml() {
        for manifest in [json!({}), json!({ "issuer": "https://gate" })] {
            let text = "{{code}} \u{2028} ü\n- x";
            let configuration = json!({ "bundle": { "text": text, "manifest": manifest } });
            let yaml = plugin_yaml(code::local("/toolgate.wasm"), &configuration);
            let mut read: Value = serde_saphyr::from_str(&yaml).unwrap();
            let code = json!({ "local": { "filename": "/toolgate.wasm" } });
            let mut expected = plugin(&configuration, &code);
            let passed = expected["vm_config"].get("environment_variables").is_some();
            assert_eq!(passed, signs(&configuration));
            for plugin in [&mut read, &mut expected] {
                let text = plugin["configuration"]["value"].as_str().unwrap();
                plugin["configuration"]["value"] = serde_json::from_str(text).unwrap();
            }
            assert_eq!(read, expected);
        }
    }
}
