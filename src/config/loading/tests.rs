use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bundle;
use crate::fixture;

const SPOILERS: [&str; 12] = ["", " ", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "null"];
const PIECES: [usize; 5] = [1, 50, 700, 20_000, usize::MAX];

/// The fixture, once built, with layers of all kinds.
fn built() -> Value {
    let mut document = fixture::document();
    for (name, count) in [("agent/a", 3), ("team/t", 0), ("tenant/t", 40)] {
        let layer = document.layers.entry(name.to_owned().try_into().unwrap()).or_default();
        for number in 0..count {
            let id = format!("{}.{number}", name.replace('/', "."));
            let mode = if number % 7 == 3 { "@mode(\"shadow\")" } else { "" };
            let source =
                format!("@id(\"{id}\")\t{mode}\n// é😀\\\npermit (principal, action, resource);");
            layer.push(bundle::PolicySource { id: &id, source: &source });
        }
    }
    document.resolved = Some(bundle::load(&document).unwrap().resolved);
    serde_json::to_value(document).unwrap()
}

fn known() -> Known {
    let digest = crate::digest::Digest::of(&1);
    let (name, candidate) = ("fixture".to_owned(), Some(crate::digest::Digest::of(&2)));
    Known { name, environment: String::new(), bundle: digest, candidate }
}

/// What becomes of a configuration piece by piece.
fn in_pieces(config: impl AsRef<[u8]>, bytes: usize) -> Result<Box<Gate>, String> {
    let now = DateTime::UNIX_EPOCH;
    let mut loading = Loading::of(config.as_ref().to_vec(), known(), GateField::default(), now);
    loop {
        match loading.advance(bytes) {
            Progress::Going(further) => loading = *further,
            Progress::Done(gate) => return gate.map_err(|error| error.to_string()),
        }
    }
}

fn at_once(config: impl AsRef<[u8]>) -> Result<Box<Gate>, String> {
    let (site, now) = (GateField::default(), DateTime::UNIX_EPOCH);
    Gate::from_known_config(config.as_ref(), Some(known()), &site, now)
        .map(Box::new)
        .map_err(|error| error.to_string())
}

/// Everything about a gate that can be seen.
fn seen(gate: &Gate) -> String {
    let Gate { bundle, candidate, environment, site, .. } = gate;
    let layers: Vec<_> = bundle.all_layers().iter().map(crate::bundle::Layer::contents).collect();
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
    let (document, other) = (built(), json!({ "name": "fixture" }));
    let text = |value: &Value| value.to_string();
    let both = json!({ "bundle": document, "candidate": document, "trust": other });
    let escaped = text(&both).replace("\"layers\"", "\"\\u006cayers\"").replace('é', "\\u00e9");
    let first = format!("{{\"candidate\":{document},\"trust\":{other},\"bundle\":{document}}}");
    for config in [text(&json!({ "bundle": document })), text(&both), escaped, first] {
        assert!(at_once(&config).is_ok());
        the_same(&config, &PIECES);
    }
    the_same(&format!(" {both:#}\r\n\t"), &PIECES);
}

#[test]
fn a_signed_bundle_is_named_by_what_is_in_it() {
    let document = built();
    let key = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    let config = json!({ "bundle": document, "trust": { "keys": [{ "public_key": key }] } });
    let error = in_pieces(config.to_string(), 50).unwrap_err();
    assert_eq!(error, at_once(config.to_string()).unwrap_err());
    assert!(error.contains("it is unsigned"), "{error}");
}

#[test]
fn what_is_no_gate_at_once_is_none_in_pieces() {
    let document = built();
    let edit = |path: &str, value: Value| {
        let mut config = json!({ "bundle": document, "candidate": document });
        *config.pointer_mut(path).unwrap() = value;
        config.to_string()
    };
    let policy = json!({ "id": "p", "source": "permit (principal, action, resource);" });
    let odd = json!({ "id": "p", "source": "@mode(\"x\") permit (principal, action, resource);" });
    for config in [
        edit("/bundle", Value::Null),
        edit("/candidate", Value::Null),
        edit("/candidate/layers", json!([])),
        edit("/bundle/layers", json!({ "nobody": [] })),
        edit("/bundle/layers", json!({})),
        edit("/bundle/layers/org", json!({})),
        edit("/bundle/layers/org", json!([policy, 1])),
        edit("/bundle/layers/org", json!([{ "id": "p" }])),
        edit("/bundle/layers/org", json!([odd])),
        edit("/candidate/manifest/name", json!("")),
        edit("/bundle/manifest/version", json!(0)),
        edit("/bundle/resolved", Value::Null),
        format!("{{\"bundle\":{document},\"environment\":\"here\"}}"),
        format!("{{\"bundle\":{document},\"bundle\":{document}}}"),
        format!("{{\"bundle\":{document}}} x"),
        format!("{{\"bundle\":{document},}}"),
        format!("[{{\"bundle\":{document}}}]"),
        edit("/bundle", json!({})).replace("{}", "{\"layers\":{\"org\":[],\"org\":[]}}"),
        edit("/bundle", json!({})).replace("{}", "{\"layers\":{\"org\":[]},\"layers\":{}}"),
        edit("/bundle/layers/org", json!([policy, policy])).replace("},{\"id\"", "} {\"id\""),
        edit("/bundle/layers/org", json!([policy])).replace("\"org\":[", "\"org\":[,"),
        String::new(),
    ] {
        the_same(&config, &[1, usize::MAX]);
    }
}

#[test]
fn what_is_no_text_is_no_gate() {
    let mut config = json!({ "bundle": built() }).to_string().into_bytes();
    *config.iter_mut().find(|byte| !byte.is_ascii()).unwrap() = 0xFF;
    let error = in_pieces(&config, 1_000).unwrap_err();
    assert_eq!(error, at_once(&config).unwrap_err());
    assert!(error.contains("invalid unicode"), "{error}");
}

#[test]
fn wherever_it_ends_it_is_the_same_error() {
    let config = json!({ "bundle": built() }).to_string();
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
        let mut config = json!({ "bundle": built() }).to_string();
        let at = at.index(config.len());
        if config.get(at..=at).is_some() {
            config.replace_range(at..=at, to);
        }
        the_same(&config, &[piece]);
    }
}
