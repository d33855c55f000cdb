//! `toolgate emit`: a bundle as configuration that a proxy takes as it is.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::build;
use super::directory::{self, Opened};
use super::report::{self, Format};
use super::{BundleArgument, Exit, Stop};
use crate::json;

/// Write configuration that a proxy loads as it is
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    Ecds(Ecds),
}

/// Write the resource for Envoy's extension config discovery (ECDS)
///
/// Envoy takes it from a file (`path_config_source`) or an xDS server, and replaces the bundle in
/// force without a restart. A bundle that does not load is rejected, and the one in force stays.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example, for envoy/envoy.yaml of the repository:
  toolgate emit ecds policies/acme --wasm /etc/toolgate/toolgate.wasm \\
      --environment production -o /etc/toolgate/ecds/toolgate.json")]
struct Ecds {
    #[command(flatten)]
    bundle: BundleArgument,
    /// Where Envoy finds the filter, as a path on Envoy's machine
    #[arg(long, value_name = "PATH")]
    wasm: String,
    /// The environment that policies and records see, such as `production`
    #[arg(long, value_name = "NAME", default_value = "")]
    environment: String,
    /// Write to this file, replacing it in one step, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    let Target::Ecds(arguments) = &arguments.target;
    let opened = directory::open(&arguments.bundle.bundle)?;
    let resource = report::pretty(&ecds(arguments, &opened));
    build::write(arguments.output.as_ref(), resource.as_bytes())?;
    build::tell(&opened);
    Ok(Exit::Success)
}

fn ecds(arguments: &Ecds, opened: &Opened) -> Value {
    json!({
        "version_info": opened.loaded.bundle.id.digest,
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "toolgate",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": plugin(arguments, opened),
            },
        }],
    })
}

fn plugin(arguments: &Ecds, opened: &Opened) -> Value {
    let configuration = json::canonical(&json!({
        "bundle": opened.document,
        "environment": arguments.environment,
    }));
    json!({
        "name": "toolgate",
        "root_id": "toolgate",
        "vm_config": {
            "vm_id": "toolgate",
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": arguments.wasm } },
        },
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": String::from_utf8_lossy(&configuration),
        },
        // A VM that crashed is replaced; only the request that crashed it is lost, and refused.
        "failure_policy": "FAIL_RELOAD",
        // Without it, Envoy never delivers the body of a request whose headers are held.
        "allow_on_headers_stop_iteration": true,
    })
}
