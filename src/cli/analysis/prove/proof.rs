//! What is proved about two bundles.

use super::confirm::Confirmed;
use crate::cli::output::exit::Exit;

/// What is proved about two bundles.
#[derive(Debug)]
pub(in crate::cli) struct Proof {
    /// Every type of principal with every tool, by tool.
    pub(in crate::cli) pairs: Vec<Pair>,
    /// Why there is no proof at all.
    pub(in crate::cli) unavailable: Option<String>,
}

/// A tool, and who may call it.
#[derive(Debug)]
pub(in crate::cli) struct Pair {
    /// The Cedar type of the principal.
    pub(in crate::cli) principal: String,
    /// The tool.
    pub(in crate::cli) tool: String,
    /// What is proved.
    pub(in crate::cli) verdict: Verdict,
}

/// What is proved about the calls of a tool.
#[derive(Debug)]
pub(in crate::cli) enum Verdict {
    /// Both bundles permit the same.
    Equal,
    /// The new bundle permits no more than the old one.
    Narrower,
    /// The new bundle permits this, and the old one refuses it.
    Wider(Box<Confirmed>),
    /// It cannot be told, and why.
    Unknown(String),
}

impl Proof {
    /// A bundle permits what it permits: that takes no solver.
    pub(in crate::cli) fn of_the_same() -> Self {
        Self { pairs: Vec::new(), unavailable: None }
    }

    /// How a run that ends with this proof ends.
    pub(in crate::cli) fn exit(&self) -> Exit {
        if self.is_wider() {
            Exit::Failure
        } else if self.is_complete() {
            Exit::Success
        } else {
            Exit::Unproved
        }
    }

    /// Whether something is wider.
    pub(super) fn is_wider(&self) -> bool {
        self.pairs.iter().any(|pair| matches!(pair.verdict, Verdict::Wider(_)))
    }

    /// Whether there is a verdict on every pair.
    pub(super) fn is_complete(&self) -> bool {
        let known = |pair: &Pair| !matches!(pair.verdict, Verdict::Unknown(_));
        self.unavailable.is_none() && self.pairs.iter().all(known)
    }
}
