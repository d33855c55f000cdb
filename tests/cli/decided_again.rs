//! Records of the repository's cases are decided again as they were.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::sandbox::Sandbox;
use crate::cases::directories;
use toolgate::cli::analysis::verdict::Verdict;
use toolgate::cli::input::cases::Suite;
use toolgate::cli::input::directory;
use toolgate::gate::Gate;

/// The log of all cases of a bundle that have no earlier calls: what these were is not in it.
fn log(bundle: &Path) -> String {
    let opened = directory::open(bundle).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let gate = Gate::new(opened.loaded.bundle, opened.document.environment_name());
    let suite = Suite::read(&directory::tests(bundle).unwrap(), &[]).unwrap();
    let mut log = String::new();
    for verdict in Verdict::all(&gate, &suite).iter().filter(|it| it.case.after.is_empty()) {
        for record in verdict.outcome.iter().flat_map(|outcome| &outcome.records) {
            writeln!(log, "{}", record.to_line()).unwrap();
        }
    }
    log
}

/// What `diff --log` finds otherwise, or cannot decide.
fn findings(bundle: &Path) -> BTreeSet<String> {
    let sandbox = Sandbox::new();
    sandbox.write("decisions.ndjson", &log(bundle));
    let bundle = bundle.display();
    let run = sandbox.run(&format!("diff {bundle} {bundle} --log decisions.ndjson --format json"));
    let compared = run.json();
    assert!(compared["log"]["compared"].as_u64() > Some(0), "{run:?}");
    let groups = compared["log"]["groups"].as_array().unwrap_or_else(|| panic!("{run:?}"));
    let finding = |group: &Value| {
        format!("{} {}", group["change"].as_str().unwrap(), group["why"].as_str().unwrap())
    };
    groups.iter().map(finding).collect()
}

/// What keeps a decision from being made again: something that its record withholds, or that none has.
const UNDECIDABLE: [&str; 4] = [
    "undecided the record withholds values, and has an inner call",
    "undecided `customer_id` names the resource, and its value is withheld",
    "undecided the decision depends on earlier calls that the log does not tell",
    "undecided the record does not hold why the approval was refused",
];

#[test]
fn every_decision_is_made_again_from_its_record() {
    for parent in ["tests/cases/bundles", "policies"] {
        for bundle in directories(parent) {
            let mut findings = findings(&bundle);
            findings.retain(|finding| !UNDECIDABLE.contains(&finding.as_str()));
            assert_eq!(findings, BTreeSet::new(), "{}", bundle.display());
        }
    }
}
