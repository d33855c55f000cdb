//! Whether a server can have got a request, as Envoy tells it.

/// Why Envoy answers by itself without having chosen a server.
const UNROUTED: [&str; 6] = [
    "route_not_found",
    "cluster_not_found",
    "direct_response",
    // Filters behind this one.
    "local_rate_limited",
    "request_rate_limited",
    "rate_limiter_error",
];

/// Why it ends an attempt that has got no connection.
const UNCONNECTED: [&str; 4] =
    ["overflow", "connection_timeout", "local_connection_failure", "remote_connection_failure"];

/// Whether no server got a request whose response has these details, after this many attempts. It is
/// said of known details alone: a server that closes the connection or does not answer in time may
/// have done what it was asked for, and so may the server of an earlier attempt.
pub fn never_left(details: Option<&str>, attempts: Option<u64>) -> bool {
    let Some(details) = details else { return false };
    UNROUTED.contains(&details) || attempts.is_some_and(|it| it <= 1) && is_unconnected(details)
}

/// After a `|`, there is what the system or TLS says of the connection.
fn is_unconnected(details: &str) -> bool {
    let reset = details.strip_prefix("upstream_reset_before_response_started{");
    let reset = reset.and_then(|rest| rest.strip_suffix('}')?.split('|').next());
    details == "no_healthy_upstream" || reset.is_some_and(|why| UNCONNECTED.contains(&why))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are those of Envoy 1.36 to 1.40.
    #[test]
    fn only_known_details_say_that_a_request_has_not_left() {
        let refused = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
        let tls = "upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end}";
        for details in [
            refused,
            tls,
            "upstream_reset_before_response_started{remote_connection_failure}",
            "upstream_reset_before_response_started{connection_timeout}",
            "upstream_reset_before_response_started{overflow}",
            "no_healthy_upstream",
        ] {
            assert!(never_left(Some(details), Some(1)), "{details}");
            assert!(!never_left(Some(details), Some(2)), "{details}");
            assert!(!never_left(Some(details), None), "{details}");
        }
        let limited = ["local_rate_limited", "request_rate_limited", "rate_limiter_error"];
        for details in UNROUTED.into_iter().chain(limited) {
            assert!(never_left(Some(details), None), "{details}");
        }
        for details in [
            "via_upstream",
            "response_timeout",
            "stream_idle_timeout",
            "upstream_per_try_timeout",
            "upstream_max_stream_duration_reached",
            "upstream_reset_before_response_started{connection_termination}",
            "upstream_reset_before_response_started{remote_reset}",
            "upstream_reset_before_response_started{protocol_error}",
            "upstream_reset_before_response_started{remote_connection_failures}",
            "upstream_reset_after_response_started{remote_connection_failure}",
            "no_healthy_upstreams",
            "",
        ] {
            assert!(!never_left(Some(details), Some(1)), "{details}");
        }
        assert!(!never_left(None, Some(1)));
    }
}
