//! Findings that the bundle accepts, each with a reason.

use std::collections::HashMap;

use crate::bundle::{Acceptance, Code, Finding, Severity, Site};
use crate::cli::output::report::Problem;

/// Open and accepted findings.
#[derive(Debug, Default)]
pub(in crate::cli) struct Reviewed {
    /// Findings that are not accepted.
    pub(in crate::cli) open: Vec<Problem>,
    /// Accepted findings with their reasons.
    pub(in crate::cli) accepted: Vec<(Problem, String)>,
    /// Findings about the acceptances themselves.
    pub(in crate::cli) findings: Vec<Finding>,
}

/// Separates accepted problems from open ones.
pub(super) fn review(acceptances: &[Acceptance], problems: Vec<Problem>) -> Reviewed {
    let mut reviewed = Reviewed::default();
    let mut unused: HashMap<(Code, &str), usize> = HashMap::new();
    for (position, acceptance) in acceptances.iter().enumerate() {
        let Acceptance { code, at, .. } = acceptance;
        if code.severity() == Severity::Error {
            let message = format!("`{code}` is an error and cannot be accepted");
            reviewed.findings.push(about(position, "code", Code::Acceptance, message));
        } else if unused.insert((*code, at), position).is_some() {
            let message = format!("`{code}` at `{at}` is accepted twice");
            reviewed.findings.push(about(position, "at", Code::Acceptance, message));
        }
    }
    let by_subject = unused.clone();
    for problem in problems {
        let subject = problem.code.zip(problem.at.as_deref());
        let position = subject.and_then(|subject| by_subject.get(&subject));
        if let Some(accepted) = position.and_then(|position| acceptances.get(*position)) {
            unused.remove(&(accepted.code, accepted.at.as_str()));
            reviewed.accepted.push((problem, accepted.reason.as_str().to_owned()));
        } else {
            reviewed.open.push(problem);
        }
    }
    for ((code, at), position) in unused {
        let message = format!("nothing here is `{code}` at `{at}`");
        let help = "remove it; `--format json` shows what each finding is `at`";
        let finding = about(position, "at", Code::StaleAcceptance, message);
        reviewed.findings.push(finding.with_help(help));
    }
    reviewed
}

fn about(position: usize, key: &str, code: Code, message: String) -> Finding {
    Finding::new(code, Site::Manifest(format!("accept.{position}.{key}")), message)
}
