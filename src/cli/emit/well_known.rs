//! What clients without a token ask for: the protected resource metadata (RFC 9728), and paths of
//! authorization servers, which the gateway is not.

use serde_json::json;

use super::template::{Values, fill, scalar};
use super::tokens::Provider;
use super::upstream::authority;
use crate::bundle::Channel;
use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;
use crate::identity::Scope;

const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Envoy's limit for the body of a direct response.
const LARGEST: usize = 4096;

/// The paths of an authorization server that clients try where there is no metadata.
const PROBED: [&str; 3] = ["/register", "/authorize", "/token"];

/// Headers that let pages read an answer.
const PUBLIC: &str = include_str!("public_headers.yaml");
/// What makes a route need no token.
const OPEN: &str = include_str!("open_route.yaml");

/// Routes that answer without a token.
#[derive(Debug)]
pub(super) struct WellKnown {
    /// Before the channels.
    pub(super) metadata: String,
    /// After the channels, since one of them may have such a path.
    pub(super) others: String,
}

/// The routes. `authorization_servers` are the issuers, unless others are named.
pub(super) fn well_known(
    opened: &Opened,
    providers: &[Provider],
    authorization_servers: &[String],
) -> Result<WellKnown, Vec<Problem>> {
    let manifest = &opened.document.manifest;
    let base = manifest.refusal.resource_metadata.as_ref();
    let base = base.and_then(|url| url.as_str().strip_prefix("https://"));
    let base = base.and_then(|url| url.split_once(METADATA));
    let Some((host, path)) = base.filter(|(host, path)| fits(host, path)) else {
        let problem = Problem::new("the bundle does not say where the resource metadata is");
        return Err(vec![problem.with_help(format!(
            "set `refusal.resource_metadata` to `https://HOST{METADATA}`, the address where clients \
             reach this Envoy"
        ))]);
    };
    let servers: Vec<&str> = match authorization_servers {
        [] => {
            let own = providers.iter().filter(|provider| provider.own_header.is_none());
            own.map(|provider| provider.issuer.as_str()).collect()
        }
        named => named.iter().map(String::as_str).collect(),
    };
    let whole = format!("https://{host}{path}");
    let mut routes = Vec::new();
    for variant in [path, ""] {
        if routes.is_empty() || !path.is_empty() {
            routes.push(metadata(
                &format!("path: {}", scalar(&format!("{METADATA}{variant}"))),
                &whole,
                (&servers, &manifest.refusal.step_up),
            ));
        }
    }
    for channel in manifest.channels.iter().filter(|channel| channel.path != path) {
        let own = format!("https://{}{}", of(channel, host), channel.path);
        let accepted = |provider: &Provider| {
            provider.own_header.is_none() && provider.audiences.contains(&own)
        };
        let resource = if providers.iter().any(accepted) { &own } else { &whole };
        let found = format!(
            "path: {}{}",
            scalar(&format!("{METADATA}{}", channel.path)),
            authority(channel)
        );
        routes.push(metadata(&found, resource, (&servers, &manifest.refusal.step_up)));
    }
    if routes.iter().any(|route| route.len() > LARGEST) {
        return Err(vec![Problem::new("the resource metadata is too long for Envoy")]);
    }
    let channels = manifest.channels.iter();
    let appended =
        channels.map(|channel| format!("{}/.well-known", channel.path.trim_end_matches('/')));
    let below = ["/.well-known".to_owned()].into_iter().chain(appended);
    let below = below.map(|path| absent(&format!("path_separated_prefix: {}", scalar(&path))));
    let probed = PROBED.into_iter().map(|path| absent(&format!("path: {path}")));
    Ok(WellKnown { metadata: routes.concat(), others: below.chain(probed).collect() })
}

fn fits(host: &str, path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    !host.is_empty()
        && host.bytes().all(plain)
        && (path.is_empty() || path.starts_with('/'))
        && !path.contains(['?', '#'])
}

fn of<'a>(channel: &'a Channel, host: &'a str) -> &'a str {
    channel.authority.as_ref().map_or(host, |authority| authority.as_str())
}

fn metadata(found: &str, resource: &str, (servers, scopes): (&[&str], &[Scope])) -> String {
    let mut document = json!({
        "resource": resource,
        "authorization_servers": servers,
        "bearer_methods_supported": ["header"],
    });
    if let (Some(members), false) = (document.as_object_mut(), scopes.is_empty()) {
        members.insert("scopes_supported".to_owned(), json!(scopes));
    }
    let values: &Values<'_> = &[
        ("match", found.to_owned()),
        ("body", scalar(&document.to_string())),
        ("public", PUBLIC.to_owned()),
        ("open", OPEN.to_owned()),
    ];
    fill(include_str!("metadata_route.yaml"), values)
}

fn absent(found: &str) -> String {
    let values: &Values<'_> =
        &[("match", found.to_owned()), ("public", PUBLIC.to_owned()), ("open", OPEN.to_owned())];
    fill(include_str!("absent_route.yaml"), values)
}
