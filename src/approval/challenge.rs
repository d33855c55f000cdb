//! What the caller of an escalated call is told.

/// Where a person is asked to approve a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// The id of the request for approval.
    pub id: String,
    /// The page where it is approved, if there is an approval service that knows of it.
    pub url: Option<String>,
    /// The signed request, if it must be brought to an approver by hand.
    pub token: Option<String>,
    /// The form in which the client is told.
    pub form: Form,
}

/// The form in which a client is told of a page to open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A result that asks for input, since 2026-07-28.
    InputRequired,
    /// The error of 2025-11-25 that demands to open a URL.
    Error,
    /// The text of a refusal.
    Text,
}
