//! Runs the repository's cases natively. The end-to-end tests send the same cases through Envoy.

use std::path::{Path, PathBuf};

use toolgate::bundle::EnvironmentName;
use toolgate::cli::analysis::coverage::Coverage;
use toolgate::cli::analysis::verdict::Verdict;
use toolgate::cli::input::cases::Suite;
use toolgate::cli::input::directory;
use toolgate::gate::Gate;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The subdirectories of a directory, sorted.
pub(crate) fn directories(path: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(path)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_dir());
    paths.sort();
    assert!(!paths.is_empty(), "{path}");
    paths
}

#[track_caller]
fn check(bundle: &Path, environment: Option<&EnvironmentName>, files: &[PathBuf]) {
    let opened = directory::open_for(bundle, environment);
    let opened = opened.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let gate = Gate::new(opened.loaded.bundle, opened.document.environment_name());
    let special = directory::tests_for(bundle, environment).unwrap();
    let suite = Suite::read(files, &special).unwrap_or_else(|error| panic!("{error:#?}"));
    let verdicts = Verdict::all(&gate, &suite);
    assert!(!verdicts.is_empty(), "{}", bundle.display());
    let failed = verdicts.iter().filter(|verdict| !verdict.passed()).map(|verdict| {
        let (place, name) = (&verdict.place, &verdict.case.name);
        format!("{place}: {name}: {:?} {:?}", verdict.mismatches, verdict.fault)
    });
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The coverage of all tools and policies by a bundle's cases, and the classes below their minimum.
fn coverage(bundle: &Path) -> (usize, Vec<String>) {
    let opened = directory::open(bundle).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let (environment, minimums) = (String::new(), opened.document.manifest.coverage);
    let gate = Gate::new(opened.loaded.bundle, environment);
    let suite = Suite::read(&directory::tests(bundle).unwrap(), &[]).unwrap();
    let mut coverage = Coverage::of(&gate.bundle);
    for verdict in Verdict::all(&gate, &suite) {
        coverage.count(&gate, &verdict.trace, &verdict.outcome.unwrap());
    }
    let lacking = minimums.iter().filter_map(|(class, minimum)| {
        let measure = coverage.measure(Some(class), Some(*minimum));
        (!measure.is_enough()).then(|| format!("{class}: {:?}", measure.missing))
    });
    (coverage.measure(None, None).percent(), lacking.collect())
}

/// Bundles reach the coverage that they require, and full coverage of all tools and policies.
#[test]
fn bundles_are_covered_by_their_cases() {
    for bundle in directories("policies").into_iter().chain(directories("tests/cases/bundles")) {
        assert_eq!(coverage(&bundle), (100, Vec::new()), "{}", bundle.display());
    }
}

/// The example bundles, and the bundles that exist for their cases.
#[test]
fn bundles_decide_as_their_cases_say() {
    for bundle in directories("policies").into_iter().chain(directories("tests/cases/bundles")) {
        let files = directory::tests(&bundle).unwrap();
        check(&bundle, None, &files);
        for environment in directory::environments(&bundle) {
            check(&bundle, Some(&environment), &files);
        }
    }
}

/// Cases outside of any bundle use `policies/acme`.
#[test]
fn hostile_requests_are_refused() {
    let entries = std::fs::read_dir(root().join("tests/cases")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    check(&root().join("policies/acme"), None, &files);
}
