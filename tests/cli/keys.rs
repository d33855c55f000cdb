//! Public keys as a JWKS.

use serde_json::json;

use super::sandbox::{Sandbox, check};

/// The private key of 32 ones, and the public keys of it and of RFC 8032's first test.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";

#[test]
fn keys_become_a_jwks() {
    let sandbox = Sandbox::new();
    sandbox.write("new.pem", PRIVATE);
    sandbox.write("old.pub", PUBLIC);
    let run = sandbox.run("keys new.pem old.pub");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let jwks = run.json();
    let [new, old] = jwks["keys"].as_array().unwrap().as_slice() else { panic!() };
    let x = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";
    assert_eq!(new["x"], json!(x));
    assert_eq!(old["x"], json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    for key in [new, old] {
        let fixed = [&key["kty"], &key["crv"], &key["alg"], &key["use"]];
        assert_eq!(fixed, ["OKP", "Ed25519", "EdDSA", "sig"]);
        assert!(key["kid"].as_str().unwrap().starts_with("sha256:"));
        assert_eq!(key.as_object().unwrap().len(), 6, "nothing secret");
    }
}

#[test]
fn files_that_are_no_keys_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("text.pem", "hello");
    sandbox.write("broken.pub", &PUBLIC.replace("11q", "22q").replace("MCow", "MCox"));
    sandbox.write("locked.pem", &PRIVATE.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    check("keys_unreadable", &sandbox.run("keys text.pem broken.pub locked.pem"));
}

/// Envoy hands a filter no variable that its configuration does not name.
#[test]
fn every_target_hands_the_key_on_if_the_bundle_signs() {
    let image = format!("registry.acme.example/toolgate@sha256:{}", "0d5e".repeat(16));
    let tokens = "--issuer https://id.acme.example --audience https://a --jwks https://id/keys";
    let mesh = format!("--namespace tools --image {image} {tokens}");
    let targets = [
        ("ecds bundle --wasm /a.wasm".to_owned(), "\"host_env_keys\": ["),
        (format!("istio bundle --selector a=b {mesh}"), "host_env_keys: [TOOLGATE_SIGNING_KEY]"),
        (
            format!("istio bundle --selector a=b {mesh} --kind wasm-plugin"),
            "{ name: TOOLGATE_SIGNING_KEY, valueFrom: HOST }",
        ),
        (
            format!("envoy-gateway bundle --gateway tools {mesh}"),
            "secretKeyRef: { name: toolgate-signing-key, key: key.pem }",
        ),
    ];
    // The name of tokens in Istio.
    let tokens = ("bundle.yaml", "tokens: [session]", "tokens: [session, payload]");
    let issuer = ("bundle.yaml", "version: 1", "version: 1\nissuer: https://gate.acme.example");
    let (plain, signing) = (Sandbox::with(&[tokens]), Sandbox::with(&[tokens, issuer]));
    for (target, words) in targets {
        let [without, with] = [&plain, &signing].map(|sandbox| {
            let run = sandbox.run(&format!("emit {target}"));
            assert_eq!(run.code, 0, "{}", run.stderr);
            run.stdout
        });
        assert!(!without.contains("SIGNING_KEY"), "{target}");
        assert!(with.contains(words), "{target}: {with}");
    }
}
