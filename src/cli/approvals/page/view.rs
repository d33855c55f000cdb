//! What pages need to know besides entries.

/// How entries are told.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct View<'a> {
    /// The time, in seconds since the epoch.
    pub(in super::super) now: i64,
    /// The claim with an approver's name.
    pub(in super::super) claim: &'a str,
}
