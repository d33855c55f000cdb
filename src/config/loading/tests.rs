use chrono::Utc;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bundle::{self, Document};
use crate::digest::Digest;
use crate::fixture;
use crate::trust::{PublicKey, Signature, statement};

const SPOILERS: [&str; 12] = ["", " ", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "null"];
const PIECES: [usize; 5] = [1, 50, 700, 20_000, usize::MAX];

/// The fixture, once built, with layers of all kinds, of which one has so many policies.
fn built(most: u32) -> Document {
    let mut document = fixture::document();
    let actions = ["action", "action == Action::\"pay/get\"", "action in Action::\"server:pay\""];
    for (name, count) in [("agent/a", 3), ("team/t", 0), ("tenant/t", most)] {
        let layer = document.layers.entry(name.to_owned().try_into().unwrap()).or_default();
        for number in 0..count {
            let id = format!("{}.{number}", name.replace('/', "."));
            let mode = if number % 7 == 3 { "@mode(\"shadow\")" } else { "" };
            let (role, action) = (number % 5, actions[(number % 3) as usize]);
            let source = format!(
                "@id(\"{id}\")\t{mode}\n// é😀\\\npermit (principal in Role::\"{role}\", {action}, resource);"
            );
            layer.push(bundle::PolicySource { id: &id, source: &source });
        }
    }
    document.resolved = Some(bundle::load(&document).unwrap().resolved);
    document
}

fn known() -> Known {
    let (name, candidate) = ("fixture".to_owned(), Some(Digest::of(&2)));
    Known { name, environment: String::new(), bundle: Digest::of(&1), candidate }
}

fn site() -> GateField {
    GateField { node: "n-1".to_owned(), plugin: "toolgate".to_owned(), vm: "v-1".to_owned() }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_219_200, 0).unwrap()
}

/// What becomes of a configuration piece by piece, and in how many turns.
fn in_turns(config: impl AsRef<[u8]>, bytes: usize) -> (Result<Box<Gate>, String>, usize) {
    let mut loading = Loading::of(config.as_ref().to_vec(), known(), site(), now());
    for turns in 1.. {
        match loading.advance(bytes) {
            Progress::Going(further) => loading = *further,
            Progress::Done(gate) => return (gate.map_err(|error| error.to_string()), turns),
        }
    }
    panic!("it never ends")
}

fn in_pieces(config: impl AsRef<[u8]>, bytes: usize) -> Result<Box<Gate>, String> {
    in_turns(config, bytes).0
}

fn at_once(config: impl AsRef<[u8]>) -> Result<Box<Gate>, String> {
    Gate::from_known_config(config.as_ref(), Some(known()), &site(), now())
        .map(Box::new)
        .map_err(|error| error.to_string())
}

/// Everything about a gate that can be seen.
fn seen(gate: &Gate) -> String {
    let Gate { bundle, candidate, environment, site, .. } = gate;
    let layers: Vec<_> = bundle.all_layers().iter().map(bundle::Layer::contents).collect();
    let candidate = candidate.as_ref().map(|gate| seen(gate));
    let staged = bundle.staged.is_some();
    format!("{} {environment} {site:?} {staged} {layers:?} {candidate:?}", bundle.id)
}

#[track_caller]
fn the_same(config: &str, pieces: &[usize]) {
    let whole = at_once(config).map(|gate| seen(&gate));
    for bytes in pieces {
        assert_eq!(in_pieces(config, *bytes).map(|gate| seen(&gate)), whole, "{config}");
    }
}

#[test]
fn however_it_is_written_and_divided_the_gate_is_the_same() {
    let (document, other) = (json!(built(40)), json!(built(30)));
    let (text, trust) = (Value::to_string, json!({ "name": "fixture" }));
    let both = json!({ "bundle": document, "candidate": other, "trust": trust });
    let escaped = text(&both).replace("\"layers\"", "\"\\u006cayers\"").replace('é', "\\u00e9");
    let first = format!("{{\"candidate\":{other},\"trust\":{trust},\"bundle\":{document}}}");
    for config in [text(&json!({ "bundle": document })), text(&both), escaped, first] {
        assert!(at_once(&config).is_ok());
        the_same(&config, &PIECES);
    }
    the_same(&format!(" {both:#}\r\n\t"), &PIECES);
}

#[test]
fn it_takes_as_many_turns_as_it_is_large() {
    let config = json!({ "bundle": built(2_000), "candidate": built(30) }).to_string();
    for bytes in [1_000, 20_000] {
        let (gate, turns) = in_turns(&config, bytes);
        // Its text, and once more its policies.
        assert!(turns > config.len() * 3 / 2 / bytes, "{turns}");
        assert_eq!(seen(&gate.unwrap()), seen(&at_once(&config).unwrap()));
    }
    assert!(in_turns(&config, usize::MAX).1 < 6);
}

