//! `toolgate emit envoy-gateway`: a patch of the listener and the resources that it needs.

use super::code;
use super::cors::Cors;
use super::limits::{buffer, within};
use super::paths::ProxyPath;
use super::plugin_config::{Configuration, SIGNING_KEY, plugin_yaml, signs};
use super::rate_filters::RateLimits;
use super::refused_token;
use super::service::Service;
use super::template::{Values, fill, scalar};
use super::tokens::{Keys, Provider, Tokens, one_token};
use super::values::{self, Image, Named};
use crate::cli::input::directory::Opened;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::Stop;

/// Kubernetes' limit for the content of one `ConfigMap`, less what surrounds the plugin.
const LARGEST: usize = (1 << 20) - 4096;

/// Write what attaches the filter to a Gateway of Envoy Gateway
///
/// The bundle as a `ConfigMap`, an `EnvoyProxy` that mounts it and logs decisions, policies for
/// clients and tokens, and the `EnvoyPatchPolicy` that puts the filter into the listener. What it
/// needs and what it cannot do stands in comments.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  toolgate emit envoy-gateway policies/acme --environment production \\
      --namespace tools --gateway tools \\
      --image registry.acme.example/toolgate@sha256:$DIGEST \\
      --issuer https://id.acme.example --audience https://tools.acme.example \\
      --jwks https://id.acme.example/jwks.json | kubectl apply --server-side -f -")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) configuration: Configuration,
    #[command(flatten)]
    place: FilterSource,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    cors: Cors,
    /// An issuer's signing keys (JWKS)
    #[arg(long, value_name = "[NAME=]URL", value_parser = values::keys_url)]
    jwks: Vec<Named>,
    /// The namespace of the Gateway
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    namespace: String,
    /// The Gateway
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    gateway: String,
    /// The listener in Envoy's configuration [default: <namespace>/<gateway>/http]
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The namespace where Envoy's pods run
    #[arg(long, value_name = "NAME", default_value = "envoy-gateway-system")]
    #[arg(value_parser = values::name)]
    proxy_namespace: String,
    #[command(flatten)]
    rates: RateLimits,
    #[command(flatten)]
    pub(super) output: Destination,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct FilterSource {
    /// The filter's image, which `make image` builds, pinned by its digest
    #[arg(long, value_name = "IMAGE@sha256:…")]
    image: Option<Image>,
    /// Where Envoy's container has the filter
    #[arg(long, value_name = "PATH", value_parser = values::filter_file)]
    wasm: Option<String>,
}

/// The mount path of an image volume, and the file name that every plugin image uses.
const MOUNTED: &str = "/etc/toolgate/wasm/plugin.wasm";

impl Arguments {
    pub(super) fn paths(&self) -> Vec<ProxyPath<'_>> {
        self.place.wasm.iter().map(|path| ("--wasm", path.as_str())).collect()
    }
}

