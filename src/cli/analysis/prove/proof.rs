//! The result of a proof about two bundles.

use super::confirm::Confirmed;
use crate::cli::output::exit::Exit;
use crate::tool::reveal_group;

/// The result of a proof about two bundles.
#[derive(Debug)]
pub(in crate::cli) struct Proof {
    /// Every principal type with every tool and every label of it, by tool.
    pub(in crate::cli) pairs: Vec<Pair>,
    /// Why there is no proof at all.
    pub(in crate::cli) unavailable: Option<String>,
}

/// A tool, or a label on its result, and the type of its caller.
#[derive(Debug)]
pub(in crate::cli) struct Pair {
    /// The Cedar type of the principal.
    pub(in crate::cli) principal: String,
    /// The tool.
    pub(in crate::cli) tool: String,
    /// The label, if the pair is about one.
    pub(in crate::cli) label: Option<String>,
    /// The verdict.
    pub(in crate::cli) verdict: Verdict,
}

impl Pair {
    /// The name of the action: of the tool, or of the label.
    pub(super) fn action(&self) -> String {
        match &self.label {
            Some(label) => format!("{}/{}", self.tool, reveal_group(label)),
            None => self.tool.clone(),
        }
    }
}

/// The verdict on the calls of a tool, or on those whose callers get the labelled parts of the result.
#[derive(Debug)]
pub(in crate::cli) enum Verdict {
    /// Both bundles permit the same calls.
    Equal,
    /// The new bundle permits no more than the old one.
    Narrower,
    /// The new bundle permits this call, and the old one refuses it; or only the new bundle shows the
    /// labelled parts of its result.
    Wider(Box<Confirmed>),
    /// Undecided, with the reason.
    Unknown(String),
}

impl Proof {
    /// The proof for identical bundles, which needs no solver.
    pub(in crate::cli) fn of_the_same() -> Self {
        Self { pairs: Vec::new(), unavailable: None }
    }

    /// The exit code for this proof.
    pub(in crate::cli) fn exit(&self) -> Exit {
        if self.is_wider() {
            Exit::Failure
        } else if self.is_complete() {
            Exit::Success
        } else {
            Exit::Unproved
        }
    }

    /// Whether any pair is wider.
    pub(super) fn is_wider(&self) -> bool {
        self.pairs.iter().any(|pair| matches!(pair.verdict, Verdict::Wider(_)))
    }

    /// Whether there is a verdict on every pair.
    pub(super) fn is_complete(&self) -> bool {
        let known = |pair: &Pair| !matches!(pair.verdict, Verdict::Unknown(_));
        self.unavailable.is_none() && self.pairs.iter().all(known)
    }
}