#[test]
fn a_signed_bundle_is_named_and_trusted_for_what_is_in_it() {
    let mut document = built(40);
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    let sign = |document: &mut Document| {
        let digest = document.digest();
        let signature = key.sign(statement(document, &digest).as_bytes()).into();
        let key = PublicKey::try_from(key.verifying_key()).unwrap().id().clone();
        document.signatures = vec![Signature { key, digest, signature }];
    };
    let config = |document: &Document, expires: &str| {
        let key = json!({ "public_key": public, "expires": expires });
        json!({ "bundle": document, "trust": { "keys": [key] } }).to_string()
    };
    let check = |config: &str, reason: &str| {
        let error = in_pieces(config, 500).unwrap_err();
        assert_eq!(error, at_once(config).unwrap_err());
        assert!(error.contains(reason), "{error}");
    };
    check(&config(&document, "2099-01-01T00:00:00Z"), "it is unsigned");
    sign(&mut document);
    let good = config(&document, "2099-01-01T00:00:00Z");
    assert_eq!(in_pieces(&good, 500).unwrap().bundle.id.digest, document.digest());
    the_same(&good, &PIECES);
    check(&config(&document, "2026-11-01T00:00:00Z"), "which expired at");
    document.layers.values_mut().last().unwrap().push(bundle::PolicySource { id: "p", source: "" });
    check(&config(&document, "2099-01-01T00:00:00Z"), "its content has changed");
}

#[test]
fn what_is_no_gate_at_once_is_none_in_pieces() {
    let document = built(40);
    let edit = |path: &str, value: Value| {
        let mut config = json!({ "bundle": document, "candidate": document });
        *config.pointer_mut(path).unwrap() = value;
        config.to_string()
    };
    let built = json!(document);
    let policy = json!({ "id": "p", "source": "permit (principal, action, resource);" });
    let odd = json!({ "id": "p", "source": "@mode(\"x\") permit (principal, action, resource);" });
    for config in [
        edit("/bundle", Value::Null),
        edit("/candidate/layers", json!([])),
        edit("/bundle/layers", json!({ "nobody": [] })),
        edit("/bundle/layers", json!({})),
        edit("/bundle/layers/org", json!({})),
        edit("/bundle/layers/org", json!([policy, 1])),
        edit("/bundle/layers/org", json!([{ "id": "p" }])),
        edit("/bundle/layers/org", json!([odd])),
        edit("/candidate/manifest/name", json!("")),
        edit("/bundle/manifest/version", json!(0)),
        format!("{{\"bundle\":{built},\"environment\":\"here\"}}"),
        format!("{{\"bundle\":{built},\"bundle\":{built}}}"),
        format!("{{\"bundle\":{built}}} x"),
        format!("{{\"bundle\":{built},}}"),
        format!("[{{\"bundle\":{built}}}]"),
        format!("{{\"bundle\":{built}}}")
            .replace("\"layers\":{\"org\":[", "\"layers\":{},\"layers\":{\"org\":["),
        edit("/bundle/layers/org", json!([policy, policy])).replace("},{\"id\"", "} {\"id\""),
        edit("/bundle/layers/org", json!([policy])).replace("\"org\":[", "\"org\":[,"),
        String::new(),
    ] {
        assert!(at_once(&config).is_err(), "{config}");
        the_same(&config, &[1, usize::MAX]);
    }
}

#[test]
fn a_bundle_that_was_not_built_is_checked_in_both_ways() {
    let mut config = json!({ "bundle": built(40), "candidate": null });
    config["bundle"]["resolved"] = Value::Null;
    assert!(at_once(config.to_string()).is_ok());
    the_same(&config.to_string(), &[100]);
    config["bundle"]["layers"]["org"][0]["source"] = json!("permit (");
    assert!(at_once(config.to_string()).is_err());
    the_same(&config.to_string(), &[100]);
}

#[test]
fn of_two_layers_with_one_name_the_same_one_counts() {
    let config = json!({ "bundle": built(40) }).to_string();
    for name in ["org", "tenant/t"] {
        let twice = config.replacen("\"org\":[{", &format!("\"{name}\":[],\"org\":[{{"), 1);
        assert_eq!(at_once(&twice).err(), None, "{name}");
        the_same(&twice, &[1, 500, usize::MAX]);
    }
}

#[test]
fn of_two_members_with_one_name_none_counts() {
    let config = json!({ "bundle": built(40) }).to_string();
    let load = |config: &str| Gate::from_config(config.as_bytes(), &site(), now());
    assert!(load(&config).is_ok());
    for (member, name) in [
        ("\"org\":[{", "org"),
        ("\"version\":", "version"),
        ("\"inputSchema\":", "inputSchema"),
        ("\"properties\":{", "properties"),
    ] {
        let second = format!("\"{name}\":0,{member}");
        let twice = config.replacen(member, &second, 1);
        assert_ne!(twice, config, "{name}");
        let error = load(&twice).unwrap_err().to_string();
        assert!(error.contains(&format!("duplicate member `{name}` at line 1")), "{error}");
    }
}

#[test]
fn what_is_no_text_is_no_gate() {
    let mut config = json!({ "bundle": built(40) }).to_string().into_bytes();
    *config.iter_mut().find(|byte| !byte.is_ascii()).unwrap() = 0xFF;
    let error = in_pieces(&config, 1_000).unwrap_err();
    assert_eq!(error, at_once(&config).unwrap_err());
    assert!(error.contains("invalid utf-8"), "{error}");
}

#[test]
fn wherever_it_ends_it_is_the_same_error() {
    let config = json!({ "bundle": built(40) }).to_string();
    for end in 0..config.len() {
        if let Some(beginning) = config.get(..end) {
            the_same(beginning, &[1_000]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_changed_it_is_the_same(
        at in any::<prop::sample::Index>(),
        to in prop::sample::select(&SPOILERS[..]),
        piece in 1_usize..3_000,
    ) {
        let mut config = json!({ "bundle": built(40) }).to_string();
        let at = at.index(config.len());
        if config.get(at..=at).is_some() {
            config.replace_range(at..=at, to);
        }
        the_same(&config, &[piece]);
    }
}
