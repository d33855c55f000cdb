//! The messages that pass without a policy.

use super::Method;

/// Requests of the lifecycle, which run nothing. Clients send them unasked.
const LIFECYCLE_REQUESTS: [&str; 5] =
    ["initialize", "ping", "server/discover", "tools/list", "logging/setLevel"];

/// Notifications of the lifecycle, which run nothing.
const LIFECYCLE_NOTIFICATIONS: [&str; 5] = [
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "notifications/tasks/status",
];

/// Proof that a message other than a call may pass: its method is in the closed table or listed in
/// the bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Housekeeping(());

impl Housekeeping {
    /// Accepts a request method from the table or from the bundle's list.
    pub(crate) fn request(method: &str, listed: &[String]) -> Option<Self> {
        let known = LIFECYCLE_REQUESTS.contains(&method) || listed.iter().any(|m| m == method);
        (known && method != "tools/call").then_some(Self(()))
    }

    /// Accepts a request for a list of what a method uses that policies decide. They decide about each
    /// entry of the list.
    pub(crate) fn list(method: &str, is_decided: impl Fn(&str) -> bool) -> Option<Self> {
        let (_, used_by) = Method::list(method)?;
        is_decided(used_by).then_some(Self(()))
    }

    /// Accepts a notification method from the table or from the bundle's list.
    pub(crate) fn notification(method: &str, listed: &[String]) -> Option<Self> {
        let known = LIFECYCLE_NOTIFICATIONS.contains(&method) || listed.iter().any(|m| m == method);
        known.then_some(Self(()))
    }

    /// Accepts a client's response to a request from the server, as in revisions before 2026-07-28,
    /// unless the bundle refuses them. It names nothing but the id of the request, so no policy could
    /// tell what it answers.
    pub(crate) fn response(are_refused: bool) -> Option<Self> {
        (!are_refused).then_some(Self(()))
    }

    /// Accepts `GET` (the server's event stream) and `DELETE` (the end of a session), which carry
    /// no body.
    pub(crate) fn transport(http_method: &str) -> Option<Self> {
        matches!(http_method, "GET" | "DELETE").then_some(Self(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn housekeeping_is_a_closed_table() {
        let listed = ["resources/read".to_owned()];
        for known in LIFECYCLE_REQUESTS.into_iter().chain(["resources/read"]) {
            assert!(Housekeeping::request(known, &listed).is_some(), "{known}");
        }
        for unknown in [
            "tools/call",
            "TOOLS/LIST",
            "resources/list",
            "tasks/get",
            "notifications/initialized",
            "",
        ] {
            assert!(Housekeeping::request(unknown, &listed).is_none(), "{unknown}");
        }
        for (list, method) in [
            ("resources/list", "resources/read"),
            ("resources/templates/list", "resources/read"),
            ("prompts/list", "prompts/get"),
        ] {
            assert!(Housekeeping::list(list, |decided| decided == method).is_some(), "{list}");
            assert!(Housekeeping::list(list, |decided| decided != method).is_none(), "{list}");
        }
        assert!(Housekeeping::list("tasks/list", |_| true).is_none());
        assert!(Housekeeping::notification("notifications/cancelled", &listed).is_some());
        assert!(Housekeeping::notification("notifications/anything", &listed).is_none());
        assert!(
            Housekeeping::transport("GET").is_some() && Housekeeping::transport("POST").is_none()
        );
    }
}
