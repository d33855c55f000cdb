//! Tests of layers and shadow with whole bundles.

use proptest::prelude::*;

use super::*;

const EVERYTHING: &str = "permit (principal, action, resource);";
const AT_MOST_100: &str = "forbid (principal, action == Action::\"pay/refund\", resource) when { context.input.amount > 100 };";

/// The policies from which layers are made.
const POLICIES: [&str; 7] = [
    EVERYTHING,
    AT_MOST_100,
    "permit (principal in Role::\"rep\", action == Action::\"pay/refund\", resource);",
    "permit (principal in Role::\"boss\", action, resource);",
    "permit (principal, action, resource) when { principal.tenant == \"acme\" };",
    "forbid (principal, action, resource) when { context.delegation.depth > 1 };",
    "permit (principal, action == Action::\"pay/refund\", resource) when { context.input.amount * 9223372036854775807 > 0 };",
];
const NAMES: [&str; 7] =
    ["tenant/acme", "tenant/other", "team/a", "team/b", "agent/bot", "agent/first", "agent/other"];

fn document(layers: &[(&str, &[&str])]) -> Value {
    let mut document = fixture::document_json();
    document["manifest"]["identity"]["principal"]["teams"] = json!("teams");
    document["layers"] = layers
        .iter()
        .map(|(name, policies)| ((*name).to_owned(), layer(&name.replace('/', "-"), policies)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    document
}

/// Alice, of tenant acme and two teams; the bot acts for her, and `first` acted before it.
fn claims() -> Value {
    let mut claims = fixture::claims();
    claims["teams"] = json!(["a", "b"]);
    claims["act"] = json!({ "sub": "bot", "act": { "sub": "first" } });
    claims
}

#[track_caller]
fn refused_by(layers: &[(&str, &[&str])], amount: i64) -> (Reason, String) {
    let denial = decided(document(layers), claims(), amount).outcome.unwrap_err();
    (denial.reason, denial.layer.unwrap().to_string())
}

#[test]
fn every_layer_that_applies_must_permit() {
    for name in ["tenant/acme", "team/a", "team/b", "agent/bot", "agent/first"] {
        let layers = [("org", &[EVERYTHING][..]), (name, &[EVERYTHING, AT_MOST_100])];
        assert_eq!(refused_by(&layers, 101), (Reason::Forbidden, name.to_owned()));
        let permit = decided(document(&layers), claims(), 100).outcome.unwrap();
        assert_eq!(permit.layer().unwrap().to_string(), name);
        assert_eq!(permit.policies().len(), 2);
        let silent = [("org", &[EVERYTHING][..]), (name, &[])];
        assert_eq!(refused_by(&silent, 1), (Reason::NotPermitted, name.to_owned()));
    }
}

#[test]
fn a_layer_grants_nothing_that_the_ones_above_refuse() {
    let layers = [("org", &[AT_MOST_100][..]), ("tenant/acme", &[EVERYTHING])];
    assert_eq!(refused_by(&layers, 1), (Reason::NotPermitted, "org".to_owned()));
    assert_eq!(refused_by(&layers, 101), (Reason::Forbidden, "org".to_owned()));
    let only_specific = [("tenant/acme", &[EVERYTHING][..])];
    assert_eq!(refused_by(&only_specific, 1), (Reason::NotPermitted, "org".to_owned()));
}

#[test]
fn an_agent_that_acts_twice_is_told_of_once() {
    let mut claims = claims();
    claims["act"] = json!({ "sub": "bot", "act": { "sub": "bot" } });
    let layers = [("org", &[EVERYTHING][..]), ("agent/bot", &[EVERYTHING])];
    let permit = decided(document(&layers), claims, 1).outcome.unwrap();
    assert_eq!(permit.policies(), ["agent-bot0", "org0"]);
}

#[test]
fn layers_of_others_do_not_apply() {
    for name in ["tenant/other", "team/c", "agent/other"] {
        let layers = [("org", &[EVERYTHING][..]), (name, &[])];
        let permit = decided(document(&layers), claims(), 1).outcome.unwrap();
        assert_eq!(permit.layer(), Some(&LayerName::Org));
    }
}

#[test]
fn what_is_in_shadow_only_has_an_opinion() {
    let shadow_limit = format!("@mode(\"shadow\") {AT_MOST_100}");
    let policy = document(&[("org", &[EVERYTHING, &shadow_limit])]);
    let mut whole_layer =
        document(&[("org", &[EVERYTHING]), ("team/a", &[AT_MOST_100, EVERYTHING])]);
    whole_layer["manifest"]["layers"]["shadow"] = json!(["team/a"]);
    for document in [policy, whole_layer] {
        let verdict = decided(document.clone(), claims(), 101);
        assert_eq!(verdict.outcome.unwrap().policies(), ["org0"]);
        assert_eq!(verdict.staged.unwrap().unwrap_err().reason, Reason::Forbidden);
        assert!(decided(document, claims(), 100).staged.unwrap().is_ok());
    }
    // A permit in shadow grants nothing.
    let shadow_permit = format!("@mode(\"shadow\") {EVERYTHING}");
    let verdict = decided(document(&[("org", &[AT_MOST_100, &shadow_permit])]), claims(), 1);
    assert_eq!(verdict.outcome.unwrap_err().reason, Reason::NotPermitted);
    assert_eq!(verdict.staged.unwrap().unwrap().policies(), ["org1"]);
    let nothing = decided(document(&[("org", &[EVERYTHING])]), claims(), 1);
    assert!(nothing.staged.is_none());
}

fn policies() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(POLICIES.to_vec(), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// An additional layer can only remove permits.
    #[test]
    fn another_layer_only_removes_permits(
        org in policies().prop_filter("a bundle needs a policy", |org| !org.is_empty()),
        layers in proptest::collection::btree_map(proptest::sample::select(&NAMES[..]), policies(), 0..4),
        (name, more) in (proptest::sample::select(&NAMES[..]), policies()),
        amount in 0..200_i64,
    ) {
        let mut all: Vec<(&str, &[&str])> = vec![("org", &org)];
        all.extend(layers.iter().filter(|(other, _)| **other != name).map(|(n, p)| (*n, p.as_slice())));
        let before = decided(document(&all), claims(), amount).outcome;
        all.push((name, &more));
        let after = decided(document(&all), claims(), amount).outcome;
        prop_assert!(after.is_err() || before.is_ok(), "{all:?}: {before:?}, then {after:?}");
        // What is permitted after that is also permitted by the additional layer, if it applies.
        let alone = decided(document(&[("org", &[EVERYTHING]), (name, &more)]), claims(), amount);
        prop_assert_eq!(after.is_ok(), before.is_ok() && alone.outcome.is_ok());
    }
}
