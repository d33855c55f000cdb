//! `toolgate emit istio`: an `EnvoyFilter` and the resources that it needs.

use std::fmt::Write as _;

use serde_json::Value;

use super::code::Code;
use super::limits::{buffer, within};
use super::paths::ProxyPath;
use super::plugin_config::{Configuration, SIGNING_KEY, plugin_yaml, signs};
use super::rate_filters::RateLimits;
use super::refused_token;
use super::service::Service;
use super::template::{Values, ascii, fill, scalar};
use super::tokens::{Keys, Provider, Tokens, one_token};
use super::values::{self, Label, Named};
use crate::cli::input::directory::Opened;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::{self, Problem};

/// The key under which Istio stores the claims of a `RequestAuthentication`.
const PAYLOAD: &str = "payload";
/// etcd's default limit for the size of one object.
const LARGEST: usize = 3 << 19;

/// Write what attaches the filter to workloads of an Istio mesh
///
/// An `EnvoyFilter` with the filter and the bundle, a `RequestAuthentication` that verifies tokens,
/// and a Telemetry that logs decisions. What it needs and what it cannot do stands in comments.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  toolgate emit istio policies/acme --environment production \\
      --namespace tools --selector app=tools \\
      --image registry.acme.example/toolgate@sha256:$DIGEST \\
      --issuer https://id.acme.example --audience https://tools.acme.example \\
      --jwks https://id.acme.example/jwks.json | kubectl apply --server-side -f -")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) configuration: Configuration,
    #[command(flatten)]
    code: Code,
    #[command(flatten)]
    tokens: Tokens,
    /// An issuer's signing keys (JWKS)
    #[arg(long, value_name = "[NAME=]URL", value_parser = values::keys_url)]
    jwks: Vec<Named>,
    /// The namespace of the workloads
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    namespace: String,
    /// A label that selects the workloads; may occur several times
    #[arg(long = "selector", value_name = "KEY=VALUE", required = true)]
    selector: Vec<Label>,
    /// Whether the workloads are servers with a sidecar, or gateways
    #[arg(long, value_enum, default_value_t)]
    context: Context,
    /// The kind of document that carries the filter
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    #[command(flatten)]
    rates: RateLimits,
    #[command(flatten)]
    pub(super) output: Destination,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Context {
    /// Calls that arrive at a server's sidecar
    #[default]
    Sidecar,
    /// Calls that arrive at a gateway
    Gateway,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Kind {
    /// The one that works
    #[default]
    EnvoyFilter,
    /// Until Istio has a field for held headers, requests with a body hang
    WasmPlugin,
    /// Istio 1.30 and newer; the same limit
    TrafficExtension,
}

impl Arguments {
    pub(super) fn paths(&self) -> Vec<ProxyPath<'_>> {
        self.code.path().into_iter().collect()
    }
}

pub(super) fn emit(arguments: &Arguments, opened: &Opened) -> Result<String, Stop> {
    let keys = Keys { given: &arguments.jwks, otherwise: None };
    one_token(opened, "Istio").map_err(|problem| vec![problem])?;
    let providers = arguments.tokens.providers(opened, keys, Some(PAYLOAD))?;
    let configuration = arguments.configuration.of(opened)?;
    let rates = arguments.rates.filters(opened)?;
    let text = match arguments.kind {
        Kind::EnvoyFilter => filter(arguments, opened, &providers, &configuration, &rates),
        _ if !rates.is_empty() => {
            let problem = Problem::new("a plugin resource has no place for other filters");
            let help = "leave out --kind, which writes an EnvoyFilter, or --rate-limit";
            return Err(vec![problem.with_help(help)].into());
        }
        Kind::WasmPlugin => plugin(arguments, opened, &configuration, &WASM_PLUGIN),
        Kind::TrafficExtension => plugin(arguments, opened, &configuration, &TRAFFIC_EXTENSION),
    };
    Ok(within(text, LARGEST, "what etcd takes as one object")?)
}

fn filter(
    arguments: &Arguments,
    opened: &Opened,
    providers: &[Provider],
    configuration: &Value,
    rates: &[String],
) -> String {
    let buffer = buffer(opened);
    let context = match arguments.context {
        Context::Sidecar => "SIDECAR_INBOUND",
        Context::Gateway => "GATEWAY",
    };
    let values: &Values<'_> = &[
        ("bundle", opened.loaded.bundle.id.to_string()),
        ("namespace", scalar(&arguments.namespace)),
        ("selector", selector("workloadSelector", "labels", &arguments.selector)),
        ("telemetry_selector", selector("selector", "matchLabels", &arguments.selector)),
        ("authentication", when(providers, || authentication(arguments, providers))),
        ("local_replies", when(providers, || refused_token::local_reply_config(opened))),
        ("refused_tokens_provider", when(providers, || refused_tokens_provider(opened))),
        ("refused_tokens_log", when(providers, refused_tokens_log)),
        ("service_needs", Service::needs(&opened.document.manifest, CLUSTER)),
        ("signing_need", if signs(configuration) { signing_need() } else { String::new() }),
        ("context", context.to_owned()),
        ("plugin", plugin_yaml(arguments.code.remote(), configuration)),
        ("rate_filters", rates.iter().map(|rate| rate_filter(context, rate)).collect()),
        ("buffer", buffer.to_string()),
        ("window", buffer.saturating_mul(4).to_string()),
    ];
    fill(include_str!("istio.yaml"), values)
}

