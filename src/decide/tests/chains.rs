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

/// Policies about who has a right by itself, a person or an agent.
const OF_PARTIES: [&str; 7] = [
    "permit (principal in Role::\"rep\", action, resource);",
    "permit (principal is User, action, resource);",
    "permit (principal in AgentClass::\"reviewed\", action, resource);",
    "permit (principal, action, resource) when { principal in AgentClass::\"trusted\" };",
    "permit (principal == Agent::\"unknown\", action, resource);",
    "forbid (principal in AgentClass::\"trusted\", action == Action::\"pay/refund\", resource) when { context.input.amount > 100 };",
    "forbid (principal == Agent::\"d\", action, resource);",
];

fn document(policies: &[&str], classes: &[Option<usize>], mode: &str) -> Value {
    let mut document = fixture::document_json();
    document["manifest"]["identity"]["mode"] = json!(mode);
    document["manifest"]["identity"]["actor"]["class_type"] = json!("AgentClass");
    document["schema"] = json!(
        "entity Role; entity User in [Role] { tenant: String }; entity AgentClass in [AgentClass];
         entity Agent in [AgentClass, Role]; entity Server;"
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

fn bundle_of(policies: &[&str], classes: &[Option<usize>], mode: &str) -> Bundle {
    let document = serde_json::from_value(document(policies, classes, mode)).unwrap();
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
        let bundle = bundle_of(&policies, &classes, "policy");
        for chain in &chains {
            if is_permitted(&bundle, chain) {
                for shorter in shorter(chain) {
                    prop_assert!(is_permitted(&bundle, &shorter), "{chain:?} {shorter:?}");
                }
            }
        }
    }

    /// A call is permitted if, and only if, everybody may make it alone, and an agent takes rights
    /// away and gives none.
    #[test]
    fn an_intersection_is_what_each_party_may_do(
        of_parties in prop::sample::subsequence(&OF_PARTIES[..], 1..=5),
        of_chains in prop::sample::subsequence(&RECOMMENDED[..], 0..=3),
        classes in prop::collection::vec(prop::option::of(0..CLASSES.len()), 4),
        chains in prop::collection::vec(prop::collection::vec(hop(), 0..=3), 16),
        amount in prop_oneof![Just(1), Just(101)],
    ) {
        let policies = [of_parties, of_chains].concat();
        let [all, one] = ["intersection", "policy"].map(|it| bundle_of(&policies, &classes, it));
        for chain in chains.iter().filter(|chain| !chain.is_empty()) {
            let by_all = asking(&all, token(chain), amount, |identity, question| {
                let outcome = decide(&all, identity, question).outcome;
                let mut parties = vec![judge(all.layers.of(identity), question).is_ok()];
                let agents = question.of_agents();
                parties.extend(agents.map(|agent| judge(all.layers.of(identity), &agent).is_ok()));
                let mut agents: Vec<usize> = chain.iter().map(|(agent, _)| *agent).collect();
                agents.sort_unstable();
                agents.dedup();
                assert_eq!(parties.len(), agents.len().saturating_add(1));
                assert_eq!(outcome.is_ok(), parties.iter().all(|may| *may), "{chain:?}");
                let caller = Arc::new(crate::gate::Caller::new(&all, identity).unwrap());
                let tool = all.tool("pay", "refund").unwrap();
                let listed = list(&all, identity, &caller, tool, &facts()).outcome;
                assert!(outcome.is_err() || listed.is_ok(), "{chain:?} {listed:?}");
                outcome.is_ok()
            });
            let alone = refund_of(&one, token(chain), amount).outcome.is_ok();
            prop_assert!(!by_all || alone, "{chain:?}");
            for shorter in shorter(chain).filter(|_| by_all) {
                prop_assert!(refund_of(&all, token(&shorter), amount).outcome.is_ok());
            }
        }
    }
}

/// Each policy with each chain in each mode.
type Told<'a> = (Option<Reason>, Option<(Reason, &'a str)>);

#[test]
fn who_is_refused_and_why() {
    let trusted = [Some(1), Some(0), None, None];
    let person = "permit (principal in Role::\"rep\", action, resource);";
    let agents = "permit (principal in AgentClass::\"reviewed\", action, resource);";
    let not_trusted = "forbid (principal, action, resource) when { principal is Agent && !(principal in AgentClass::\"trusted\") };";
    let failing = "forbid (principal is Agent, action == Action::\"pay/refund\", resource) when { context.input.amount * 9223372036854775807 > 0 };";
    let all_in = RECOMMENDED[3];
    let (silent, forbidden) = (Reason::NotPermitted, Reason::Forbidden);
    let (a, b, c) = ("Agent::\"a\"", "Agent::\"b\"", "Agent::\"c\"");
    let alice = "User::\"alice\"";
    // The outcome with `policy`, and that with `intersection` and the party that is refused.
    let table: [(&[&str], &[usize], Told<'_>); 14] = [
        (&[person], &[0], (None, Some((silent, a)))),
        (&[agents], &[0], (Some(silent), Some((silent, alice)))),
        (&[person, agents], &[0], (None, None)),
        (&[person, agents], &[0, 1], (None, None)),
        (&[person, agents], &[0, 1, 2], (None, Some((silent, c)))),
        (&[person, agents], &[2, 0], (None, Some((silent, c)))),
        (&[person, agents], &[4], (None, Some((silent, "Agent::\"unknown\"")))),
        (&[person, agents, not_trusted], &[0], (None, None)),
        (&[person, agents, not_trusted], &[0, 1], (None, Some((forbidden, b)))),
        (&[person, agents, not_trusted], &[1, 2], (None, Some((forbidden, b)))),
        (&[all_in], &[0, 1], (None, None)),
        (&[all_in], &[0, 2], (Some(silent), Some((silent, alice)))),
        (
            &[person, agents, RECOMMENDED[11]],
            &[0, 1, 0],
            (Some(forbidden), Some((forbidden, alice))),
        ),
        (&[person, agents, failing], &[0], (None, Some((Reason::PolicyError, a)))),
    ];
    for (policies, chain, (alone, by_all)) in table {
        let chain: Vec<Hop> = chain.iter().map(|agent| (*agent, Vec::new())).collect();
        let told = |mode: &str| {
            let bundle = bundle_of(policies, &trusted, mode);
            refund_of(&bundle, token(&chain), 2).outcome.err()
        };
        assert_eq!(
            told("policy").map(|denial| (denial.reason, denial.party().map(str::to_owned))),
            alone.map(|it| (it, None))
        );
        let denial = told("intersection");
        let party = denial.as_ref().and_then(|denial| denial.party());
        let reason = denial.as_ref().map(|denial| denial.reason);
        assert_eq!(reason.zip(party), by_all, "{policies:?} {chain:?}");
        if let (Some(Denial { detail: Some(detail), .. }), Some((_, party))) = (&denial, by_all) {
            assert!(
                detail.starts_with(&format!("`{party}` is not permitted by itself")),
                "{detail}"
            );
        }
    }
}

#[test]
fn the_property_would_notice_a_right_that_an_earlier_agent_gives() {
    for policy in GRANTING {
        let bundle = bundle_of(&[policy], &[None; 4], "policy");
        let (alone, chain) = (vec![(1, vec![])], vec![(1, vec![]), (0, vec![])]);
        assert!(is_permitted(&bundle, &chain) && !is_permitted(&bundle, &alone), "{policy}");
    }
}
