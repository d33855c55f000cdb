//! What a document has remembered.

use crate::bundle::{Code, Document, Finding, Site};
use crate::memory::Plan;
use crate::tool::Tool;

/// The plan of a document; each problem becomes a finding.
pub(super) fn plan(
    document: &Document,
    tools: &[Tool],
    findings: &mut Vec<Finding>,
) -> Option<Plan> {
    match Plan::of(document.manifest.remembered(), tools) {
        Ok(plan) => plan,
        Err(problems) => {
            let finding =
                |(key, message)| Finding::new(Code::Manifest, Site::Manifest(key), message);
            findings.extend(problems.into_iter().map(finding));
            None
        }
    }
}
