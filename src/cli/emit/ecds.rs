//! `toolgate emit ecds`: the resource that Envoy loads from a watched file or an xDS server.

use serde_json::json;

use super::limits::buffer;
use super::paths::ProxyPath;
use super::plugin_config::{self, Configuration, SIGNING_KEY};
use super::values;
use crate::cli::input::directory::Opened;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::Stop;
use crate::cli::output::report;

/// Write the resource for Envoy's extension config discovery (ECDS)
///
/// Envoy takes it from a file (`path_config_source`) or an xDS server, and replaces the bundle in
/// force without a restart. A bundle that does not load is rejected, and the one in force stays.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example, for what `toolgate emit envoy` writes:
  toolgate emit ecds policies/acme --wasm /etc/toolgate/toolgate.wasm \\
      --environment production -o /etc/toolgate/ecds/toolgate.json")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) configuration: Configuration,
    /// Where Envoy finds the filter, as a path on Envoy's machine
    #[arg(long, value_name = "PATH", value_parser = values::filter_file)]
    wasm: String,
    #[command(flatten)]
    pub(super) output: Destination,
}

impl Arguments {
    pub(super) fn paths(&self) -> Vec<ProxyPath<'_>> {
        vec![("--wasm", &self.wasm)]
    }
}

pub(super) fn emit(arguments: &Arguments, opened: &Opened) -> Result<String, Stop> {
    let configuration = arguments.configuration.of(opened)?;
    let code = json!({ "local": { "filename": arguments.wasm } });
    let plugin = plugin_config::plugin(&configuration, &code);
    let version = plugin_config::version(opened, &configuration);
    Ok(report::pretty(&plugin_config::discovered(&version, &plugin)))
}

/// What the rest of Envoy's configuration must have for this bundle, in one line.
pub(super) fn needs(opened: &Opened) -> String {
    let manifest = &opened.document.manifest;
    let paths = report::listed(manifest.channels.iter().map(|channel| channel.path.as_str()));
    let mut names = manifest.identity.all_token_names();
    names.extend(manifest.approvals.iter().filter_map(|it| it.provider.clone()));
    let tokens = if names.is_empty() {
        "no tokens".to_owned()
    } else {
        format!("verified tokens under {}", report::listed(names.iter().map(String::as_str)))
    };
    let bytes = buffer(opened);
    let key = format!("Envoy's environment must have {SIGNING_KEY}, which the filter signs with\n");
    let key = if manifest.issuer.is_some() { key } else { String::new() };
    format!(
        "{key}the listener must have routes for {paths}, {tokens}, and a buffer of {bytes} bytes: \
         `toolgate emit envoy` writes them\n"
    )
}
