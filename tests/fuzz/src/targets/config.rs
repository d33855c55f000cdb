//! Configurations of the filter: what loads has the digest of its canonical document, and loads again.

use chrono::DateTime;
use serde_json::{Value, json};
use toolgate::bundle::{self, Document};
use toolgate::config;
use toolgate::digest::Digest;
use toolgate::gate::{Gate, GateId};
use toolgate::json::canonical;

use crate::{bundles, small};

pub(super) fn run(data: &[u8]) {
    match load(data) {
        Ok(gate) => loaded(&gate, data),
        Err(error) => assert!(!error.is_empty()),
    }
}

fn load(config: &[u8]) -> Result<Gate, String> {
    let loaded = config::load(config, &GateId::default(), DateTime::UNIX_EPOCH);
    loaded.map_err(|error| error.to_string())
}

fn loaded(gate: &Gate, config: &[u8]) {
    let mut config: Value = serde_json::from_slice(config).expect("it was read");
    let document: Document = serde_json::from_value(config["bundle"].clone()).expect("it was read");
    let mut written = json!(document);
    if let Some(members) = written.as_object_mut() {
        members.remove("signatures");
    }
    assert_eq!(gate.bundle.id.digest, Digest::of(&written));
    config["bundle"] = json!(document);
    let again = load(&canonical(&config)).unwrap_or_else(|error| panic!("{error}: {config}"));
    assert_eq!(again.bundle.id.digest, gate.bundle.id.digest);
    assert_eq!(format!("{:?}", again.bundle.limits), format!("{:?}", gate.bundle.limits));
    built(document);
}

/// What the command builds, the filter loads.
fn built(mut document: Document) {
    let Ok(loaded) = bundle::load(&document) else { return };
    document.resolved = Some(loaded.resolved);
    let digest = document.digest();
    let opened = bundle::open(document, digest);
    assert!(opened.is_ok(), "{:?}", opened.err());
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    // The example is too large to be read thousands of times.
    let others = bundles::all().iter().skip(1).map(|bundle| &bundle.document);
    let small = small::document();
    let mut built = small.clone();
    let loaded = bundle::load(&built).unwrap_or_else(|findings| panic!("{findings:#?}"));
    built.resolved = Some(loaded.resolved);
    let config = |document: &Document| json!({ "bundle": document });
    let mut configs: Vec<Value> = others.chain([&small, &built]).map(config).collect();
    configs.push(json!({ "bundle": small, "candidate": built }));
    configs.push(json!({ "bundle": small, "environment": "production", "trust": { "keys": [] } }));
    configs.iter().map(|config| config.to_string().into_bytes()).collect()
}
