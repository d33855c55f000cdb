//! `toolgate emit ecds`: the resource that Envoy takes from a watched file or an xDS server.

use serde_json::{Value, json};

use super::Output;
use crate::cli::configuration::{self, Configuration};
use crate::cli::directory::Opened;
use crate::cli::{Stop, report};

/// Write the resource for Envoy's extension config discovery (ECDS)
///
/// Envoy takes it from a file (`path_config_source`) or an xDS server, and replaces the bundle in
/// force without a restart. A bundle that does not load is rejected, and the one in force stays.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example, for what `toolgate emit envoy` writes:
  toolgate emit ecds policies/acme --wasm /etc/toolgate/toolgate.wasm \\
      --environment production -o /etc/toolgate/ecds/toolgate.json

  A bundle that was signed elsewhere, for a filter that takes no other:
  toolgate emit ecds acme.json --wasm /etc/toolgate/toolgate.wasm --trust trust.yaml

`toolgate check --help` shows a trust.yaml.")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) configuration: Configuration,
    /// Where Envoy finds the filter, as a path on Envoy's machine
    #[arg(long, value_name = "PATH")]
    wasm: String,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) fn emit(arguments: &Arguments, opened: &Opened) -> Result<String, Stop> {
    let configuration = arguments.configuration.of(opened)?;
    Ok(report::pretty(&resource(opened, &configuration, &arguments.wasm)))
}

/// The resource with the filter's code in a local file.
pub(super) fn resource(opened: &Opened, configuration: &Value, wasm: &str) -> Value {
    let plugin = configuration::plugin(configuration, &json!({ "local": { "filename": wasm } }));
    configuration::discovered(&opened.loaded.bundle.id.digest.to_string(), &plugin)
}
