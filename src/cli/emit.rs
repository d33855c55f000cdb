//! `toolgate emit`: generates proxy configuration from a bundle.

mod code;
mod cors;
mod deploy;
mod ecds;
mod envoy;
mod envoy_gateway;
mod istio;
mod limitador;
pub(in crate::cli) mod limits;
mod paths;
mod plugin_config;
mod providers;
mod rate;
mod rate_filters;
mod refused_token;
mod service;
mod template;
mod tokens;
mod upstream;
mod values;
mod well_known;

use clap::Subcommand;

use crate::cli::analysis::lint;
use crate::cli::input::directory;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format};

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
    Limitador(limitador::Arguments),
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    let (opened, text, output, paths) = match &arguments.target {
        Target::Envoy(arguments) => {
            let environment = arguments.environment.environment.as_ref();
            let opened = directory::open_to_load(&arguments.bundle.bundle, environment)?;
            let text = envoy::emit(arguments, &opened)?;
            (opened, text, &arguments.output, arguments.paths())
        }
        Target::Ecds(arguments) => {
            let opened = arguments.configuration.open()?;
            let text = ecds::emit(arguments, &opened)?;
            (opened, text, &arguments.output, arguments.paths())
        }
        Target::Istio(arguments) => {
            let opened = arguments.configuration.open()?;
            let text = istio::emit(arguments, &opened)?;
            (opened, text, &arguments.output, arguments.paths())
        }
        Target::EnvoyGateway(arguments) => {
            let opened = arguments.configuration.open()?;
            let text = envoy_gateway::emit(arguments, &opened)?;
            (opened, text, &arguments.output, arguments.paths())
        }
        Target::Limitador(arguments) => {
            let environment = arguments.environment.environment.as_ref();
            let opened = directory::open_to_load(&arguments.bundle.bundle, environment)?;
            let text = limitador::emit(arguments, &opened)?;
            (opened, text, &arguments.output, Vec::new())
        }
    };
    let warnings = lint::before_use(&opened)?;
    output.write(text.as_bytes())?;
    report::talk(&paths::warnings(&paths));
    opened.announce(&warnings);
    let needs = match &arguments.target {
        Target::Envoy(arguments) => arguments.needs(&opened),
        Target::Ecds(_) => Some(ecds::needs(&opened)),
        Target::Istio(_) | Target::EnvoyGateway(_) | Target::Limitador(_) => None,
    };
    report::talk(&needs.unwrap_or_default());
    Ok(Exit::Success)
}
