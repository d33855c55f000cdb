//! `toolgate emit envoy`: the repository's Envoy configuration, adapted to a bundle and a
//! deployment.

use super::cors::{self, Cors};
use super::deploy::{Edit, block, render};
use super::limits::buffer;
use super::paths::{self, ProxyPath};
use super::providers;
use super::rate_filters::RateLimits;
use super::refused_token;
use super::service::Service;
use super::template::{item, scalar};
use super::tokens::{Keys, Provider, Tokens};
use super::upstream::{Upstream, Upstreams};
use super::values::{self, Endpoint, Named};
use super::well_known::{WellKnown, well_known};
use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};
use crate::cli::input::directory::Opened;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;

/// The configuration that the repository's tests run; every value that depends on the deployment is
/// marked in it.
const TEMPLATE: &str = include_str!("../../../envoy/envoy.yaml");

/// The heap limit in the configuration: a buffer for each connection fits into it.
const HEAP: usize = 1 << 31;

/// Write a complete configuration for Envoy
///
/// It listens for the bundle's channels, verifies tokens, takes the filter and the bundle from the
/// file that `toolgate emit ecds` writes, forwards what is permitted to the tool servers, and
/// writes three logs. What each setting is for stands beside it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate emit envoy policies/acme --environment production --upstream 127.0.0.1:9000 \\
      --issuer https://id.acme.example --audience https://tools.acme.example
  toolgate emit envoy policies/acme --environment production --part filters \\
      --upstream crm=crm.internal:8080 --upstream 127.0.0.1:9000 \\
      --issuer https://id.acme.example --audience https://tools.acme.example")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) bundle: BundleArgument,
    #[command(flatten)]
    pub(super) environment: EnvironmentArgument,
    /// Where a tool server is, or all servers that are not named; may occur several times
    ///
    /// `HOST:PORT` gets calls with the caller's host and path, `HOST:PORT/PATH` with this host and
    /// path, and `https://HOST/PATH` with TLS.
    #[arg(long = "upstream", value_name = "[SERVER=]HOST:PORT[/PATH]", required = true)]
    upstreams: Vec<Upstream>,
    #[command(flatten)]
    tokens: Tokens,
    /// An issuer's signing keys (JWKS): a path on Envoy's machine, or a URL that Envoy fetches
    /// [default: /etc/toolgate/jwks.json, for one issuer]
    #[arg(long, value_name = "[NAME=]PATH|URL", value_parser = values::keys)]
    jwks: Vec<Named>,
    /// The authorities by which Envoy verifies servers with TLS, as a path on its machine
    #[arg(long, value_name = "PATH", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    ca: String,
    /// Answer what clients without a token ask for: the resource metadata (RFC 9728), and 404 for
    /// what an authorization server would have
    #[arg(long)]
    resource_metadata: bool,
    /// Where clients log in, if it is not the issuer; may occur several times
    #[arg(long = "authorization-server", value_name = "URL", value_parser = values::https)]
    #[arg(requires = "resource_metadata")]
    authorization_servers: Vec<String>,
    #[command(flatten)]
    cors: Cors,
    /// Where the bundle's rate limit service is, which speaks gRPC
    #[arg(long, value_name = "HOST:PORT")]
    rate_limits: Option<Endpoint>,
    /// Where the bundle's approval service is
    #[arg(long, value_name = "HOST:PORT")]
    approvals: Option<Endpoint>,
    #[command(flatten)]
    rates: RateLimits,
    /// Where Envoy listens for calls; beyond this machine only with TLS
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:10000")]
    listen: Endpoint,
    /// Where Envoy's administration listens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9901")]
    admin: Endpoint,
    /// How records name this Envoy
    #[arg(long, value_name = "ID", default_value = "toolgate-1")]
    node: String,
    /// The directory that Envoy watches for `toolgate.json`, which `toolgate emit ecds` writes
    #[arg(long, value_name = "DIR", default_value = "/etc/toolgate/ecds")]
    ecds: String,
    /// The directory of the logs
    #[arg(long, value_name = "DIR", default_value = "/var/log/toolgate")]
    logs: String,
    /// All of it, or the HTTP filters for a configuration that exists
    #[arg(long, value_enum, default_value_t)]
    part: Part,
    #[command(flatten)]
    pub(super) output: Destination,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
enum Part {
    /// A configuration that Envoy starts with
    #[default]
    Bootstrap,
    /// Token verification, the filter and the router, in order
    Filters,
}

impl Arguments {
    /// What the listener of an existing configuration must have for the filters, in one line.
    pub(super) fn needs(&self, opened: &Opened) -> Option<String> {
        let bytes = buffer(opened);
        (self.part == Part::Filters).then(|| {
            format!(
                "the listener must have `per_connection_buffer_limit_bytes: {bytes}`, the same for \
                 `initial_stream_window_size` on HTTP/2, and `metadata: {{ filter_metadata: {{ \
                 toolgate: {{ buffer_bytes: {bytes} }} }} }}`\n"
            )
        })
    }

