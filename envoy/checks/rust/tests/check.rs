//! What the check refuses.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use axum::{Router, middleware};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use toolgate_check::{Check, decided};
use tower::ServiceExt;

const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB
-----END PRIVATE KEY-----
";
/// Of another key.
const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";
const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"note","arguments":{"b":1.0,"a":"\u20ac"}}}"#;

fn check() -> Check {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": PUBLIC, "kid": "k", "alg": "EdDSA", "use": "sig" });
    let jwks = json!({ "keys": [key] }).to_string();
    Check::new(&jwks, "https://gate", "desk").unwrap()
}

/// The claims about `BODY`.
fn claims() -> Value {
    let digest: String =
        Sha256::digest(r#"{"a":"€","b":1}"#).iter().map(|byte| format!("{byte:02x}")).collect();
    let now = get_current_timestamp();
    json!({
        "iss": "https://gate", "aud": "desk", "iat": now, "exp": now + 30, "jti": "1", "sub": "ann",
        "decision": "permit",
        "calls": [{ "id": "1", "method": "tools/call", "tool": "desk/note", "tool_name": "note",
            "arguments_digest": format!("sha256:{digest}") }],
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn header(algorithm: Algorithm, typ: &str, kid: &str) -> Header {
    let mut header = Header::new(algorithm);
    (header.typ, header.kid) = (Some(typ.to_owned()), Some(kid.to_owned()));
    header
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
    encode(&header(Algorithm::EdDSA, "toolgate-assertion+jwt", "k"), claims, &key).unwrap()
}

fn why(assertion: &str, body: &str) -> &'static str {
    check().check(&[assertion.as_bytes()], body.as_bytes()).map_or_else(|refused| refused.0, |_| "")
}

#[test]
fn what_was_decided_runs_once() {
    let (check, assertion) = (check(), signed(&claims()));
    let assertions = [assertion.as_bytes()];
    assert_eq!(check.check(&assertions, BODY.as_bytes()).unwrap().sub, "ann");
    assert_eq!(
        check.check(&assertions, BODY.as_bytes()).unwrap_err().0,
        "the assertion was used before"
    );
    let spaced = BODY.replace(':', " : ");
    assert_eq!(why(&assertion, &spaced), "", "the same arguments");
    for several in [&[][..], &[assertion.as_bytes(), assertion.as_bytes()]] {
        assert_eq!(
            check.check(several, BODY.as_bytes()).unwrap_err().0,
            "there is not exactly one assertion"
        );
    }
}

#[test]
fn another_body_does_not_run() {
    let assertion = signed(&claims());
    for (body, reason) in [
        (BODY.replace("1.0", "1.1"), "it is about other arguments"),
        (BODY.replace(r#","arguments":{"b":1.0,"a":"\u20ac"}"#, ""), "it is about other arguments"),
        (BODY.replace("note", "erase"), "it is about another tool"),
        (format!("[{BODY},{BODY}]"), "it is about another number of calls"),
        (String::new(), "it is about another number of calls"),
        ("[]".to_owned(), "it is about another number of calls"),
        (format!("[[{BODY}]]"), "the body has no messages"),
        (
            BODY.replace(r#""b":1.0"#, r#""b":2,"b":1.0"#),
            "the body is not JSON that everybody reads alike",
        ),
        (
            BODY.replace("1.0", "9007199254740993"),
            "the body is not JSON that everybody reads alike",
        ),
        ("?".to_owned(), "the body is not JSON that everybody reads alike"),
    ] {
        assert_eq!(why(&assertion, &body), reason, "{body}");
    }
}

#[test]
fn no_other_assertion_is_accepted() {
    let past = get_current_timestamp() - 60;
    for claims in [
        with("exp", json!(past)),
        with("aud", json!("mail")),
        with("aud", json!(["desk", "mail"])),
        with("iss", json!("https://evil")),
        with("decision", json!("deny")),
        with("calls", json!(null)),
        with("calls", json!([])),
        with("jti", json!(null)),
    ] {
        assert_ne!(why(&signed(&claims), BODY), "", "{claims}");
    }
    let key = EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
    let other = EncodingKey::from_ed_pem(OTHER.as_bytes()).unwrap();
    // The public key is no secret.
    let confused = EncodingKey::from_secret(PUBLIC.as_bytes()).unwrap();
    let usual = "toolgate-assertion+jwt";
    for (header, key) in [
        (header(Algorithm::EdDSA, "JWT", "k"), &key),
        (header(Algorithm::EdDSA, usual, "unknown"), &key),
        (header(Algorithm::EdDSA, usual, "k"), &other),
        (header(Algorithm::HS256, usual, "k"), &confused),
    ] {
        assert_ne!(why(&encode(&header, &claims(), key).unwrap(), BODY), "", "{header:?}");
    }
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoidG9vbGdhdGUtYXNzZXJ0aW9uK2p3dCIsImtpZCI6ImsifQ";
    let payload = signed(&claims()).split('.').nth(1).unwrap().to_owned();
    for odd in [format!("{unsigned}.{payload}."), "permit".to_owned(), "x".repeat(40_000)] {
        assert_ne!(why(&odd, BODY), "");
    }
}

#[tokio::test]
async fn the_service_gets_the_same_bytes_or_nothing() {
    let app = Router::new().route("/mcp", post(|body: String| async { body }));
    let app = app.layer(middleware::from_fn_with_state(Arc::new(check()), decided));
    for (assertion, status) in
        [(Some(signed(&claims())), StatusCode::OK), (None, StatusCode::FORBIDDEN)]
    {
        let request = Request::post("/mcp");
        let request = match &assertion {
            Some(assertion) => request.header("Toolgate-Assertion", assertion),
            None => request,
        };
        let response = app.clone().oneshot(request.body(Body::from(BODY)).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body == BODY, status == StatusCode::OK);
    }
}