/// A patch that puts a filter between those before it and the router.
fn rate_filter(context: &str, filter: &str) -> String {
    let values: &Values<'_> = &[("context", context.to_owned()), ("filter", filter.to_owned())];
    fill(include_str!("istio_rate_filter.yaml"), values)
}

/// Nothing for a bundle that reads no token.
fn when(providers: &[Provider], text: impl FnOnce() -> String) -> String {
    if providers.is_empty() { String::new() } else { text() }
}

/// A part of a comment: the mesh configuration is not among the documents.
fn refused_tokens_provider(opened: &Opened) -> String {
    let record = refused_token::record(opened);
    let values: &Values<'_> = &[("record", record)];
    let provider = fill(include_str!("istio_refused_tokens.yaml"), values);
    provider.lines().flat_map(|line| ["#     ", line, "\n"]).collect()
}

fn refused_tokens_log() -> String {
    format!(
        "- providers:
    - name: toolgate-refused-tokens
  filter:
    expression: {}
",
        scalar(refused_token::REFUSED)
    )
}

/// How Istio names the cluster of a Service.
const CLUSTER: &str = "that of a Service has the name `outbound|PORT||HOST`";

/// A part of a comment: the proxy's environment is not among the documents.
fn signing_need() -> String {
    format!(
        "#   - what the filter signs with, in the proxy's environment as {SIGNING_KEY}: a `secretKeyRef` in the container
#     `istio-proxy` of a custom injection template, or of a gateway's Deployment. Without it, the bundle is rejected;"
    )
}

fn authentication(arguments: &Arguments, providers: &[Provider]) -> String {
    let values: &Values<'_> = &[
        ("token", PAYLOAD.to_owned()),
        ("namespace", scalar(&arguments.namespace)),
        ("selector", selector("selector", "matchLabels", &arguments.selector)),
        ("rules", providers.iter().map(rule).collect()),
    ];
    fill(include_str!("istio_authentication.yaml"), values)
}

fn rule(provider: &Provider) -> String {
    let values: &Values<'_> = &[
        ("issuer", scalar(&provider.issuer)),
        ("audiences", provider.audiences("")),
        ("keys", scalar(&provider.keys)),
    ];
    fill(include_str!("istio_rule.yaml"), values)
}

/// A resource kind that has fields of its own for the plugin's settings.
struct Plugin {
    kind: &'static str,
    option: &'static str,
    /// The key of the settings, if they are not in `spec` itself.
    key: Option<&'static str>,
    since: &'static str,
}

const WASM_PLUGIN: Plugin = Plugin {
    kind: "WasmPlugin",
    option: "wasm-plugin",
    key: None,
    since: "Istio 1.30 supersedes this API by TrafficExtension.",
};
const TRAFFIC_EXTENSION: Plugin = Plugin {
    kind: "TrafficExtension",
    option: "traffic-extension",
    key: Some("wasm"),
    since: "This API is in Istio since 1.30.",
};

fn plugin(
    arguments: &Arguments,
    opened: &Opened,
    configuration: &Value,
    plugin: &Plugin,
) -> String {
    let passed = format!("vmConfig:\n  env:\n    - {{ name: {SIGNING_KEY}, valueFrom: HOST }}\n");
    let settings = format!(
        "{}{}pluginName: toolgate\nfailStrategy: FAIL_RELOAD\npluginConfig:\n{}",
        arguments.code.url(),
        if signs(configuration) { &passed } else { "" },
        indented(&ascii(&report::pretty(configuration)))
    );
    let wasm = match plugin.key {
        Some(key) => format!("{key}:\n{}", indented(&settings)),
        None => settings,
    };
    let values: &Values<'_> = &[
        ("bundle", opened.loaded.bundle.id.to_string()),
        ("kind", plugin.kind.to_owned()),
        ("option", plugin.option.to_owned()),
        ("since", plugin.since.to_owned()),
        ("namespace", scalar(&arguments.namespace)),
        ("selector", selector("selector", "matchLabels", &arguments.selector)),
        ("wasm", wasm),
    ];
    fill(include_str!("istio_plugin.yaml"), values)
}

fn selector(key: &str, inner: &str, labels: &[Label]) -> String {
    let mut text = format!("{key}:\n  {inner}:\n");
    for label in labels {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "    {}: {}", scalar(&label.key), scalar(&label.value));
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}