pub(super) fn emit(arguments: &Arguments, opened: &Opened) -> Result<String, Stop> {
    let keys = Keys { given: &arguments.jwks, otherwise: None };
    one_token(opened, "Envoy Gateway").map_err(|problem| vec![problem])?;
    let providers = arguments.tokens.providers(opened, keys, None)?;
    let configuration = arguments.configuration.of(opened)?;
    let wasm = arguments.place.wasm.as_deref().unwrap_or(MOUNTED);
    let plugin = plugin_yaml(code::local(wasm), &configuration);
    let plugin = within(plugin, LARGEST, "what Kubernetes takes as one `ConfigMap`")?;
    let (namespace, gateway) = (&arguments.namespace, &arguments.gateway);
    let listener = arguments.listener.clone();
    let listener = scalar(&listener.unwrap_or_else(|| format!("{namespace}/{gateway}/http")));
    let [authentication, refused_tokens] = if providers.is_empty() {
        [String::new(), String::new()]
    } else {
        [authentication(&providers), refused_tokens(&listener, opened)]
    };
    let rates = arguments.rates.filters(opened)?;
    let rate_filters = rates.iter().map(|rate| rate_filter(&listener, rate)).collect();
    let buffer = buffer(opened);
    let [image_need, volume, mount] = image(arguments.place.image.as_ref());
    let values: &Values<'_> = &[
        ("bundle", opened.loaded.bundle.id.to_string()),
        ("service_needs", Service::needs(&opened.document.manifest, CLUSTER)),
        ("image_need", image_need),
        ("namespace", scalar(namespace)),
        ("gateway", scalar(gateway)),
        ("listener", listener),
        ("refused_tokens", refused_tokens),
        ("rate_filters", rate_filters),
        ("proxy_namespace", scalar(&arguments.proxy_namespace)),
        ("digest", opened.loaded.bundle.id.digest.to_string()),
        ("plugin", plugin),
        ("volume", volume),
        ("mount", mount),
        ("signing_key", if signs(&configuration) { signing_key() } else { String::new() }),
        ("buffer", buffer.to_string()),
        ("window", buffer.saturating_mul(4).to_string()),
        ("cors", arguments.cors.security_policy()),
        ("authentication", authentication),
    ];
    Ok(fill(include_str!("envoy_gateway.yaml"), values))
}

/// Where Envoy Gateway has a cluster from.
const CLUSTER: &str = "that of a route, or one that an EnvoyPatchPolicy of yours adds";

/// The cluster's requirement for image volumes, the volume and its mount.
fn image(image: Option<&Image>) -> [String; 3] {
    let Some(image) = image else {
        let need = "#   - the filter in Envoy's container, where the ConfigMap says.";
        return [need.to_owned(), String::new(), String::new()];
    };
    [
        "#   - image volumes, which Kubernetes has switched on since 1.35: kubelets pull the filter, not Envoy Gateway."
            .to_owned(),
        format!(
            "- name: toolgate-wasm\n  image:\n    reference: {}\n    pullPolicy: IfNotPresent\n",
            scalar(&image.to_string())
        ),
        "- name: toolgate-wasm\n  mountPath: /etc/toolgate/wasm\n  readOnly: true\n".to_owned(),
    ]
}

/// A patch that puts a filter between those before it and the router.
fn rate_filter(listener: &str, filter: &str) -> String {
    let values: &Values<'_> = &[("listener", listener.to_owned()), ("filter", filter.to_owned())];
    fill(include_str!("envoy_gateway_rate_filter.yaml"), values)
}

/// The keys that the filter signs with, from a `Secret`.
fn signing_key() -> String {
    format!(
        "# What the filter signs with: `openssl genpkey -algorithm ed25519 -out key.pem`, and
#   kubectl create secret generic toolgate-signing-key --from-file key.pem -n NAMESPACE-OF-THE-PODS
env:
  - name: {SIGNING_KEY}
    valueFrom:
      secretKeyRef: {{ name: toolgate-signing-key, key: key.pem }}
"
    )
}

/// Patches for what `jwt_authn` refuses.
fn refused_tokens(listener: &str, opened: &Opened) -> String {
    let values: &Values<'_> = &[
        ("listener", listener.to_owned()),
        ("local_replies", refused_token::local_replies(opened)),
        ("refused", scalar(refused_token::REFUSED)),
        ("record", refused_token::record(opened)),
    ];
    fill(include_str!("envoy_gateway_refused_tokens.yaml"), values)
}

fn authentication(providers: &[Provider]) -> String {
    let providers = providers.iter().map(provider).collect();
    fill(include_str!("envoy_gateway_authentication.yaml"), &[("providers", providers)])
}

fn provider(provider: &Provider) -> String {
    let values: &Values<'_> = &[
        ("token", scalar(&provider.name)),
        ("issuer", scalar(&provider.issuer)),
        ("audiences", provider.audiences("")),
        ("keys", scalar(&provider.keys)),
    ];
    fill(include_str!("envoy_gateway_provider.yaml"), values)
}
