//! Where tool servers are: Envoy's clusters, and the routes from channels to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use super::template::{Values, fill, scalar};
use super::values::{Endpoint, named};
use crate::bundle::Channel;
use crate::cli::input::directory::Opened;
use crate::cli::output::report::Problem;

/// The cluster of all servers that have no address of their own, and its name in a bundle with a
/// server of that name.
const OTHERS: &str = "tools";
const OTHERS_BESIDE: &str = "other tools";

const REMOVED: &str = "  response_headers_to_remove: [access-control-allow-origin, access-control-allow-credentials, access-control-expose-headers]\n";

/// The address of one tool server, or of all servers that are not named.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// The server's name in the bundle.
    server: Option<String>,
    address: Address,
}

/// An address, and what a call is changed to for it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Address {
    endpoint: Endpoint,
    tls: bool,
    /// The host that the server expects; the caller's if absent.
    host: Option<String>,
    /// The path that the server expects; the caller's if absent.
    path: Option<String>,
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (server, address) = named(text);
        Ok(Self { server: server.map(str::to_owned), address: address.parse()? })
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scheme = text.split_once("://");
        let (tls, rest, port) = match scheme {
            None => (false, text, None),
            Some(("http", rest)) => (false, rest, Some(80)),
            Some(("https", rest)) => (true, rest, Some(443)),
            Some((other, _)) => return Err(format!("`{other}` is neither `http` nor `https`")),
        };
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let plain = |b: u8| b.is_ascii_graphic() && !b"?#\"\\{}".contains(&b);
        if !path.bytes().all(plain) {
            return Err(format!("`{path}` is not a path without a query"));
        }
        let path = path.trim_start_matches('/');
        let has_path = !path.is_empty() || rest.ends_with('/');
        let endpoint: Endpoint = match (host.parse(), port) {
            (Ok(endpoint), _) => endpoint,
            (Err(_), Some(port)) => format!("{host}:{port}").parse()?,
            (Err(error), None) => return Err(error),
        };
        Ok(Self {
            endpoint,
            tls,
            host: (scheme.is_some() || has_path).then(|| host.to_owned()),
            path: has_path.then(|| format!("/{path}")),
        })
    }
}

/// The addresses by server, and under no name the one of all others.
#[derive(Debug)]
pub(super) struct Upstreams<'a> {
    addresses: BTreeMap<Option<&'a str>, &'a Address>,
    /// The name of the cluster of all others.
    others: &'static str,
}

impl<'a> Upstreams<'a> {
    pub(super) fn new(opened: &'a Opened, given: &'a [Upstream]) -> Result<Self, Vec<Problem>> {
        let servers = &opened.document.manifest.servers;
        let mut problems = Vec::new();
        let mut found = BTreeMap::new();
        for upstream in given {
            let server = upstream.server.as_deref();
            if let Some(name) = server.filter(|name| !servers.contains_key(*name)) {
                problems.push(Problem::new(format!("the bundle has no server `{name}`")));
            }
            if found.insert(server, &upstream.address).is_some() {
                let of = server.map_or_else(String::new, |name| format!(" for `{name}`"));
                problems.push(Problem::new(format!("--upstream{of} occurs twice")));
            }
        }
        let others = if servers.contains_key(OTHERS) { OTHERS_BESIDE } else { OTHERS };
        let upstreams = Self { addresses: found, others };
        if !upstreams.addresses.contains_key(&None) {
            let known = |server: &str| upstreams.addresses.contains_key(&Some(server));
            for server in servers.keys().filter(|server| !known(server)) {
                let problem = Problem::new(format!("nobody knows where server `{server}` is"));
                problems.push(problem.with_help(format!("add --upstream {server}=HOST:PORT")));
            }
        }
        problems.extend(upstreams.shared(servers.keys().map(String::as_str)));
        problems.extend(upstreams.moved(&opened.document.manifest.channels));
        if problems.is_empty() { Ok(upstreams) } else { Err(problems) }
    }

