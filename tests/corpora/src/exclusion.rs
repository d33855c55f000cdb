//! The parts of a corpus that are not run, or not compared with the corpus's expectation, and the
//! rule for each.

/// A rule that excludes requests or documents.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Exclusion {
    /// Bundles have static policies only.
    Template,
    /// Calls always have principal, action and resource.
    Partial,
    /// Cedar has changed since.
    Schema,
    /// Cedar has changed since.
    Entities,
    /// Cedar has changed since.
    Policies,
    /// Cedar has changed since.
    Context,
    /// The gate's context has members of these names.
    OwnMember,
    /// The gate's context has two additional members.
    WholeContext,
    /// The corpus has its entities in another directory.
    Elsewhere,
}

impl Exclusion {
    /// The rule as text.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Template => "not run: templates, which no bundle has",
            Self::Partial => "not run: no principal, action or resource",
            Self::Schema => "not run: a schema that this Cedar does not read",
            Self::Entities => "not run: entities that this Cedar does not read",
            Self::Policies => "not run: policies that this Cedar does not read or write",
            Self::Context => "not run: a context that this Cedar does not read",
            Self::OwnMember => {
                "not run with context as members: `input` or `request`, which are the gate's"
            }
            Self::WholeContext => {
                "held against Cedar alone with context as members: `context` as a whole, or \
                 `context.input` or `context.request`"
            }
            Self::Elsewhere => {
                "held against Cedar alone, without entities: `sample-data` is not in the directory"
            }
        }
    }
}
