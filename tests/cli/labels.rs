//! `toolgate test`: coverage of labels on results.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use toolgate::cli::analysis::coverage::{Coverage, LabelCoverage};
use toolgate::cli::analysis::verdict::Verdict;
use toolgate::cli::input::cases::Suite;
use toolgate::cli::input::directory;
use toolgate::gate::Gate;

use super::sandbox::{Sandbox, check, copy};

const LABELLED: (&str, &str, &str) = (
    "bundle.yaml",
    "read: { classes: [read] }",
    "read: { classes: [read], labels: { private: [author], rank: [\"ranks[].place\"] } }",
);
const REVEAL: &str = r#"
@id("writers-see-authors")
permit (principal in Role::"writer", action in Action::"reveal:private", resource);

@id("ranks-are-seen")
permit (principal in Role::"reader", action in Action::"reveal:rank", resource);

@id("no-old-authors")
forbid (principal, action == Action::"notes/read/reveal:private", resource)
when { context.input.id == "n-9" };

@id("not-here")
@reason("This note is secret.")
forbid (principal, action, resource)
when { context.input has id && context.input.id == "n-0" };
"#;

fn labelled() -> Sandbox {
    let sandbox = Sandbox::with(&[LABELLED]);
    sandbox.write("bundle/org/reveal.cedar", REVEAL);
    sandbox
}

/// The missing goals of all tools.
fn missing(told: &Value) -> Vec<Value> {
    let classes = told["coverage"]["classes"].as_array().unwrap();
    classes.last().unwrap()["missing"].as_array().unwrap().clone()
}

#[test]
fn what_is_missing_is_named_and_suggested() {
    let sandbox = labelled();
    check("labels_lacking", &sandbox.run("test bundle --minimum 100"));
    let told = sandbox.run("test bundle --minimum 100 --format json").json();
    let label =
        |goal: &str, label: &str| json!({ "goal": goal, "tool": "notes/read", "label": label });
    let goals = missing(&told);
    assert!(goals.contains(&label("revealed", "private")), "{goals:?}");
    // Whoever reads sees ranks, and `not-here` refuses the call itself.
    assert!(!goals.contains(&label("withheld", "rank")), "{goals:?}");
    let of = |goal: &Value| (goal["goal"] == "determined_label").then(|| goal["policy"].clone());
    let policies: Vec<Value> = goals.iter().filter_map(of).collect();
    assert_eq!(policies, ["no-old-authors", "writers-see-authors"]);
}

#[test]
fn what_is_suggested_reaches_what_was_missing() {
    let sandbox = labelled();
    let told = sandbox.run("test bundle --minimum 100 --format json").json();
    let mut cases = sandbox.read("bundle/tests/notes.yaml");
    let suggestions = told["suggestions"].as_array().unwrap().iter();
    for suggestion in suggestions.filter(|suggestion| suggestion["tried"] == true) {
        cases.push_str(suggestion["case"].as_str().unwrap());
    }
    sandbox.write("bundle/tests/notes.yaml", &cases);
    let told = sandbox.run("test bundle --format json").json();
    assert_eq!(told["passed"], true, "{told}");
    let about = |goal: &Value| ["label", "labels"].iter().any(|key| goal.get(key).is_some());
    assert!(!missing(&told).iter().any(about), "{:?}", missing(&told));
    sandbox.run("test bundle --junit report.xml");
    let name = "label notes/read/reveal:private";
    assert!(sandbox.read("report.xml").contains(name), "{}", sandbox.read("report.xml"));
}

/// The labels that a case reveals and withholds, by coverage and by its records.
#[track_caller]
fn compare(bundle: &Path) -> usize {
    let opened = directory::open(bundle).unwrap();
    let gate = Gate::new(opened.loaded.bundle, String::new());
    let suite = Suite::read(&directory::tests(bundle).unwrap(), &[]).unwrap();
    let mut labels = 0;
    for verdict in Verdict::all(&gate, &suite) {
        let mut coverage = Coverage::of(&gate.bundle);
        let outcome = verdict.outcome.unwrap();
        coverage.count(&gate, &verdict.trace, &outcome);
        let with = |is: fn(&LabelCoverage) -> bool| {
            let labels = coverage.labels.iter().filter(|(_, coverage)| is(coverage));
            labels.map(|(label, _)| label.label.clone()).collect::<BTreeSet<_>>()
        };
        let permitted = || outcome.telling().iter().filter(|it| it.reason.as_str() == "permitted");
        let revealed = permitted().flat_map(|record| record.revealed.iter().cloned()).collect();
        let masked = permitted().flat_map(|record| record.masked.iter().cloned()).collect();
        let counted = (with(|it| it.revealed > 0), with(|it| it.withheld > 0));
        labels += counted.0.len() + counted.1.len();
        assert_eq!(counted, (revealed, masked), "{}", verdict.case.name);
    }
    labels
}

#[test]
fn coverage_counts_what_records_say() {
    assert!(compare(&labelled().path("bundle")) > 0);
    let sandbox = Sandbox::new();
    let inner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bundles/inner");
    copy(&inner, &sandbox.path("inner"));
    sandbox.replace(
        "inner/bundle.yaml",
        "call_tool: { ",
        "get_note: { labels: { text: [text], id: [id] } }\n      call_tool: { labels: { outer: [x] }, ",
    );
    sandbox.write(
        "inner/org/reveal.cedar",
        r#"@id("text") permit (principal, action in [Action::"reveal:text", Action::"reveal:outer"], resource);"#,
    );
    assert!(compare(&sandbox.path("inner")) > 0);
}

#[test]
fn a_policy_in_shadow_decides_no_label() {
    let sandbox = labelled();
    for policy in ["writers-see-authors", "no-old-authors"] {
        let (old, new) =
            (format!("@id(\"{policy}\")"), format!("@id(\"{policy}\")\n@mode(\"shadow\")"));
        sandbox.replace("bundle/org/reveal.cedar", &old, &new);
    }
    let goals = missing(&sandbox.run("test bundle --format json").json());
    let about = |goal: &&Value| goal["label"] == "private" || goal["goal"] == "determined_label";
    assert_eq!(goals.iter().filter(about).count(), 0, "{goals:?}");
}
