//! Tests of policies about whole delegations.

use proptest::prelude::*;

use super::*;

/// Agents and, in each case, some of the classes: `trusted` is in `reviewed`.
const AGENTS: [&str; 5] = ["a", "b", "c", "d", "unknown"];
const CLASSES: [&str; 2] = ["reviewed", "trusted"];
const PROFILES: [&str; 3] = ["ai_agent", "service", "browser_app"];

/// The conditions by which the documentation tells how to ask for a whole delegation.
const RECOMMENDED: [&str; 14] = [
    "permit (principal, action, resource);",
    "permit (principal, action, resource) when { context.actor == Agent::\"a\" };",
    "permit (principal, action, resource) when { context.actor in AgentClass::\"trusted\" };",
    "permit (principal, action, resource) when { context.delegation.all_in.contains(AgentClass::\"reviewed\") };",
    "permit (principal, action, resource) when { context.delegation.all_in.containsAny([AgentClass::\"trusted\", AgentClass::\"reviewed\"]) };",
    "permit (principal, action, resource) when { context.delegation.all_known };",
    "permit (principal, action, resource) when { context.delegation.all_profiles.contains(\"ai_agent\") };",
    "permit (principal, action, resource) when { context.delegation.actor_profiles.contains(\"service\") };",
    "permit (principal, action, resource) when { context.delegation.depth <= 2 };",
    "permit (principal, action, resource) when { [Agent::\"a\", Agent::\"b\"].containsAll(context.delegation.agents) };",
    "forbid (principal, action, resource) when { context.delegation.agents.contains(Agent::\"d\") };",
    "forbid (principal, action, resource) when { context.delegation.depth > 2 };",
    "forbid (principal, action, resource) unless { context.delegation.all_known && context.delegation.all_in.contains(AgentClass::\"reviewed\") };",
    "forbid (principal, action, resource) unless { context.delegation.all_profiles.containsAll([\"ai_agent\"]) };",
];

/// Policies by which an earlier agent gives a right, as `check` finds.
const GRANTING: [&str; 2] = [
    "permit (principal, action, resource) when { context.delegation.agents.contains(Agent::\"a\") };",
    "permit (principal, action, resource) when { context.delegation.depth > 1 };",
];

fn document(policies: &[&str], classes: &[Option<usize>]) -> Value {
    let mut document = fixture::document_json();
    document["manifest"]["identity"]["actor"]["class_type"] = json!("AgentClass");
    document["schema"] = json!(
        "entity Role; entity User in [Role] { tenant: String }; entity AgentClass in [AgentClass];
         entity Agent in [AgentClass]; entity Server;"
    );
    let entities = document["entities"].as_array_mut().unwrap();
    entities.push(json!({ "uid": "AgentClass::\"reviewed\"" }));
    entities
        .push(json!({ "uid": "AgentClass::\"trusted\"", "parents": ["AgentClass::\"reviewed\""] }));
    for (agent, class) in AGENTS.iter().take(4).zip(classes) {
        let parents = class.map(|class| format!("AgentClass::\"{}\"", CLASSES[class]));
        let parents: Vec<String> = parents.into_iter().collect();
        entities.push(json!({ "uid": format!("Agent::\"{agent}\""), "parents": parents }));
    }
    document["layers"]["org"] = layer("p", policies);
    document
}

/// An agent of a chain: its name, and what it says that it is.
type Hop = (usize, Vec<usize>);

fn token(chain: &[Hop]) -> Value {
    let mut claims = fixture::claims();
    claims["act"] = chain.iter().rev().fold(Value::Null, |earlier, (agent, profiles)| {
        let words: Vec<&str> = profiles.iter().map(|at| PROFILES[*at]).collect();
        json!({ "sub": AGENTS[*agent], "sub_profile": words.join(" "), "act": earlier })
    });
    claims
}

fn hop() -> impl Strategy<Value = Hop> {
    (0..AGENTS.len(), prop::collection::vec(0..PROFILES.len(), 0..3))
}

fn is_permitted(bundle: &Bundle, chain: &[Hop]) -> bool {
    refund_of(bundle, token(chain), 1).outcome.is_ok()
}

/// The chains with one earlier agent less.
fn shorter(chain: &[Hop]) -> impl Iterator<Item = Vec<Hop>> {
    (1..chain.len()).map(|at| {
        let mut shorter = chain.to_vec();
        shorter.remove(at);
        shorter
    })
}

fn bundle_of(policies: &[&str], classes: &[Option<usize>]) -> Bundle {
    let document = serde_json::from_value(document(policies, classes)).unwrap();
    crate::bundle::load(&document).unwrap().bundle
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever an earlier agent is, a call that it is part of would be permitted without it too.
    #[test]
    fn an_earlier_agent_gives_no_right(
        policies in prop::sample::subsequence(&RECOMMENDED[..], 1..=6),
        classes in prop::collection::vec(prop::option::of(0..CLASSES.len()), 4),
        chains in prop::collection::vec(prop::collection::vec(hop(), 2..=3), 16),
    ) {
        let bundle = bundle_of(&policies, &classes);
        for chain in &chains {
            if is_permitted(&bundle, chain) {
                for shorter in shorter(chain) {
                    prop_assert!(is_permitted(&bundle, &shorter), "{chain:?} {shorter:?}");
                }
            }
        }
    }
}

#[test]
fn the_property_would_notice_a_right_that_an_earlier_agent_gives() {
    for policy in GRANTING {
        let bundle = bundle_of(&[policy], &[None; 4]);
        let (alone, chain) = (vec![(1, vec![])], vec![(1, vec![]), (0, vec![])]);
        assert!(is_permitted(&bundle, &chain) && !is_permitted(&bundle, &alone), "{policy}");
    }
}
