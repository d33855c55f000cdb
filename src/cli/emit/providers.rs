//! The providers of Envoy's `jwt_authn`, and the clusters that serve their keys.

use super::template::{Values, fill, item, scalar};
use super::tokens::Provider;
use super::upstream::cluster;
use super::values::Endpoint;

/// The providers, by the names of their tokens.
pub(super) fn providers(providers: &[Provider]) -> String {
    providers.iter().map(provider).collect()
}

/// What is required of a request: one of the tokens, or none. A capability that is not valid passes on
/// to the filter, which refuses it.
pub(super) fn requirements(providers: &[Provider]) -> String {
    let (apart, others): (Vec<_>, Vec<_>) =
        providers.iter().partition(|provider| provider.own_header.is_some());
    let others = any(&others, "allow_missing");
    if apart.is_empty() {
        return others;
    }
    let apart = apart.into_iter().map(|each| any(&[each], "allow_missing_or_failed"));
    let all = std::iter::once(others).chain(apart).map(|one| item(&one));
    fill("requires_all:\n  requirements:\n    {{all}}\n", &[("all", all.collect())])
}

/// One of the tokens, or none.
fn any(providers: &[&Provider], otherwise: &str) -> String {
    let names = providers.iter().map(|provider| scalar(&provider.name));
    let names = names.map(|name| format!("- provider_name: {name}\n"));
    let all: String = names.chain([format!("- {otherwise}: {{}}\n")]).collect();
    fill("requires_any:\n  requirements:\n    {{all}}\n", &[("all", all)])
}

/// The clusters of the issuers whose keys Envoy fetches. `ca` is the file of the authorities that
/// they are verified by.
pub(super) fn clusters(providers: &[Provider], ca: &str) -> String {
    let remote = providers.iter().filter_map(|provider| Some((provider, host(&provider.keys)?)));
    remote
        .map(|(provider, host)| cluster(&cluster_name(provider), "issuers", &host, Some(ca)))
        .collect()
}

fn provider(provider: &Provider) -> String {
    let keys = match host(&provider.keys) {
        Some(_) => {
            let values =
                [("url", scalar(&provider.keys)), ("cluster", scalar(&cluster_name(provider)))];
            fill(include_str!("remote_jwks.yaml"), &values)
        }
        None => format!(
            "local_jwks:\n  filename: {} # deploy: signing keys of the issuer\n",
            scalar(&provider.keys)
        ),
    };
    let [name, issuer] = [&provider.name, &provider.issuer].map(|text| scalar(text));
    if let Some(header) = &provider.own_header {
        let values: &Values<'_> = &[
            ("name", name),
            ("issuer", issuer),
            ("audiences", provider.audiences("")),
            ("keys", keys),
            ("comment", header.comment.to_owned()),
            ("header", scalar(&header.name)),
            ("failure", scalar(&header.failure)),
        ];
        return fill(include_str!("own_header_provider.yaml"), values);
    }
    let values: &Values<'_> = &[
        ("name", name),
        ("issuer", issuer),
        ("audiences", provider.audiences(" # deploy: token audience")),
        ("keys", keys),
    ];
    fill(include_str!("provider.yaml"), values)
}

fn cluster_name(provider: &Provider) -> String {
    format!("jwks of {}", provider.name)
}

/// The host of keys with a URL; `None` for a file.
fn host(keys: &str) -> Option<Endpoint> {
    let rest = keys.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.parse().ok().or_else(|| format!("{host}:443").parse().ok())
}
