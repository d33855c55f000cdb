//! The closed vocabulary of outcomes: what was decided, why, and of what kind the event is.

use serde::Serialize;

/// What the gate decided about one call.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Decision {
    /// A policy permits the call and nothing stands against it.
    Permit,
    /// A `forbid` matched, or a rule of the gate itself refused.
    Deny,
    /// Nothing permits the call.
    Silence,
    /// A person must approve the call.
    Escalate,
}

impl Decision {
    /// The word used in records: `PERMIT`, `DENY`, `SILENCE` or `ESCALATE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "PERMIT",
            Self::Deny => "DENY",
            Self::Silence => "SILENCE",
            Self::Escalate => "ESCALATE",
        }
    }

    /// The token used in the `toolgate-decision` header and in metric names.
    pub fn token(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Silence => "silence",
            Self::Escalate => "escalate",
        }
    }
}

/// What kind of event a record tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(test, derive(Serialize), serde(rename_all = "snake_case"))]
pub enum EventClass {
    /// A call was permitted.
    PolicyDecision,
    /// A readable call was refused.
    PolicyRefusal,
    /// The request was no call that the gate could put before a policy.
    MalformedCall,
    /// A list of tools was passed on.
    Discovery,
    /// A sign that an agent is running away began or ended.
    Anomaly,
}

impl EventClass {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PolicyDecision => "policy_decision",
            Self::PolicyRefusal => "policy_refusal",
            Self::MalformedCall => "malformed_call",
            Self::Discovery => "discovery",
            Self::Anomaly => "anomaly",
        }
    }
}

/// How far a request came before it was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The body was not looked at: no tool is known.
    Request,
    /// The body was looked at, but not put before a policy.
    Message,
    /// A call was decided by a policy or by its tool's schema, and can be decided again.
    Call,
}

macro_rules! reasons {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $code:literal, $decision:ident, $status:literal, $class:ident, $stage:ident; )+) => {
        /// Why a call was permitted or refused. The set is closed: a new reason must appear in the
        /// documentation, in the refusals and in every consumer of records.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        pub enum Reason {
            $( $(#[doc = $doc])+ #[serde(rename = $code)] $variant, )+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The stable code, as it stands in records and headers.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }

            /// The decision that this reason belongs to.
            pub fn decision(self) -> Decision {
                match self { $( Self::$variant => Decision::$decision, )+ }
            }

            /// The HTTP status of a refusal that is told as an HTTP error.
            pub fn status(self) -> u16 {
                match self { $( Self::$variant => $status, )+ }
            }

            /// The kind of event that a record with this reason tells of.
            pub fn event_class(self) -> EventClass {
                match self { $( Self::$variant => EventClass::$class, )+ }
            }

            /// How far a request with this reason came.
            pub fn stage(self) -> Stage {
                match self { $( Self::$variant => Stage::$stage, )+ }
            }

            /// Whether what is remembered decides it, besides policies that read the history.
            pub fn is_of_memory(self) -> bool {
                matches!(
                    self,
                    Self::BudgetExceeded
                        | Self::BudgetUnavailable
                        | Self::HistoryIncomplete
                        | Self::TaskMismatch
                )
            }

            /// Whether an approval decides it.
            pub fn is_of_approval(self) -> bool {
                matches!(
                    self,
                    Self::ApprovalDenied
                        | Self::ApprovalMismatch
                        | Self::ApprovalUnverified
                        | Self::ApprovalExpired
                        | Self::ApprovalUsed
                        | Self::SelfApproval
                        | Self::ApproverNotPermitted
                        | Self::ApprovalUnavailable
                )
            }

            /// Whether the use of an approval decides it, which no record of the call tells.
            pub fn is_of_use(self) -> bool {
                matches!(self, Self::ApprovalUsed | Self::ApprovalUnavailable)
            }

            /// Whether it refuses.
            pub fn is_refusal(self) -> bool {
                self.decision() != Decision::Permit
            }

            /// Whether it refuses a message in its own right, and so determines the outcome of a batch.
            pub fn determines(self) -> bool {
                self.is_refusal() && self != Self::BatchRefused
            }
        }
    };
}

