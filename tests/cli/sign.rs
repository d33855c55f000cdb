//! Signatures: keys and files made by `openssl`, and the bundles that a filter with trusted keys
//! accepts.
#![expect(clippy::disallowed_methods, reason = "tests write what the command reads")]

use std::process::Command;

use chrono::DateTime;
use toolgate::config;
use toolgate::digest::Digest;
use toolgate::gate::GateId;

use super::sandbox::{Sandbox, check};

const DOCUMENTED: &str = include_str!("../../src/bundle.md");

/// Runs a script in the sandbox and returns its output.
#[track_caller]
fn shell(sandbox: &Sandbox, script: &str) -> String {
    let toolgate = std::path::Path::new(env!("CARGO_BIN_EXE_toolgate")).parent().unwrap();
    let path = format!("{}:{}", toolgate.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", path)
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{script}\n{}", text(&output.stderr));
    text(&output.stdout)
}

/// A sandbox with key pairs `<name>.pem` and `<name>.pub`.
fn with_keys(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for name in names {
        shell(
            &sandbox,
            &format!(
                "openssl genpkey -algorithm ed25519 -out {name}.pem
                 openssl pkey -in {name}.pem -pubout -out {name}.pub"
            ),
        );
    }
    sandbox
}

/// A trust file with these lines after `public_key`, for each key.
fn trust(sandbox: &Sandbox, keys: &[&str], rest: &str) {
    let key = |name: &&str| {
        let pem = sandbox.read(&format!("{name}.pub")).replace('\n', "\n      ");
        format!("  - name: {name}\n    public_key: |\n      {}\n", pem.trim_end())
    };
    let keys = keys.iter().map(key).collect::<Vec<_>>().concat();
    sandbox.write("trust.yaml", &format!("keys:\n{keys}{rest}"));
}

#[test]
fn what_the_page_says_verifies_a_signature_without_this_command() {
    let sandbox = with_keys(&["ci"]);
    let script =
        DOCUMENTED.split("```sh\n").find(|block| block.contains("openssl pkeyutl")).unwrap();
    let script = script.split("```").next().unwrap();
    assert!(script.contains("toolgate build policies/acme --environment production --sign ci.pem"));
    let script = script.replace("policies/acme", "bundle").replace("acme", "small");
    sandbox.write("bundle/environments/production.yaml", "");
    let said = shell(&sandbox, &script);
    assert!(said.contains("Signature Verified Successfully"), "{said}");
    // The same script detects a changed byte of the bundle.
    let (build, verify) = script.split_once("small.json\n").unwrap();
    let damage = "sed -i 's/stars > 3/stars > 4/' small.json";
    let verify = verify.replace("openssl pkeyutl", "! openssl pkeyutl");
    let said = shell(&sandbox, &format!("{build}small.json\n{damage}\n{verify}"));
    assert!(said.contains("Signature Verification Failure"), "{said}");
}

#[test]
fn signing_changes_nothing_but_the_signatures() {
    let sandbox = with_keys(&["ci", "release"]);
    let plain = sandbox.run("build bundle").stdout;
    let signed = sandbox.run("build bundle --sign ci.pem --sign release.pem");
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    let mut document = signed.json();
    let signatures = document.as_object_mut().unwrap().remove("signatures").unwrap();
    assert_eq!(signatures.as_array().unwrap().len(), 2);
    assert_eq!(document, serde_json::from_str::<serde_json::Value>(&plain).unwrap());
    let digest = Digest::of_bytes(plain.as_bytes()).to_string();
    assert!(signed.stderr.starts_with(&format!("small@1 {digest}\nsigned with the key sha256:")));
    assert_eq!(signatures[0]["digest"], digest.as_str());
    // Ed25519 is deterministic, and the order of the keys does not matter.
    let again = sandbox.run("build bundle --sign release.pem --sign ci.pem");
    assert_eq!(again.stdout, signed.stdout);
    // Nor does it matter whether one machine signs or two do, one after the other.
    sandbox.write("first.json", &sandbox.run("build bundle --sign release.pem").stdout);
    assert_eq!(sandbox.run("build first.json --sign ci.pem").stdout, signed.stdout);
    assert_eq!(sandbox.run("build first.json").stdout, sandbox.read("first.json"));
}

#[test]
fn a_filter_that_trusts_keys_takes_what_they_signed() {
    let sandbox = with_keys(&["ci", "release", "stranger"]);
    let emitted = |keys: &[&str], rest: &str, signers: &str| {
        trust(&sandbox, keys, rest);
        sandbox.write("built.json", &sandbox.run(&format!("build bundle {signers}")).stdout);
        sandbox.run("emit ecds built.json --wasm a.wasm --trust trust.yaml")
    };
    let run = emitted(&["ci"], "minimum_version: 1\n", "--sign ci.pem");
    let value = &run.json()["resources"][0]["typed_config"]["config"]["configuration"]["value"];
    let configuration = value.as_str().unwrap();
    let gate = |text: &str| {
        let gate = config::load(text.as_bytes(), &GateId::default(), DateTime::UNIX_EPOCH);
        gate.map(|gate| gate.bundle.id.to_string()).map_err(|error| error.to_string())
    };
    assert!(gate(configuration).unwrap().starts_with("small@1 sha256:"));
    let tampered = configuration.replace("stars > 3", "stars > 4");
    assert!(gate(&tampered).unwrap_err().contains("is not trusted: its content has changed since"));
    let respelled = configuration.replace("\"depth\":64", "\"depth\":64.0");
    assert_ne!(respelled, configuration);
    assert!(gate(&respelled).unwrap_err().contains("(RFC 8785) writes `64` in place of"));
    let null = configuration.replace("\"trust\":{", "\"trust\":null,\"environment2\":{");
    assert!(gate(&null).is_err());
    // Rotation, with two keys in the filter and with two signatures on the bundle.
    assert_eq!(emitted(&["ci", "release"], "", "--sign release.pem").code, 0);
    assert_eq!(emitted(&["release"], "", "--sign ci.pem --sign release.pem").code, 0);
    let checked = |name: &str| check(name, &sandbox.run("check built.json --trust trust.yaml"));
    emitted(&["ci"], "", "");
    checked("trust_unsigned");
    assert_eq!(emitted(&["ci"], "minimum_version: 2\n", "--sign stranger.pem").code, 3);
    checked("trust_stranger");
    emitted(&["ci"], "", "--sign ci.pem");
    assert_eq!(sandbox.run("check built.json --trust trust.yaml").code, 0);
    let expired = sandbox.read("trust.yaml") + "    expires: 2026-01-31T00:00:00Z\n";
    sandbox.write("trust.yaml", &expired);
    checked("trust_expired");
    sandbox.write("built.json", &sandbox.read("built.json").replace("stars > 3", "stars > 4"));
    check("trust_changed", &sandbox.run("build built.json --sign ci.pem"));
}

#[test]
fn the_trust_file_of_the_help_reads() {
    let sandbox = Sandbox::new();
    sandbox.write("built.json", &sandbox.run("build bundle").stdout);
    let help = sandbox.run("check --help").stdout;
    let example = help.split("trust.yaml:\n").nth(1).unwrap();
    sandbox.write("trust.yaml", example);
    let run = sandbox.run("check built.json --trust trust.yaml");
    assert!(
        run.stderr.contains("its version is 1, and trust.minimum_version is 7"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("it is unsigned"), "{}", run.stderr);
}

#[test]
fn a_trust_file_that_makes_no_sense_is_said_in_full() {
    let sandbox = with_keys(&["ci"]);
    sandbox.write("built.json", &sandbox.run("build bundle").stdout);
    let checked = |name: &str, text: &str| {
        sandbox.write("trust.yaml", text);
        check(name, &sandbox.run("check built.json --trust trust.yaml"));
    };
    checked("trust_empty", "keys: []\n");
    let secret = sandbox.read("ci.pem").replace('\n', "\n      ");
    let many = format!(
        "keys:\n  - public_key: |\n      {}\n  - public_key: AAAA\n    expires: soon\n",
        secret.trim_end()
    );
    checked("trust_bad_keys", &many);
    let run = sandbox.run("check built.json --trust trust.yaml");
    let line = sandbox.read("ci.pem").lines().nth(1).unwrap().to_owned();
    assert!(!run.transcript().contains(&line), "a private key was repeated");
}

#[test]
fn a_key_that_cannot_sign_is_told_apart() {
    let sandbox = with_keys(&["ci"]);
    shell(
        &sandbox,
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem
         openssl pkey -in ci.pem -aes256 -passout pass:x -out locked.pem",
    );
    sandbox.write("noise.pem", "noise");
    let line = "build bundle --sign ci.pub --sign ec.pem --sign locked.pem --sign noise.pem";
    check("sign_bad_keys", &sandbox.run(line));
    assert_eq!(sandbox.run("build bundle --sign missing.pem").code, 1);
}

#[test]
fn a_file_that_is_no_built_document_is_said_to_be_none() {
    let sandbox = Sandbox::new();
    let built = sandbox.run("build bundle").stdout;
    sandbox.write("built.json", &built.replacen("\"version\":1", "\"version\":\"1\"", 1));
    let run = sandbox.run("check built.json");
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("`built.json` is no built bundle: invalid type"), "{}", run.stdout);
    sandbox.write("built.json", &built.replacen("\"version\":1", "\"version\":0", 1));
    let run = sandbox.run("check built.json");
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("the version begins at 1"), "{}", run.stdout);
    sandbox.write("built.json", &built.replacen("\"depth\":64", "\"depth\":64.0", 1));
    check("built_number", &sandbox.run("check built.json"));
    sandbox.write("built.json", &built.replacen("\"org\":", "\"org\":[],\"org\":", 1));
    let run = sandbox.run("check built.json");
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("duplicate member `org`"), "{}", run.stdout);
}
