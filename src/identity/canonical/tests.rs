use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::super::metadata::{JWT_AUTHN, verified_tokens};
use super::*;
use crate::fixture::{self, field as with_length, structure};

fn claims() -> impl Strategy<Value = Value> {
    let name = "[a-z]{0,3}|[a-z]{120,140}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        name.prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(name, value, 0..12)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

/// Random nested fields, few of which are meaningful.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        "[ab]{0,2}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..4),
        prop::sample::select(vec![vec![0x08, 0], vec![0x20, 1], vec![0x1a, 1, b'x']]),
        Just(JWT_AUTHN.as_bytes().to_vec()),
    ];
    leaf.prop_recursive(8, 60, 4, |inner| {
        let tag = prop::sample::select(vec![FIRST, SECOND, STRUCT, LIST, 0x1a]);
        let fields = prop::collection::vec((tag, inner.clone()), 0..4)
            .prop_map(|fields| fields.into_iter().flat_map(|(t, c)| with_length(t, &c)).collect());
        let entry = |key: Vec<u8>, value: Vec<u8>| {
            let entry = [with_length(FIRST, &key), with_length(SECOND, &value)].concat();
            with_length(FIRST, &entry)
        };
        let key = prop_oneof!["[ab]?", Just(JWT_AUTHN.to_owned())].prop_map(String::into_bytes);
        let entries = prop::collection::vec((key, inner), 0..4)
            .prop_map(move |all| all.into_iter().flat_map(|(k, v)| entry(k, v)).collect());
        prop_oneof![
            fields,
            entries.clone(),
            entries.prop_map(|all: Vec<u8>| with_length(STRUCT, &all))
        ]
    })
}

/// Metadata that holds only this struct.
fn alone(structure: &[u8]) -> Vec<u8> {
    let name = with_length(FIRST, JWT_AUTHN.as_bytes());
    with_length(FIRST, &[name, with_length(SECOND, structure)].concat())
}

/// The decoded claims, with the exact bits of numbers.
fn decoded(metadata: &[u8]) -> Result<String, String> {
    verified_tokens(metadata).map(|tokens| format!("{tokens:?}")).map_err(|e| e.to_string())
}

fn known(metadata: &[u8]) -> Option<Vec<u8>> {
    namespace(metadata, JWT_AUTHN).map(in_order)
}

#[test]
fn what_envoy_sends_is_known_in_every_order() {
    let claims = json!({ "session": {
        "sub": "alice", "exp": 1_795_219_200, "roles": ["rep", { "in": "emea", "as": "lead" }],
        "act": { "sub": "bot", "act": { "sub": "other", "jti": null } }, "email_verified": true,
    } });
    let orders: std::collections::BTreeSet<_> =
        (0..50).map(|turn| fixture::metadata(&claims, turn)).collect();
    assert!(orders.len() > 40);
    let first = known(&fixture::metadata(&claims, 0)).unwrap();
    for metadata in orders {
        assert_eq!(known(&metadata).unwrap(), first);
        assert_eq!(verified_tokens(&metadata).unwrap()["session"], as_doubles(&claims["session"]));
    }
}

fn as_doubles(value: &Value) -> Value {
    verified_tokens(&alone(&structure(&json!({ "it": value }), 0))).unwrap().remove("it").unwrap()
}

#[test]
fn of_two_members_of_one_name_the_last_counts() {
    let member = |value: u8| {
        let entry = [with_length(FIRST, b"sub"), with_length(SECOND, &[0x20, value])].concat();
        with_length(FIRST, &entry)
    };
    let [no_then_yes, yes_then_no] =
        [[member(0), member(1)].concat(), [member(1), member(0)].concat()];
    assert_ne!(in_order(&no_then_yes), in_order(&yes_then_no));
    assert_eq!(decoded(&alone(&in_order(&no_then_yes))), decoded(&alone(&no_then_yes)));
}