    pub(super) fn paths(&self) -> Vec<ProxyPath<'_>> {
        let others = [("--ca", &self.ca), ("--ecds", &self.ecds), ("--logs", &self.logs)];
        let others = others.into_iter().map(|(option, path)| (option, path.as_str()));
        paths::of_keys(&self.jwks).chain(others).collect()
    }
}

pub(super) fn emit(arguments: &Arguments, opened: &Opened) -> Result<String, Stop> {
    let keys = Keys { given: &arguments.jwks, otherwise: Some("/etc/toolgate/jwks.json") };
    let mut problems = Vec::new();
    let mut said = |found: Vec<Problem>| problems.extend(found);
    let providers = arguments.tokens.providers(opened, keys, None).map_err(&mut said).ok();
    let upstreams = Upstreams::new(opened, &arguments.upstreams).map_err(&mut said).ok();
    let well_known = match &providers {
        Some(providers) if arguments.resource_metadata => {
            well_known(opened, providers, &arguments.authorization_servers).map_err(&mut said).ok()
        }
        _ => None,
    };
    let others = upstreams.as_ref().map(Upstreams::names).unwrap_or_default();
    let manifest = &opened.document.manifest;
    let services = [
        (Service::of_budgets(manifest), arguments.rate_limits.as_ref()),
        (Service::of_approvals(manifest), arguments.approvals.as_ref()),
    ];
    let services = services
        .map(|(service, at)| service.written(at, &others).map_err(&mut said).unwrap_or_default());
    let rates = arguments.rates.filters(opened).map_err(&mut said).unwrap_or_default();
    let (Some(providers), Some(upstreams), true) = (providers, upstreams, problems.is_empty())
    else {
        return Err(problems.into());
    };
    let mut edits = place(arguments, opened);
    edits.extend(tokens(&providers, opened));
    let channels = upstreams.routes(&opened.document.manifest.channels, arguments.cors.is_wanted());
    edits.push(Edit::Body(
        "routes",
        match well_known {
            Some(WellKnown { metadata, others }) => [metadata, channels, others].concat(),
            None => channels,
        },
    ));
    if arguments.cors.is_wanted() {
        edits.push(Edit::First("filters", cors::FILTER.to_owned()));
        let headers = manifest.identity.in_own_headers().map(|(_, header)| header);
        edits.push(Edit::First("virtual host", arguments.cors.policy(headers)));
    }
    edits.push(Edit::Above("router", rates.iter().map(|rate| item(rate)).collect()));
    let issuers = providers::clusters(&providers, &arguments.ca);
    let servers = upstreams.clusters(&arguments.ca);
    edits.push(Edit::Body("clusters", servers + &issuers + &services.concat()));
    let text = render(TEMPLATE, &edits);
    Ok(match arguments.part {
        Part::Bootstrap => text,
        Part::Filters => block(&text, "http_filters:"),
    })
}

/// The edits for tokens: without providers there is nothing to verify, and nothing to refuse.
fn tokens(providers: &[Provider], opened: &Opened) -> Vec<Edit> {
    if providers.is_empty() {
        return ["token filter", "refused tokens", "log of refused tokens"]
            .map(Edit::Remove)
            .into();
    }
    vec![
        Edit::Body("token providers", providers::providers(providers)),
        Edit::Body("token requirements", providers::requirements(providers)),
        Edit::Body("refused tokens", refused_token::local_replies(opened)),
        Edit::Body("record of a refused token", refused_token::record(opened)),
    ]
}

fn place(arguments: &Arguments, opened: &Opened) -> Vec<Edit> {
    let buffer = buffer(opened);
    let logs = arguments.logs.trim_end_matches('/');
    let ecds = arguments.ecds.trim_end_matches('/');
    let proxies = &opened.document.manifest.identity.forwarded_by;
    let forwarded = if proxies.is_empty() { "SANITIZE" } else { "FORWARD_ONLY" };
    let mut edits = vec![
        Edit::value("node id", "id", scalar(&arguments.node)),
        Edit::value("forwarded certificates", "forward_client_cert_details", forwarded.to_owned()),
        Edit::value("access log", "path", scalar(&format!("{logs}/access.log"))),
        Edit::value("start log", "path", scalar(&format!("{logs}/started.ndjson"))),
        Edit::value("decision log", "path", scalar(&format!("{logs}/decisions.ndjson"))),
        Edit::value("bundle file", "path", scalar(&format!("{ecds}/toolgate.json"))),
        Edit::value("bundle directory", "path", scalar(ecds)),
        Edit::value(
            "connections",
            "max_active_downstream_connections",
            HEAP.checked_div(buffer).unwrap_or(1).max(1).to_string(),
        ),
        Edit::value("body buffer", "per_connection_buffer_limit_bytes", buffer.to_string()),
        Edit::value("size of the body buffer", "buffer_bytes", buffer.to_string()),
        Edit::value("stream window", "initial_stream_window_size", buffer.to_string()),
        Edit::value(
            "connection window",
            "initial_connection_window_size",
            buffer.saturating_mul(4).to_string(),
        ),
    ];
    for (label, at) in
        [("admin address", &arguments.admin), ("listener address", &arguments.listen)]
    {
        edits.push(Edit::value(label, "address", at.address()));
        edits.push(Edit::value(label, "port_value", at.port.to_string()));
    }
    edits
}
