//! What a refusal says of its reason.

use crate::reason::Reason;

/// A reason in words, for whoever made the call.
pub(super) fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Permitted
        | Reason::Lifecycle
        | Reason::Listed
        | Reason::ChangeTolerated
        | Reason::RunawayBegan
        | Reason::RunawayEnded
        | Reason::Shadow => "the call is permitted",
        Reason::Forbidden => "a policy forbids this call",
        Reason::PolicyError => "a policy could not be evaluated for this call",
        Reason::NotPermitted => "no policy permits this call",
        Reason::UnknownTool => "this tool is not in the inventory",
        Reason::ToolChanged => "the tool is not the one that was reviewed",
        Reason::NestedCall => "the inner call may not have an inner call itself",
        Reason::BudgetExceeded => "a budget is used up",
        Reason::BudgetUnavailable => "the service that counts a budget does not answer",
        Reason::HistoryIncomplete => "it is not known what was called before",
        Reason::ApprovalRequired => "a person must approve this call",
        Reason::ApprovalDenied => "a person has denied this call",
        Reason::ApprovalMismatch => "the approval is for another call",
        Reason::ApprovalUnverified => "the approval is not signed as it must be",
        Reason::ApprovalExpired => "the approval is not valid at this time",
        Reason::ApprovalUsed => "the approval was used before",
        Reason::SelfApproval => "nobody approves a call of one's own",
        Reason::ApproverNotPermitted => "the approver may not approve this call",
        Reason::ApprovalUnavailable => "approval cannot be asked for at the moment",
        Reason::InsufficientScope => "the token does not have the scopes that this call needs",
        Reason::CapabilityMissing => {
            "this call needs a capability, a token that says what it is for"
        }
        Reason::CapabilityExceeded => "this call is beyond the capability that it carries",
        Reason::CapabilityUnverified => "the capability could not be verified",
        Reason::CapabilityMalformed => "the capability does not have the form required here",
        Reason::CapabilityRepeated => "a capability may come only once",
        Reason::CapabilityExpired => "the capability has expired; get a new one",
        Reason::CapabilityNotYetValid => "the capability is not valid yet",
        Reason::CapabilityAudience => "the capability is for another service",
        Reason::CapabilitySubject => "the capability is about another principal",
        Reason::CapabilityActor => "the capability is for another agent",
        Reason::CapabilityTenant => "the capability is about another tenant",
        Reason::CapabilityTransaction => "the capability is for another transaction",
        Reason::UnknownResource => "what this call is about is not known here",
        Reason::MethodNotAllowed => "this method is not allowed here",
        Reason::InvalidArguments => "the arguments do not fit the tool's schema",
        Reason::BatchRefused => "another call of the same batch was refused, so none of them ran",
        Reason::Unauthenticated => "a verified identity is required",
        Reason::InvalidIdentity => "the verified identity does not have the form required here",
        Reason::IdentityMismatch => "the verified identities contradict each other",
        Reason::SessionMismatch => "this session is not yours; begin a new one",
        Reason::TaskMismatch => {
            "this is about a task that is not yours, or does not say which task it is about"
        }
        Reason::UnknownTenant => "there are no policies for this tenant",
        Reason::UnknownChannel => "nothing is served at this address",
        Reason::UnsupportedMediaType => "the content type must be `application/json` in UTF-8",
        Reason::UnsupportedEncoding => "the body must not be compressed or encoded",
        Reason::BodyTooLarge => "the body is too large",
        Reason::TooManyCalls => "the batch has too many messages",
        Reason::TooManyValues => "the request has too many values",
        Reason::MalformedBody => "the body is not strict JSON",
        Reason::MalformedMessage => "the body is not a message that the protocol allows here",
        Reason::HeaderMismatch => "a header contradicts the body",
        Reason::UnsupportedVersion => "the protocol version is not supported",
        Reason::UnreadableResponse => "the server's response cannot be read",
        Reason::ResponseTooLarge => "the server's response is too large",
        Reason::Internal => "the gate could not decide",
    }
}
