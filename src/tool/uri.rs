//! URIs that all readers read alike.
//!
//! A server may normalize a URI before it looks for a resource: it resolves dot segments, decodes
//! escapes, ignores case, or drops a part. A URI of which this could make another one is refused, so
//! that the text that policies see names one resource only.

/// Characters that RFC 3986 allows in a URI, besides letters, digits and `%`.
const MARKS: &[u8] = b"-._~:/?[]@!$&'()*+,;=";
/// The schemes of which every URI has a host and a path, according to WHATWG, and their ports.
const SPECIAL: [(&str, &str); 5] =
    [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443"), ("ftp", "21")];

/// The parts of a URI: scheme, authority if there is one, and the rest.
pub(super) fn parts(uri: &str) -> Option<(&str, Option<&str>, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let Some(rest) = rest.strip_prefix("//") else { return Some((scheme, None, rest)) };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    Some((scheme, Some(authority), rest))
}

/// Why readers could read a URI differently, in words that follow "must be a URI"; `None` if they do
/// not.
pub(super) fn ambiguity(uri: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'%' || MARKS.contains(&byte);
    if !uri.bytes().all(allowed) {
        return Some("of the characters of RFC 3986, without a fragment");
    }
    if !has_plain_escapes(uri) {
        return Some("that escapes in upper case, and only what has to be escaped");
    }
    let Some((scheme, authority, rest)) = parts(uri) else { return Some("with a scheme") };
    if !is_scheme(scheme) {
        return Some("with a scheme in lower case");
    }
    if authority.is_some_and(|authority| !is_authority(scheme, authority)) {
        return Some("with a plain host in lower case, without user and usual port");
    }
    let (path, query) =
        rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    if path.split('/').skip(1).any(|segment| matches!(segment, "." | ".."))
        || matches!(path.split('/').next(), Some("." | ".."))
    {
        return Some("without dot segments");
    }
    if path.contains("//") {
        return Some("without empty segments");
    }
    if query.is_some_and(|query| query.is_empty() || scheme == "file") {
        return Some("without a query that can be dropped");
    }
    if !is_complete(scheme, authority, path) {
        return Some("with the slashes that its scheme has");
    }
    None
}

fn is_scheme(scheme: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(plain)
}

/// A host that is no number in disguise, such as `127.1`, and a port that the scheme does not have
/// anyway.
fn is_authority(scheme: &str, authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let usual = SPECIAL.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port);
    let is_port = |port: &str| {
        let digits =
            !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
        digits && !port.starts_with('0') && Some(port) != usual
    };
    port.is_none_or(is_port) && is_host(scheme, host)
}

fn is_host(scheme: &str, host: &str) -> bool {
    if host.is_empty() {
        return true;
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._~".contains(&b);
    if !host.bytes().all(plain) || host.split('.').any(str::is_empty) {
        return false;
    }
    let is_of_network = SPECIAL.iter().any(|(name, _)| *name == scheme);
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with(|first: char| first.is_ascii_digit());
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    let is_in_disguise = is_of_network && is_number && !is_address;
    let is_this_machine = scheme == "file" && host == "localhost";
    !is_in_disguise && !is_this_machine
}

/// Whether readers that know the scheme add no slash to it.
fn is_complete(scheme: &str, authority: Option<&str>, path: &str) -> bool {
    if SPECIAL.iter().any(|(name, _)| *name == scheme) {
        authority.is_some_and(|host| !host.is_empty()) && path.starts_with('/')
    } else if scheme == "file" {
        authority.is_some() && path.starts_with('/')
    } else {
        authority.is_some_and(|host| !host.is_empty()) || !path.is_empty()
    }
}

/// Whether each escape has two digits in upper case, and stands for a character that has no other
/// spelling and no meaning of its own in a path.
fn has_plain_escapes(uri: &str) -> bool {
    uri.split('%').skip(1).all(|after| {
        let digits = after.get(..2).filter(|digits| {
            digits.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
        });
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            return false;
        };
        // An escaped percent sign could become an escape.
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !unreserved && !byte.is_ascii_control() && !b"/\\%".contains(&byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_each_uri_is_accepted() {
        for uri in [
            "file:///srv/docs/a.md",
            "file:///srv/docs/",
            "crm://contacts/c-1",
            "crm://contacts",
            "memo://insights",
            "https://a.example/x?y=1&z=a/../b",
            "https://a.example:8443/",
            "http://192.0.2.1/",
            "docs://a/J%C3%BCrgen%20M",
            "urn:isbn:0451450523",
            "data+x.y-z:a",
            "repo://o/r/contents/a.b/...",
            "a://h/%2A",
        ] {
            assert_eq!(ambiguity(uri), None, "{uri}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for uri in [
            "",
            "a",
            "/etc/passwd",
            "://x",
            "crm://",
            ":x",
            "1a:x",
            "crm:",
            "FILE:///srv/a",
            "File:///srv/a",
            "crm://Contacts/c-1",
            "https://A.example/x",
            "file:///srv/docs/../secret",
            "file:///srv/docs/..",
            "file:///srv/./docs/a",
            "crm://x/.",
            "urn:..",
            "urn:a/../b",
            "crm:../x",
            "file:///srv/docs/%2e%2e/secret",
            "file:///srv/docs/%2E%2E/secret",
            "crm://a/%61",
            "file:///srv/docs%2Fsecret",
            "file:///srv/docs/..%5Csecret",
            "file:///srv/docs\\secret",
            "file:///srv/%252E%252E/secret",
            "crm://a/%c3%bc",
            "crm://a/%",
            "crm://a/%4",
            "crm://a/%é1",
            "crm://a/%00",
            "crm://a/%0A",
            "crm://a/%7F",
            "crm://a/b\u{0}",
            "crm://a/b\n",
            "crm://a/ b",
            "crm://a/\u{e9}",
            "crm://a/b\t",
            "crm://a/{b}",
            "crm://a/b#c",
            "crm://a/b#",
            "crm://a/b?",
            "file:///srv/docs//a",
            "crm://a//b",
            "file:///a?b",
            "file://localhost/a",
            "file:/a",
            "file:a",
            "https://user@a.example/x",
            "https://u:p@a.example/",
            "crm://me@contacts/1",
            "https://a.example:443/x",
            "http://a.example:80/",
            "https://a.example:/x",
            "https://a.example:08443/",
            "https://a.example",
            "https:///x",
            "https:a.example/x",
            "http://127.1/",
            "http://0x7f.0.0.1/",
            "http://2130706433/",
            "https://a.example./x",
            "https://a%2Eexample/x",
            "https://a.example:x/",
            "http://a.0x1/",
            "http://[2001:db8::1]/",
        ] {
            assert!(ambiguity(uri).is_some(), "{uri:?}");
        }
    }
}
