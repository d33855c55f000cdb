//! Every finding code has a bundle with only that finding, and a fixed variant without findings.
//!
//! `tests/check/base` is a bundle without findings; `<code>/bad` and `<code>/fixed` are overlays of
//! it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use toolgate::bundle::Code;

use crate::cli::copy;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check")
}

/// The finding codes of the base with an overlay.
fn found(overlay: &Path) -> BTreeSet<String> {
    if !overlay.is_dir() {
        return BTreeSet::from(["nothing, since it does not exist".to_owned()]);
    }
    let bundle = TempDir::new().unwrap();
    copy(&corpus().join("base"), bundle.path());
    copy(overlay, bundle.path());
    let output = Command::new(env!("CARGO_BIN_EXE_toolgate"))
        .args(["check", "--format", "json"])
        .arg(bundle.path())
        .output()
        .unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes = found["findings"].as_array().unwrap().iter();
    codes.map(|finding| finding["code"].as_str().unwrap_or("none").to_owned()).collect()
}

#[test]
fn every_code_is_shown_by_a_bundle_and_not_by_its_twin() {
    assert_eq!(found(&corpus().join("base")), BTreeSet::new());
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let overlays = corpus().join(code.as_str());
        let (bad, fixed) = (found(&overlays.join("bad")), found(&overlays.join("fixed")));
        if bad != BTreeSet::from([code.to_string()]) || !fixed.is_empty() {
            wrong.push(format!("{code}: bad shows {bad:?}, fixed shows {fixed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_has_no_other_codes() {
    let known: BTreeSet<&str> =
        Code::ALL.iter().map(|code| code.as_str()).chain(["base"]).collect();
    for entry in fs::read_dir(corpus()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.as_str()), "{name}");
    }
}
