//! The host that a request is for.

use hyper::header::{HOST, HeaderMap, HeaderName};

use super::Listen;

/// Whether a request is to a service by one of its own names: where it listens, and what its URL
/// says. A name of somebody else that leads here would make that somebody's pages ours.
pub(in crate::cli) fn is_for(headers: &HeaderMap, listen: Listen, authority: &str) -> bool {
    let Some(host) = only(headers, &HOST) else { return false };
    let local =
        listen.is_loopback() && matches!(without_port(host), "localhost" | "127.0.0.1" | "[::1]");
    local || host == authority || host == listen.address().to_string()
}

/// The value of a header that occurs once.
pub(in crate::cli) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}

fn without_port(host: &str) -> &str {
    let port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    host.rsplit_once(':').filter(|(_, after)| port(after)).map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(hosts: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_own_names_lead_here() {
        let [local, behind] = ["127.0.0.1:8181", "10.0.0.7:8181"].map(Listen::at);
        for (host, here, there) in [
            ("127.0.0.1:8181", true, false),
            ("localhost:8181", true, false),
            ("localhost", true, false),
            ("[::1]:8181", true, false),
            ("approvals.example", true, true),
            ("10.0.0.7:8181", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example:8181", false, false),
            ("approvals.example.evil.example", false, false),
        ] {
            let is_for = |listen| is_for(&headers(&[host]), listen, "approvals.example");
            assert_eq!((is_for(local), is_for(behind)), (here, there), "{host}");
        }
        assert!(!is_for(&headers(&[]), local, ""));
        assert!(!is_for(&headers(&["localhost", "localhost"]), local, ""));
    }
}
