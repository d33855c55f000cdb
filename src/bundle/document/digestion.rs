//! The digest of a document, made piece by piece.

use super::Document;
use crate::budget::Budget;
use crate::bundle::{LayerName, Policies};
use crate::digest::{Digest, Digesting};

/// The digest of one document that is being made.
///
/// Policies can be far more text than all the rest, and are nothing but strings, which have one
/// spelling in JSON: they are digested without a copy, as many at a time as a budget allows.
#[derive(Debug, Default)]
pub(crate) struct Digestion {
    digest: Digesting,
    begun: bool,
    /// The layers that are not done, the last one in the order of their names as text first.
    layers: Vec<(String, LayerName)>,
    /// What stands before the name of the next one.
    separator: &'static str,
    /// How many policies of the next layer are done.
    policies: usize,
}

impl Digestion {
    /// Digests more of the policies of the same document, and tells whether that is done.
    pub(crate) fn advance(&mut self, document: &Document, budget: &mut Budget) -> bool {
        self.begin(document);
        while let Some((name, layer)) = self.layers.pop() {
            if !self.layer(&name, document.layers.get(&layer), budget) {
                self.layers.push((name, layer));
                return false;
            }
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
        let names = document.layers.keys();
        self.layers = names.map(|layer| (layer.to_string(), layer.clone())).collect();
        self.layers.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    }

    fn layer(&mut self, name: &str, policies: Option<&Policies>, budget: &mut Budget) -> bool {
        // Where nothing may be begun, no name is written that no policy follows.
        if budget.is_spent() {
            return false;
        }
        if self.policies == 0 {
            self.digest.text(std::mem::replace(&mut self.separator, ",")).plain(&name).text(":[");
        }
        let done = policies.is_none_or(|policies| self.policies_of(policies, budget));
        if done {
            self.digest.text("]");
            self.policies = 0;
            budget.spend(name.len());
        }
        done
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
