//! The digest of a document, made piece by piece.

use super::Document;
use crate::budget::Budget;
use crate::bundle::Policies;
use crate::digest::{Digest, Digesting};

/// The digest of one document that is being made.
///
/// Policies can be far more text than all the rest, and are nothing but strings, which have one
/// spelling in JSON: they are digested without a copy, as many at a time as a budget allows.
#[derive(Debug, Default)]
pub(crate) struct Digestion {
    digest: Digesting,
    begun: bool,
    /// How many layers are done, in the order of their names as text.
    layers: usize,
    /// How many policies of the next layer are done.
    policies: usize,
}

impl Digestion {
    /// Digests more of the policies of the same document, and tells whether that is done.
    pub(crate) fn advance(&mut self, document: &Document, budget: &mut Budget) -> bool {
        self.begin(document);
        let mut layers: Vec<_> =
            document.layers.iter().map(|(name, policies)| (name.to_string(), policies)).collect();
        layers.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (name, policies) in layers.into_iter().skip(self.layers) {
            if self.policies == 0 {
                // A name that was written is followed by a policy at once, or by the end.
                if budget.is_spent() {
                    return false;
                }
                self.digest.text(if self.layers == 0 { "" } else { "," }).plain(&name).text(":[");
            }
            if !self.policies_of(policies, budget) {
                return false;
            }
            self.digest.text("]");
            self.layers = self.layers.saturating_add(1);
            self.policies = 0;
        }
        true
    }

    /// The digest, once the policies are done.
    pub(crate) fn finish(self, document: &Document) -> Digest {
        let Self { mut digest, .. } = self;
        digest.text("},\"manifest\":").canonical(&document.manifest);
        if let Some(resolved) = &document.resolved {
            digest.text(",\"resolved\":").canonical(resolved);
        }
        digest.text(",\"schema\":").canonical(&document.schema);
        digest.text(",\"tools\":").canonical(&document.tools);
        digest.text("}").finish()
    }

    fn begin(&mut self, document: &Document) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        self.digest.text("{\"entities\":").canonical(&document.entities);
        if let Some(environment) = &document.environment {
            self.digest.text(",\"environment\":").canonical(environment);
        }
        self.digest.text(",\"format\":").canonical(&document.format);
        self.digest.text(",\"layers\":{");
    }

    fn policies_of(&mut self, policies: &Policies, budget: &mut Budget) -> bool {
        while let Some(policy) = policies.get(self.policies) {
            if budget.is_spent() {
                return false;
            }
            budget.spend(policy.source.len());
            self.digest.text(if self.policies == 0 { "" } else { "," }).plain(&policy);
            self.policies = self.policies.saturating_add(1);
        }
        true
    }
}