reasons! {
    /// A policy permits the call.
    Permitted = "permitted", Permit, 200, PolicyDecision, Call;
    /// MCP housekeeping that runs no tool.
    Lifecycle = "lifecycle", Permit, 200, PolicyDecision, Request;
    /// A list of tools was passed on, without those that the caller could not call.
    Listed = "listed", Permit, 200, Discovery, Request;
    /// A list was passed on with a tool that differs from its pin, as the bundle allows.
    ChangeTolerated = "change_tolerated", Permit, 200, Discovery, Request;
    /// A sign that an agent is running away began with the call of another record.
    RunawayBegan = "runaway_began", Permit, 200, Anomaly, Request;
    /// It ended.
    RunawayEnded = "runaway_ended", Permit, 200, Anomaly, Request;
    /// The bundle is in shadow: it refuses nothing, whatever its policies say.
    Shadow = "shadow", Permit, 200, PolicyDecision, Call;
    /// A `forbid` policy matched.
    Forbidden = "forbidden", Deny, 403, PolicyRefusal, Call;
    /// A policy could not be evaluated; an error never permits.
    PolicyError = "policy_error", Deny, 403, PolicyRefusal, Call;
    /// No policy permits the call.
    NotPermitted = "not_permitted", Silence, 403, PolicyRefusal, Call;
    /// The inventory has no such tool.
    UnknownTool = "unknown_tool", Silence, 403, PolicyRefusal, Call;
    /// Its server listed the tool otherwise than the bundle pins it.
    ToolChanged = "tool_changed", Deny, 403, PolicyRefusal, Message;
    /// The inner call of a call would have an inner call itself.
    NestedCall = "nested_call", Deny, 403, PolicyRefusal, Call;
    /// The call would exceed a budget.
    BudgetExceeded = "budget_exceeded", Deny, 429, PolicyRefusal, Call;
    /// The rate limit service that counts a budget did not answer.
    BudgetUnavailable = "budget_unavailable", Deny, 503, PolicyRefusal, Call;
    /// Earlier calls count that may have been forgotten.
    HistoryIncomplete = "history_incomplete", Deny, 403, PolicyRefusal, Call;
    /// Policies forbid the call unless a person approves it.
    ApprovalRequired = "approval_required", Escalate, 403, PolicyRefusal, Call;
    /// A person has denied the call.
    ApprovalDenied = "approval_denied", Deny, 403, PolicyRefusal, Call;
    /// The approval is for another call.
    ApprovalMismatch = "approval_mismatch", Deny, 403, PolicyRefusal, Call;
    /// The approval is not signed as it must be.
    ApprovalUnverified = "approval_unverified", Deny, 403, PolicyRefusal, Call;
    /// The approval is not valid at this time.
    ApprovalExpired = "approval_expired", Deny, 403, PolicyRefusal, Call;
    /// The approval was used before.
    ApprovalUsed = "approval_used", Deny, 403, PolicyRefusal, Call;
    /// The approver is the one for whom the call is, or an agent of its delegation.
    SelfApproval = "self_approval", Deny, 403, PolicyRefusal, Call;
    /// The approver may not approve this call.
    ApproverNotPermitted = "approver_not_permitted", Deny, 403, PolicyRefusal, Call;
    /// The approval service does not answer, or it cannot be remembered that an approval is used.
    ApprovalUnavailable = "approval_unavailable", Deny, 503, PolicyRefusal, Call;
    /// The principal's token does not have the scopes of the tool, or more scopes would permit the call.
    InsufficientScope = "insufficient_scope", Deny, 403, PolicyRefusal, Call;
    /// The call needs a capability that the request does not carry.
    CapabilityMissing = "capability_missing", Deny, 403, PolicyRefusal, Call;
    /// The call is not within a capability that the request carries.
    CapabilityExceeded = "capability_exceeded", Deny, 403, PolicyRefusal, Call;
    /// The proxy did not verify the capability.
    CapabilityUnverified = "capability_unverified", Deny, 403, PolicyRefusal, Request;
    /// A claim of the capability is missing or does not have its form.
    CapabilityMalformed = "capability_malformed", Deny, 403, PolicyRefusal, Request;
    /// The request carries the capability several times.
    CapabilityRepeated = "capability_repeated", Deny, 403, PolicyRefusal, Request;
    /// The capability's time is over.
    CapabilityExpired = "capability_expired", Deny, 403, PolicyRefusal, Request;
    /// The capability's time has not begun.
    CapabilityNotYetValid = "capability_not_yet_valid", Deny, 403, PolicyRefusal, Request;
    /// The capability is for another audience.
    CapabilityAudience = "capability_audience", Deny, 403, PolicyRefusal, Request;
    /// The capability is about another principal.
    CapabilitySubject = "capability_subject", Deny, 403, PolicyRefusal, Request;
    /// The capability is for another actor.
    CapabilityActor = "capability_actor", Deny, 403, PolicyRefusal, Request;
    /// The capability is about another tenant.
    CapabilityTenant = "capability_tenant", Deny, 403, PolicyRefusal, Request;
    /// The capability is for another transaction.
    CapabilityTransaction = "capability_transaction", Deny, 403, PolicyRefusal, Request;
    /// The call names a resource that is not among the bundle's entities.
    UnknownResource = "unknown_resource", Deny, 403, PolicyRefusal, Call;
    /// The MCP method is neither housekeeping nor listed by the bundle.
    MethodNotAllowed = "method_not_allowed", Silence, 403, PolicyRefusal, Message;
    /// The arguments do not fit the tool's schema.
    InvalidArguments = "invalid_arguments", Deny, 403, MalformedCall, Call;
    /// Another call in the same batch was refused, so none of them ran.
    BatchRefused = "batch_refused", Deny, 403, PolicyRefusal, Call;
    /// No verified identity.
    Unauthenticated = "unauthenticated", Deny, 401, PolicyRefusal, Request;
    /// A verified claim is missing or does not fit its declared type.
    InvalidIdentity = "invalid_identity", Deny, 401, PolicyRefusal, Request;
    /// Two verified identities contradict each other.
    IdentityMismatch = "identity_mismatch", Deny, 401, PolicyRefusal, Request;
    /// The session is not one that this principal and actor have opened through the gate.
    SessionMismatch = "session_mismatch", Deny, 404, PolicyRefusal, Request;
    /// The task is not one that a call of this principal and actor has made, or the request does not say
    /// which it is about.
    TaskMismatch = "task_mismatch", Deny, 403, PolicyRefusal, Message;
    /// The bundle has no policies for the principal's tenant.
    UnknownTenant = "unknown_tenant", Deny, 403, PolicyRefusal, Request;
    /// No channel of the bundle has this authority and path.
    UnknownChannel = "unknown_channel", Deny, 403, PolicyRefusal, Request;
    /// The content type is not `application/json` in UTF-8.
    UnsupportedMediaType = "unsupported_media_type", Deny, 415, MalformedCall, Request;
    /// The body is compressed or otherwise encoded.
    UnsupportedEncoding = "unsupported_encoding", Deny, 415, MalformedCall, Request;
    /// The body is longer than the bundle's limit.
    BodyTooLarge = "body_too_large", Deny, 413, MalformedCall, Message;
    /// The batch has more messages than the bundle's limit.
    TooManyCalls = "too_many_calls", Deny, 413, MalformedCall, Message;
    /// The body has, or the arguments of a call become, more values than the bundle's limit.
    TooManyValues = "too_many_values", Deny, 413, MalformedCall, Message;
    /// The body is not JSON that all readers read alike.
    MalformedBody = "malformed_body", Deny, 400, MalformedCall, Message;
    /// The body is JSON but no JSON-RPC message that the protocol allows here.
    MalformedMessage = "malformed_message", Deny, 400, MalformedCall, Message;
    /// A header contradicts the body.
    HeaderMismatch = "header_mismatch", Deny, 400, MalformedCall, Message;
    /// The protocol revision is not known.
    UnsupportedVersion = "unsupported_version", Deny, 400, MalformedCall, Message;
    /// The response has to be read, and is not JSON or an event stream that all readers read alike.
    UnreadableResponse = "unreadable_response", Deny, 502, PolicyRefusal, Message;
    /// The response has to be read, and is longer than the bundle's limit.
    ResponseTooLarge = "response_too_large", Deny, 502, PolicyRefusal, Message;
    /// The gate itself failed; it fails closed.
    Internal = "internal", Deny, 500, PolicyRefusal, Message;
}
