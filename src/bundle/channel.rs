//! Where calls arrive.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A channel: an endpoint on which calls arrive.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The exact path, without the query.
    pub path: String,
    /// The request's `:authority`; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Host>,
    /// The tool server behind the channel, a key of `servers`.
    pub server: Arc<str>,
    /// The protocol of the channel.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A host in lower case, with a port if the authority has one.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

impl Host {
    /// The host as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an authority is this host, ignoring case.
    pub fn is(&self, authority: &str) -> bool {
        authority.eq_ignore_ascii_case(&self.0)
    }

    /// Whether an authority is this host except for a port or a final dot. Whether both reach the
    /// same server depends on the proxy's configuration, which is unknown here.
    pub fn resembles(&self, authority: &str) -> bool {
        bare(authority).eq_ignore_ascii_case(bare(&self.0))
    }
}

impl Host {
    /// Whether an authority is a plain name or address, with or without a port, that all parsers
    /// read as the same host.
    pub fn is_plain(authority: &str) -> bool {
        let host = bare(authority);
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match address {
            Some(address) => address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
            None => host.split('.').all(|label| {
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                !label.is_empty() && label.bytes().all(plain)
            }),
        }
    }
}

/// The host without port and final dot.
fn bare(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    host.strip_suffix('.').unwrap_or(host)
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._[:]".contains(&b);
        if !name.is_empty() && name.bytes().all(plain) {
            Ok(Self(name))
        } else {
            Err(format!("`{name}` is not a host: write it in lower case"))
        }
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0
    }
}

/// A protocol that carries calls.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// MCP over Streamable HTTP: the reply to a POST is the answer.
    #[default]
    Mcp,
    /// MCP over HTTP with SSE, the transport of 2024-11-05: answers come on an event stream.
    Sse,
}

impl Protocol {
    /// Whether a request is answered on an event stream that the caller opened before. Clients then
    /// ignore the reply to the POST, unless it is an error.
    pub fn answers_on_stream(self) -> bool {
        match self {
            Self::Mcp => false,
            Self::Sse => true,
        }
    }
}
