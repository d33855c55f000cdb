//! What can be wrong with a bundle: a closed set of codes.

use serde::{Deserialize, Serialize};

/// Whether a bundle loads in spite of what is wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// It does not load.
    Error,
    /// It loads.
    Warning,
    /// It loads, and may well be meant.
    Hint,
}

impl Severity {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

macro_rules! codes {
    ($( #[doc = $title:literal] $variant:ident = $code:literal, $severity:ident; )+) => {
        /// What kind of thing is wrong. The set is closed: every code has a section here, and a
        /// bundle in the corpus that shows it.
        ///
        #[doc = include_str!("../findings.md")]
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        pub enum Code {
            $( #[doc = $title] #[serde(rename = $code)] $variant, )+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }

            /// Whether a bundle loads in spite of it.
            pub fn severity(self) -> Severity {
                match self { $( Self::$variant => Severity::$severity, )+ }
            }

            /// What it means, in one sentence.
            pub fn title(self) -> &'static str {
                match self { $( Self::$variant => $title.trim_ascii(), )+ }
            }
        }
    };
}

codes! {
    /// A file or directory that the bundle needs cannot be read.
    Unreadable = "unreadable", Error;
    /// Something in the directory is not part of a bundle.
    StrayFile = "stray-file", Error;
    /// A YAML file is no YAML, or has keys or values that do not belong there.
    Yaml = "yaml", Error;
    /// A value in `bundle.yaml` cannot be used.
    Manifest = "manifest", Error;
    /// The mapping of claims does not fit the schema.
    IdentityMapping = "identity-mapping", Error;
    /// The Cedar schema cannot be used.
    Schema = "schema", Error;
    /// The schema declares an action.
    DeclaredAction = "declared-action", Error;
    /// The schema declares tags.
    DeclaredTags = "declared-tags", Error;
    /// A type hides another one of the same name.
    HiddenType = "hidden-type", Error;
    /// A static entity cannot be used.
    Entity = "entity", Error;
    /// The manifest and the tools files tell of different tools.
    Inventory = "inventory", Error;
    /// A tool has no name that is its own and that policies can have.
    ToolName = "tool-name", Error;
    /// A tool's description cannot be used.
    ToolSchema = "tool-schema", Error;
    /// The resource that the inventory finds in arguments does not fit the schema.
    ResourceMapping = "resource-mapping", Error;
    /// The tools that another tool runs cannot be found.
    InnerMapping = "inner-mapping", Error;
    /// A tool is not what was pinned.
    ToolPin = "tool-pin", Error;
    /// Patterns of names give a tool other classes than the tools file lists.
    ToolClasses = "tool-classes", Error;
    /// The bundle has no policy.
    NoPolicies = "no-policies", Error;
    /// The text of a policy is no Cedar.
    PolicySyntax = "policy-syntax", Error;
    /// A policy has a slot.
    PolicyTemplate = "policy-template", Error;
    /// A policy has no `@id`, or one that is no policy id.
    MissingPolicyId = "missing-policy-id", Error;
    /// A policy has a `@mode` that is none.
    PolicyMode = "policy-mode", Error;
    /// Two policies have the same `@id`.
    DuplicatePolicyId = "duplicate-policy-id", Error;
    /// A policy is nested too deeply to be evaluated safely.
    PolicyTooDeep = "policy-too-deep", Error;
    /// A policy names an entity type that the schema does not have.
    UnknownType = "unknown-type", Error;
    /// A policy names an action that is no tool, server or class of the inventory.
    UnknownAction = "unknown-action", Error;
    /// A policy reads an attribute or argument that is not there.
    UnknownAttribute = "unknown-attribute", Error;
    /// A policy reads what may be absent without asking for it with `has`.
    OptionalAttribute = "optional-attribute", Error;
    /// A policy compares with a value that is not in the enumeration.
    UnknownValue = "unknown-value", Error;
    /// A policy does not fit the types of what it reads.
    PolicyType = "policy-type", Error;
    /// A `forbid` names an entity that nobody can be, or be in.
    UnknownInForbid = "unknown-in-forbid", Error;
    /// A capability can give a right.
    CapabilityGrants = "capability-grants", Error;
    /// A case of the tests cannot be read.
    TestFile = "test-file", Error;
    /// The bundle accepts what cannot be accepted.
    Acceptance = "acceptance", Error;
    /// No entity can be the resource of a tool's calls.
    NoResource = "no-resource", Warning;
    /// The gate leaves a part of a tool's schema to the tool.
    UnenforcedSchema = "unenforced-schema", Warning;
    /// A label is on a part that results of the tool do not have.
    LabelPath = "label-path", Warning;
    /// A tool's description has something that people do not see.
    HiddenText = "hidden-text", Warning;
    /// A text in a policy looks like another one.
    ConfusableText = "confusable-text", Warning;
    /// A policy can never match.
    ImpossiblePolicy = "impossible-policy", Warning;
    /// The scope of a policy applies to no call.
    ImpossibleScope = "impossible-scope", Warning;
    /// A policy about a server leaves out tools whose resource is something else.
    ServerResource = "server-resource", Warning;
    /// The conditions of a policy contradict each other.
    Contradiction = "contradiction", Warning;
    /// A permit or an entity names an entity that nobody can be, or be in.
    UnknownEntity = "unknown-entity", Warning;
    /// The manifest names a class that no tool has.
    UnknownClass = "unknown-class", Warning;
    /// A pattern of tool names matches no tool.
    UnusedPattern = "unused-pattern", Warning;
    /// No channel leads to a server.
    NoChannel = "no-channel", Warning;
    /// Whatever a permit permits, a `forbid` forbids.
    AlwaysForbidden = "always-forbidden", Warning;
    /// A permit of a dangerous tool has no condition.
    PermitWithoutCondition = "permit-without-condition", Warning;
    /// A permit is for everybody.
    OpenPermit = "open-permit", Warning;
    /// Nobody may call a tool.
    UnpermittedTool = "unpermitted-tool", Warning;
    /// Nobody may use a method that policies decide.
    UnpermittedMethod = "unpermitted-method", Warning;
    /// A layer permits nothing, so that it refuses every call that it applies to.
    LayerWithoutPermit = "layer-without-permit", Warning;
    /// A policy compares an argument of several tools with the values of one of them.
    ForeignValue = "foreign-value", Warning;
    /// A policy compares a number of resources or of equal calls that is not counted exactly.
    InexactCount = "inexact-count", Warning;
    /// A policy compares a time with more than its window reaches.
    BeyondWindow = "beyond-window", Warning;
    /// No call can spend a budget.
    UnspendableBudget = "unspendable-budget", Warning;
    /// No call of a tool is within a capability.
    BeyondCapability = "beyond-capability", Warning;
    /// No client is asked for a scope that a tool has.
    UnofferedScope = "unoffered-scope", Warning;
    /// Nobody can approve what a policy leaves to a person.
    Unapprovable = "unapprovable", Warning;
    /// A call without an argument passes, and the tool puts a default in its place.
    DefaultPasses = "default-passes", Warning;
    /// A `forbid` looks at some forms of an argument only.
    ChoicePasses = "choice-passes", Warning;
    /// A call passes because its token lacks an optional claim.
    OptionalClaim = "optional-claim", Warning;
    /// An earlier agent of a delegation can give a right.
    ChainGrants = "chain-grants", Warning;
    /// A server's list of tools is longer than a response that the gate reads.
    LongList = "long-list", Warning;
    /// Two providers can name one principal.
    SharedPrincipal = "shared-principal", Warning;
    /// An annotation looks like one that means something, and means nothing.
    MisspeltAnnotation = "misspelt-annotation", Warning;
    /// The value of an annotation means nothing.
    AnnotationValue = "annotation-value", Warning;
    /// A case expects what cannot come.
    ImpossibleCase = "impossible-case", Warning;
    /// The bundle accepts what is not found.
    StaleAcceptance = "stale-acceptance", Warning;
    /// A `forbid` does not hold against calls that leave something out.
    AbsencePasses = "absence-passes", Hint;
    /// A permit needs earlier calls, which are not remembered for ever.
    PermitAfterCalls = "permit-after-calls", Hint;
    /// A `forbid` does not tell the caller why.
    MissingReason = "missing-reason", Hint;
    /// No case expects a policy.
    UntestedPolicy = "untested-policy", Hint;
    /// A policy names an entity that no identity of the tests has.
    UntestedEntity = "untested-entity", Hint;
    /// Records show an argument that is likely a secret.
    UnredactedSecret = "unredacted-secret", Hint;
    /// A channel is likely of HTTP with SSE and does not say so.
    SseChannel = "sse-channel", Hint;
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
