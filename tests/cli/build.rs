//! `toolgate build`

use super::sandbox::{Sandbox, check};
use toolgate::digest::Digest;

#[test]
fn the_same_directory_gives_the_same_bytes() {
    let (first, second) = (Sandbox::new(), Sandbox::new());
    // The result depends neither on the order in which files were written nor on files beside the
    // bundle.
    let text = second.read("bundle/org/notes.cedar");
    second.remove("bundle/org/notes.cedar");
    second.write("bundle/org/notes.cedar", &text);
    second.write("bundle/README.md", "about it");
    let (first, second) = (first.run("build bundle"), second.run("build bundle"));
    assert_eq!(first.stdout, second.stdout);
    let digest = Digest::of_bytes(first.stdout.as_bytes());
    assert_eq!(first.stderr, format!("small@1 {digest}\n"));
}

#[test]
fn what_is_not_policy_does_not_change_the_digest() {
    let plain = Sandbox::new().run("build bundle").stdout;
    let commented = Sandbox::with(&[
        ("org/notes.cedar", "// Everybody with a role may read.", "// Who reads?"),
        ("bundle.yaml", "version: 1", "# the first one\nversion: 1"),
    ]);
    assert_eq!(commented.run("build bundle").stdout, plain);
    let changed = Sandbox::with(&[("org/notes.cedar", "stars > 3", "stars > 4")]);
    assert_ne!(changed.run("build bundle").stdout, plain);
}

/// Numbers have one spelling in a document, regardless of the spelling in the source.
#[test]
fn numbers_are_what_they_are_in_canonical_json() {
    let with = |maximum: &str, rank: &str| {
        let sandbox = Sandbox::with(&[
            ("tools/notes.json", "\"type\": \"integer\"", &format!("\"enum\": [{maximum}, 4]")),
            ("schema.cedarschema", "entity Server;", "entity Server { rank: Long };"),
            (
                "entities.yaml",
                "'Server::\"notes\"'",
                &format!("'Server::\"notes\"'\n  attrs: {{ rank: {rank} }}"),
            ),
        ]);
        sandbox.run("build bundle")
    };
    let plain = with("3", "7");
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    for other in [with("3.0", "7"), with("30e-1", "7.0"), with("3", "7e0")] {
        assert_eq!((&other.stdout, &other.stderr), (&plain.stdout, &plain.stderr));
    }
    check("build_inexact", &with("3", "9007199254740993"));
}

#[test]
fn a_file_gets_the_same_bytes() {
    let sandbox = Sandbox::new();
    sandbox.write("built.json", "old");
    let run = sandbox.run("build bundle -o built.json");
    check("build_to_file", &run);
    assert_eq!(sandbox.read("built.json"), sandbox.run("build bundle").stdout);
    assert!(!sandbox.path(".built.json.new").exists());
    let nowhere = sandbox.run("build bundle -o nowhere/built.json");
    assert_eq!(nowhere.code, 1);
    let missing = "cannot write `nowhere/built.json`: the directory `nowhere` does not exist";
    assert!(nowhere.stderr.contains(missing), "{nowhere:?}");
    assert!(!nowhere.stderr.contains("sha256"), "{nowhere:?}");
}

#[test]
fn an_invalid_bundle_builds_nothing() {
    let sandbox = Sandbox::with(&[("bundle.yaml", "version: 1", "version: 0")]);
    check("build_invalid", &sandbox.run("build bundle -o built.json"));
    assert!(!sandbox.path("built.json").exists());
    assert_eq!(sandbox.run("build bundle").stdout, "");
    assert_eq!(sandbox.run("emit ecds bundle --wasm a.wasm").stdout, "");
}
