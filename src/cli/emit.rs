//! `toolgate emit`: a bundle as configuration that a proxy takes as it is.

mod code;
mod deploy;
mod ecds;
mod envoy;
mod envoy_gateway;
mod istio;
mod template;
mod tokens;
mod values;

use std::path::PathBuf;

use clap::Subcommand;

use super::build;
use super::directory::{self, Opened};
use super::report::{Format, Problem};
use super::{Exit, Stop};

/// Write configuration that a proxy loads as it is
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    Envoy(envoy::Arguments),
    Ecds(ecds::Arguments),
    Istio(istio::Arguments),
    EnvoyGateway(envoy_gateway::Arguments),
}

/// Where the result goes.
#[derive(Debug, clap::Args)]
struct Output {
    /// Write to this file, replacing it in one step, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    let (opened, text, output) = match &arguments.target {
        Target::Envoy(arguments) => {
            let environment = arguments.environment.environment.as_ref();
            let opened = directory::open_to_load(&arguments.bundle.bundle, environment)?;
            let text = envoy::emit(arguments, &opened)?;
            (opened, text, &arguments.output)
        }
        Target::Ecds(arguments) => {
            let opened = arguments.configuration.open()?;
            let text = ecds::emit(arguments, &opened)?;
            (opened, text, &arguments.output)
        }
        Target::Istio(arguments) => {
            let opened = arguments.configuration.open()?;
            let text = istio::emit(arguments, &opened)?;
            (opened, text, &arguments.output)
        }
        Target::EnvoyGateway(arguments) => {
            let opened = arguments.configuration.open()?;
            let text = envoy_gateway::emit(arguments, &opened)?;
            (opened, text, &arguments.output)
        }
    };
    build::write(output.output.as_ref(), text.as_bytes())?;
    build::tell(&opened);
    Ok(Exit::Success)
}

/// How many bytes of a call Envoy must be able to hold: more than the bundle lets through, so that
/// the filter answers what is too large, and not Envoy.
fn buffer(opened: &Opened) -> usize {
    const LEAST: usize = 2 << 20;
    opened.document.manifest.limits.body_bytes.saturating_mul(2).max(LEAST)
}

/// The plugin as YAML with comments and a configuration whose changes can be read line by line.
fn plugin_yaml(code: String, configuration: &str) -> String {
    let values = [("code", code), ("configuration", template::ascii(configuration))];
    template::fill(include_str!("emit/plugin.yaml"), &values)
}

/// The text, unless it is too long for its way to the proxy.
fn within(text: String, largest: usize, what: &str) -> Result<String, Vec<Problem>> {
    if text.len() <= largest {
        return Ok(text);
    }
    let problem = Problem::new(format!("{} bytes are more than {what}: {largest}", text.len()));
    Err(vec![problem.with_help("divide the bundle, one for each group of tool servers")])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::{configuration, report};

    #[test]
    fn the_plugin_is_the_same_in_yaml() {
        let configuration = json!({ "bundle": { "text": "{{code}} \u{2028} ü\n- x" } });
        let yaml = plugin_yaml(code::local("/toolgate.wasm"), &report::pretty(&configuration));
        let mut read: Value = serde_saphyr::from_str(&yaml).unwrap();
        let code = json!({ "local": { "filename": "/toolgate.wasm" } });
        let mut expected = configuration::plugin(&configuration, &code);
        for plugin in [&mut read, &mut expected] {
            let text = plugin["configuration"]["value"].as_str().unwrap();
            plugin["configuration"]["value"] = serde_json::from_str(text).unwrap();
        }
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_too_long_for_its_way_is_refused() {
        assert_eq!(within("12".to_owned(), 2, "two").unwrap(), "12");
        let problems = within("123".to_owned(), 2, "what fits").unwrap_err();
        assert_eq!(problems[0].message, "3 bytes are more than what fits: 2");
    }
}