#[test]
fn a_namespace_that_is_there_twice_takes_decoding() {
    let claims = alone(&structure(&json!({ "session": { "sub": "alice" } }), 0));
    assert_eq!(known(b""), Some(Vec::new()));
    assert!(known(&claims).is_some());
    assert_eq!(known(&[claims.clone(), alone(b"")].concat()), None);
    assert_eq!(known(&[claims.clone(), vec![0x18, 1]].concat()), None);
    assert_eq!(known(&claims[..claims.len() - 1]), None);
}

#[test]
fn depth_is_bounded() {
    let deep = (0..10_000).fold(Vec::new(), |inner, _| {
        let value = with_length(SECOND, &with_length(STRUCT, &inner));
        with_length(FIRST, &[with_length(FIRST, b"a"), value].concat())
    });
    assert_eq!(in_order(&deep), deep);
}

proptest! {
    #[test]
    fn members_in_any_order_are_known(claims in claims(), turns in any::<[u64; 2]>()) {
        let [first, second] = turns.map(|turn| known(&fixture::metadata(&claims, turn)));
        prop_assert!(first.is_some());
        prop_assert_eq!(first, second);
    }

    #[test]
    fn another_byte_is_known_only_where_it_says_the_same(
        claims in claims(),
        turns in any::<[u64; 2]>(),
        place in any::<Index>(),
        change in 1_u8..,
    ) {
        let [one, mut other] = turns.map(|turn| fixture::metadata(&claims, turn));
        let changed = place.get_mut(&mut other);
        *changed ^= change;
        if known(&one) == known(&other) {
            prop_assert_eq!(decoded(&one), decoded(&other));
        }
    }

    #[test]
    fn other_claims_are_not_known(
        claims in claims(),
        turns in any::<[u64; 2]>(),
        choices in prop::collection::vec(any::<Index>(), 10),
    ) {
        let other = changed(&claims, &choices);
        prop_assert_ne!(&claims, &other);
        let [one, other] = [(claims, turns[0]), (other, turns[1])]
            .map(|(claims, turn)| known(&fixture::metadata(&claims, turn)));
        prop_assert_ne!(one, other);
    }

    /// The cache relies on this: sorting does not change the decoded claims.
    #[test]
    fn order_is_all_that_changes(soup in soup()) {
        let ordered = in_order(&soup);
        prop_assert_eq!(ordered.len(), soup.len());
        prop_assert_eq!(decoded(&alone(&ordered)).ok(), decoded(&alone(&soup)).ok());
        prop_assert_eq!(in_order(&ordered), ordered);
    }

    #[test]
    fn the_namespace_is_that_which_is_decoded(soup in soup()) {
        if let Some(structure) = namespace(&soup, JWT_AUTHN) {
            prop_assert_eq!(decoded(&soup).ok(), decoded(&alone(structure)).ok());
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes: Vec<u8>) {
        known(&bytes);
        prop_assert_eq!(in_order(&bytes).len(), bytes.len());
    }
}

/// The claims with one change at a random place.
fn changed(value: &Value, choices: &[Index]) -> Value {
    let (choice, choices) = choices.split_first().expect("more choices than levels");
    match value {
        Value::Object(members) => {
            let mut members = members.clone();
            let at = choice.index(members.len().saturating_add(1));
            match members.values_mut().nth(at) {
                Some(member) => *member = changed(member, choices),
                None if choices[0].index(2) == 0 => _ = members.insert("n".repeat(200), json!(1)),
                None => members = Map::from_iter([("n".repeat(200), Value::Object(members))]),
            }
            Value::Object(members)
        }
        Value::Array(items) => {
            let mut items = items.clone();
            let at = choice.index(items.len().saturating_add(1));
            match items.get_mut(at) {
                Some(item) => *item = changed(item, choices),
                None => items.pop().map_or_else(|| items.push(Value::Null), drop),
            }
            Value::Array(items)
        }
        Value::String(text) => format!("{text}x").into(),
        Value::Bool(truth) => (!truth).into(),
        Value::Number(_) => "1".into(),
        Value::Null => false.into(),
    }
}
