//! The protocol revisions of MCP, as far as the gate distinguishes them.

/// A published revision of MCP.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Revision {
    /// 2024-11-05: HTTP with SSE, messages posted to an endpoint.
    V2024November,
    /// 2025-03-26: Streamable HTTP; the only revision with JSON-RPC batches.
    V2025March,
    /// 2025-06-18: the `MCP-Protocol-Version` header.
    V2025June,
    /// 2025-11-25: tasks, URL elicitation.
    V2025November,
    /// 2026-07-28: stateless, with standard headers that mirror the body.
    V2026July,
}

impl Revision {
    /// Every revision that the gate supports, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024November,
        Self::V2025March,
        Self::V2025June,
        Self::V2025November,
        Self::V2026July,
    ];

    /// Parses a revision's name; the comparison is exact.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// The revision's name, a date.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024November => "2024-11-05",
            Self::V2025March => "2025-03-26",
            Self::V2025June => "2025-06-18",
            Self::V2025November => "2025-11-25",
            Self::V2026July => "2026-07-28",
        }
    }

    /// Whether the standard headers are required and clients send no responses.
    pub fn is_modern(self) -> bool {
        self >= Self::V2026July
    }

    /// Whether an error can demand that a URL is opened.
    pub fn has_url_elicitation(self) -> bool {
        self == Self::V2025November
    }

    /// Whether a body may be an array of messages.
    pub fn has_batches(self) -> bool {
        self == Self::V2025March
    }
}