    /// Servers that would get their calls at the same place: one would run what was decided by the
    /// inventory of the other.
    fn shared<'b>(&self, servers: impl Iterator<Item = &'b str>) -> Vec<Problem> {
        let mut places: Vec<(&Address, &str)> = Vec::new();
        let mut problems = Vec::new();
        for server in servers {
            let Some(address) = self.of(server).filter(|address| address.path.is_some()) else {
                continue;
            };
            let same = |(other, _): &&(&Address, &str)| {
                other.endpoint == address.endpoint && other.path == address.path
            };
            if let Some((_, other)) = places.iter().find(same) {
                let message =
                    format!("calls of `{other}` and `{server}` would go to the same path");
                let help = format!("add --upstream {server}=HOST:PORT/PATH with a path of its own");
                problems.push(Problem::new(message).with_help(help));
            }
            places.push((address, server));
        }
        problems
    }

    /// Servers that tell their clients on an event stream where to post, and would get these messages
    /// on another path.
    fn moved(&self, channels: &[Channel]) -> Vec<Problem> {
        let streamed = channels.iter().filter(|channel| channel.protocol.answers_on_stream());
        let servers: BTreeSet<&str> = streamed.map(|channel| &*channel.server).collect();
        let moved = servers.into_iter().filter_map(|server| Some((server, self.of(server)?)));
        moved
            .filter(|(_, address)| address.path.is_some())
            .map(|(server, _)| {
                let message =
                    format!("`{server}` itself tells its clients the path that they post to");
                let help = format!("give --upstream {server}=HOST:PORT without a path");
                Problem::new(message).with_help(help)
            })
            .collect()
    }

    fn of(&self, server: &str) -> Option<&'a Address> {
        self.addresses.get(&Some(server)).or_else(|| self.addresses.get(&None)).copied()
    }

    /// Envoy's routes. It uses the first matching one. With a `cors` policy, what the servers themselves
    /// say to browsers is removed: it would open what the policy closes.
    pub(super) fn routes(&self, channels: &[Channel], cors: bool) -> String {
        let removed = if cors { REMOVED } else { "" };
        let (one, any): (Vec<_>, Vec<_>) =
            channels.iter().partition(|channel| channel.authority.is_some());
        one.into_iter().chain(any).map(|channel| self.route(channel) + removed).collect()
    }

    fn route(&self, channel: &Channel) -> String {
        let server = &*channel.server;
        let own = self.addresses.contains_key(&Some(server));
        let cluster = scalar(if own { server } else { self.others });
        let mut rewritten = String::new();
        let address = self.of(server);
        if let Some(host) = address.and_then(|address| address.host.as_deref()) {
            // Writing to a `String` cannot fail.
            let _ = write!(rewritten, ", host_rewrite_literal: {}", scalar(host));
        }
        if let Some(path) = address.and_then(|address| address.path.as_deref()) {
            let _ = write!(rewritten, ", prefix_rewrite: {}", scalar(path));
        }
        let host = channel.authority.as_ref().map_or("", |host| host.as_str());
        format!(
            "- name: {}\n  match: {{ path: {}{} }}\n  route: {{ cluster: {cluster}, timeout: 0s{rewritten} }}\n",
            scalar(&format!("{host}{}", channel.path)),
            scalar(&channel.path),
            authority(channel),
        )
    }

    /// The names of the clusters.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let names = self.addresses.keys().map(|name| name.unwrap_or(self.others).to_owned());
        names.collect()
    }

    /// Envoy's clusters. `ca` is the file of the authorities that servers with TLS are verified by.
    pub(super) fn clusters(&self, ca: &str) -> String {
        let clusters = self.addresses.iter().map(|(name, at)| {
            let name = name.unwrap_or(self.others);
            cluster(name, "tool servers", &at.endpoint, at.tls.then_some(ca))
        });
        clusters.collect()
    }
}

/// The condition of a route for the channel's host; nothing if the channel is for any.
pub(super) fn authority(channel: &Channel) -> String {
    channel.authority.as_ref().map_or_else(String::new, |host| {
        let host = scalar(host.as_str());
        format!(
            ", headers: [{{ name: \":authority\", string_match: {{ exact: {host}, ignore_case: true }} }}]"
        )
    })
}

/// A cluster with one endpoint; with TLS if there is a file of authorities.
pub(super) fn cluster(name: &str, label: &str, at: &Endpoint, ca: Option<&str>) -> String {
    let values: &Values<'_> = &[
        ("name", scalar(name)),
        ("label", label.to_owned()),
        ("host", at.address()),
        ("port", at.port.to_string()),
        ("tls", ca.map_or_else(String::new, |ca| tls(at, ca))),
    ];
    fill(include_str!("cluster.yaml"), values)
}

fn tls(at: &Endpoint, ca: &str) -> String {
    // An address is no server name, and certificates hold it in another form.
    let numeric = at.host.parse::<IpAddr>().is_ok();
    let values: &Values<'_> = &[
        ("host", scalar(&at.host)),
        ("sni", if numeric { String::new() } else { format!("sni: {}\n", scalar(&at.host)) }),
        ("san", if numeric { "IP_ADDRESS" } else { "DNS" }.to_owned()),
        ("ca", scalar(ca)),
    ];
    fill(include_str!("upstream_tls.yaml"), values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: Option<&str>, path: Option<&str>, tls: bool, port: u16) {
        let upstream: Upstream = text.parse().unwrap();
        let address = upstream.address;
        assert_eq!((address.host.as_deref(), address.path.as_deref()), (host, path), "{text}");
        assert_eq!((address.tls, address.endpoint.port), (tls, port), "{text}");
    }

    #[test]
    fn what_is_not_said_stays_as_the_caller_sent_it() {
        check("a:1", None, None, false, 1);
        check("a:1/mcp", Some("a:1"), Some("/mcp"), false, 1);
        check("x=a:1/", Some("a:1"), Some("/"), false, 1);
        check("http://a", Some("a"), None, false, 80);
        check("x=https://a/b/mcp", Some("a"), Some("/b/mcp"), true, 443);
        check("https://[::1]:8443/mcp", Some("[::1]:8443"), Some("/mcp"), true, 8443);
    }

    #[test]
    fn addresses_are_plain() {
        for text in
            ["a", "a/mcp", "ftp://a", "a:1/x?y", "a:1/\"", "a:1/ b", "https://", "https://u@a"]
        {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }
}
