//! The verified certificate of a peer, and the workload that it names.
//!
//! A certificate of a workload has exactly one URI, its SPIFFE id (X.509-SVID §2). One with several
//! could name whomever its reader looks for, and one without names nobody.

use super::IdentityError;

/// The longest SPIFFE id.
const LONGEST: usize = 2048;

/// The verified certificate of a peer.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Certificate {
    /// All of its URIs.
    Uris(Vec<String>),
    /// The proxy does not tell which URIs it has.
    Untold,
}

impl Certificate {
    /// The certificate with the URIs that Envoy lists, separated by commas; `-` is none. A comma in a
    /// URI makes two of it, and no SPIFFE id has one.
    pub fn listed(list: Option<&str>) -> Self {
        match list {
            None | Some("") => Self::Untold,
            Some("-") => Self::Uris(Vec::new()),
            Some(list) => Self::Uris(list.split(',').map(str::to_owned).collect()),
        }
    }

    /// The SPIFFE id of the workload.
    pub(super) fn workload(&self) -> Result<&str, IdentityError> {
        let Self::Uris(uris) = self else { return Err(IdentityError::UntoldUris) };
        match uris.as_slice() {
            [only] if is_spiffe_id(only) => Ok(only),
            [_] => Err(IdentityError::NoSpiffeId),
            several => Err(IdentityError::NotOneUri { count: several.len() }),
        }
    }

    /// How many bytes it takes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Uris(uris) => uris.iter().map(String::len).sum(),
            Self::Untold => 0,
        }
    }
}

/// Whether a URI is a SPIFFE id: a trust domain, and a path of which no segment is empty or relative.
pub(super) fn is_spiffe_id(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("spiffe://").filter(|_| uri.len() <= LONGEST) else {
        return false;
    };
    let (domain, path) = rest.split_once('/').map_or((rest, None), |(it, path)| (it, Some(path)));
    let of_domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    let of_path = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_segment =
        |segment: &str| !["", ".", ".."].contains(&segment) && segment.bytes().all(of_path);
    !domain.is_empty()
        && domain.bytes().all(of_domain)
        && path.is_none_or(|path| path.split('/').all(is_segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_has_one_spiffe_id() {
        for (list, expected) in [
            (Some("spiffe://acme.example/agent/bot"), Ok("spiffe://acme.example/agent/bot")),
            (Some("spiffe://acme"), Ok("spiffe://acme")),
            (Some("-"), Err(IdentityError::NotOneUri { count: 0 })),
            (Some("spiffe://a/b,spiffe://a/c"), Err(IdentityError::NotOneUri { count: 2 })),
            (Some("spiffe://a/b,spiffe://a/b"), Err(IdentityError::NotOneUri { count: 2 })),
            (Some("https://x/y,spiffe://a/b"), Err(IdentityError::NotOneUri { count: 2 })),
            (Some("https://acme.example/"), Err(IdentityError::NoSpiffeId)),
            (None, Err(IdentityError::UntoldUris)),
            (Some(""), Err(IdentityError::UntoldUris)),
        ] {
            assert_eq!(Certificate::listed(list).workload(), expected, "{list:?}");
        }
    }

    #[test]
    fn what_a_spiffe_id_is() {
        let long = format!("spiffe://a/{}", "b".repeat(LONGEST));
        for other in [
            "",
            "spiffe://",
            "spiffe:///path",
            "SPIFFE://a/b",
            "spiffe://A/b",
            "spiffe://a/",
            "spiffe://a//b",
            "spiffe://a/b/",
            "spiffe://a/./b",
            "spiffe://a/../b",
            "spiffe://a/b?c",
            "spiffe://a/b#c",
            "spiffe://a:1/b",
            "spiffe://u@a/b",
            "spiffe://a/b c",
            "spiffe://a/%62",
            "spiffe://a/ü",
            long.as_str(),
        ] {
            assert!(!is_spiffe_id(other), "{other}");
        }
        assert!(is_spiffe_id("spiffe://prod.acme-1.example/ns/Desk/sa/bot_2.x"));
    }
}
