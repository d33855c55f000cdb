//! `toolgate emit envoy`: the repository's Envoy configuration, adapted to a bundle and a
//! deployment.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::deploy::{Edit, block, render};
use super::limits::buffer;
use super::refused_token;
use super::template::{list, scalar};
use super::tokens::Tokens;
use super::values::{self, Endpoint, Upstream};
use crate::bundle::Channel;
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
    /// Where tool servers are: `SERVER=HOST:PORT`, or `HOST:PORT` for those that are not named
    #[arg(long = "upstream", value_name = "[SERVER=]HOST:PORT", required = true)]
    upstreams: Vec<Upstream>,
    #[command(flatten)]
    tokens: Tokens,
    /// The issuer's signing keys (JWKS), as a path on Envoy's machine
    #[arg(long, value_name = "PATH", default_value = "/etc/toolgate/jwks.json")]
    #[arg(value_parser = values::keys_file)]
    jwks: String,
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

pub(super) fn emit(arguments: &Arguments, opened: &Opened) -> Result<String, Stop> {
    let provider = arguments.tokens.provider(opened, ("--jwks", Some(&arguments.jwks)), None);
    let clusters = clusters(opened, &arguments.upstreams);
    let (provider, clusters) = match (provider, clusters) {
        (Ok(provider), Ok(clusters)) => (provider, clusters),
        (Err(problems), Err(more)) => return Err([problems, more].concat().into()),
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => return Err(problems.into()),
    };
    let mut edits = place(arguments, opened);
    match provider {
        Some(provider) => edits.extend([
            Edit::value("token name", "payload_in_metadata", scalar(&provider.name)),
            Edit::value("token issuer", "issuer", scalar(&provider.issuer)),
            Edit::value("token audience", "audiences", list(&provider.audiences)),
            Edit::value("signing keys of the issuer", "filename", scalar(&provider.keys)),
            Edit::Body("refused tokens", refused_token::local_replies(opened)),
            Edit::Body("record of a refused token", refused_token::record(opened)),
        ]),
        None => edits
            .extend(["token filter", "refused tokens", "log of refused tokens"].map(Edit::Remove)),
    }
    edits.push(Edit::Body("routes", routes(&opened.document.manifest.channels, &clusters)));
    edits.push(Edit::Body(
        "clusters",
        clusters.iter().map(|(name, at)| cluster(name, at)).collect(),
    ));
    let text = render(TEMPLATE, &edits);
    Ok(match arguments.part {
        Part::Bootstrap => text,
        Part::Filters => block(&text, "http_filters:"),
    })
}

fn place(arguments: &Arguments, opened: &Opened) -> Vec<Edit> {
    let buffer = buffer(opened);
    let logs = arguments.logs.trim_end_matches('/');
    let ecds = arguments.ecds.trim_end_matches('/');
    let mut edits = vec![
        Edit::value("node id", "id", scalar(&arguments.node)),
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
        edits.push(Edit::value(label, "address", address(at)));
        edits.push(Edit::value(label, "port_value", at.port.to_string()));
    }
    edits
}

/// An IPv4 address needs no quotes: YAML does not read it as a number.
fn address(at: &Endpoint) -> String {
    let numeric = at.host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if numeric && at.host.split('.').count() == 4 { at.host.clone() } else { scalar(&at.host) }
}

/// Servers with an endpoint of their own by name, and `tools` for all others.
type Clusters<'a> = BTreeMap<&'a str, &'a Endpoint>;

const OTHERS: &str = "tools";

fn clusters<'a>(
    opened: &'a Opened,
    upstreams: &'a [Upstream],
) -> Result<Clusters<'a>, Vec<Problem>> {
    let servers = &opened.document.manifest.servers;
    let mut problems = Vec::new();
    let mut clusters = Clusters::new();
    for upstream in upstreams {
        let name = upstream.server.as_deref().unwrap_or(OTHERS);
        if upstream.server.is_some() && !servers.contains_key(name) {
            problems.push(Problem::new(format!("the bundle has no server `{name}`")));
        }
        if clusters.insert(name, &upstream.endpoint).is_some() {
            problems.push(Problem::new(format!("--upstream for `{name}` occurs twice")));
        }
    }
    if !clusters.contains_key(OTHERS) {
        for server in servers.keys().filter(|server| !clusters.contains_key(server.as_str())) {
            let problem = Problem::new(format!("nobody knows where server `{server}` is"));
            problems.push(problem.with_help(format!("add --upstream {server}=HOST:PORT")));
        }
    }
    if problems.is_empty() { Ok(clusters) } else { Err(problems) }
}

fn routes(channels: &[Channel], clusters: &Clusters<'_>) -> String {
    let mut text = String::new();
    // Envoy uses the first matching route.
    let (one, any): (Vec<_>, Vec<_>) =
        channels.iter().partition(|channel| channel.authority.is_some());
    for channel in one.into_iter().chain(any) {
        let path = scalar(&channel.path);
        let host = channel.authority.as_ref().map_or_else(String::new, |host| {
            let host = scalar(host.as_str());
            format!(
                ", headers: [{{ name: \":authority\", string_match: {{ exact: {host}, ignore_case: true }} }}]"
            )
        });
        let server = &*channel.server;
        let cluster =
            if clusters.contains_key(server) { scalar(server) } else { OTHERS.to_owned() };
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "- match: {{ path: {path}{host} }}\n  route: {{ cluster: {cluster}, timeout: 0s }}\n"
        );
    }
    text
}

fn cluster(name: &str, at: &Endpoint) -> String {
    let (name, host, port) = (scalar(name), address(at), at.port);
    format!(
        "- name: {name}
  type: STRICT_DNS
  connect_timeout: 5s
  load_assignment:
    cluster_name: {name}
    endpoints:
      - lb_endpoints:
          - endpoint:
              address:
                socket_address: {{ address: {host}, port_value: {port} }} # deploy: tool servers
"
    )
}
