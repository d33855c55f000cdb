use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::bundle::PolicySource;
use crate::config;
use crate::fixture;
use crate::gate::GateId;
use crate::key::KeyId;

const NOW: &str = "2026-06-01T00:00:00Z";

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(NOW).unwrap().to_utc()
}

/// A key pair, determined by the number.
fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn pem(key: &SigningKey) -> String {
    key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()
}

fn id(key: &SigningKey) -> KeyId {
    PublicKey::try_from(key.verifying_key()).unwrap().id().clone()
}

fn signature(document: &Document, key: &SigningKey) -> Signature {
    let digest = document.digest();
    let signature = key.sign(statement(document, &digest).as_bytes()).into();
    Signature { key: id(key), digest, signature }
}

fn signed_by(keys: &[u8]) -> Document {
    let mut document = fixture::document();
    document.signatures = keys.iter().map(|number| signature(&document, &key(*number))).collect();
    document
}

fn read(settings: Value) -> Result<Trust, Vec<String>> {
    let settings: TrustSettings =
        serde_json::from_value(settings).map_err(|error| vec![error.to_string()])?;
    let errors = |errors: Vec<TrustError>| errors.iter().map(ToString::to_string).collect();
    Trust::try_from(&settings).map_err(errors)
}

fn trusting(keys: &[u8]) -> Trust {
    let keys: Vec<Value> =
        keys.iter().map(|number| json!({ "public_key": pem(&key(*number)) })).collect();
    read(json!({ "keys": keys })).unwrap()
}

/// Asserts the reasons against a document; an empty list means that it is trusted.
#[track_caller]
fn check(trust: &Trust, document: &Document, expected: &[&str]) {
    let found = trust.check(document, &document.digest(), now()).err().unwrap_or_default();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\ndoes not contain\n{expected}");
    }
}

#[track_caller]
fn check_settings(settings: Value, expected: &[&str]) {
    let found = read(settings).map(|_| ()).unwrap_err();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\ndoes not contain\n{expected}");
    }
}

#[test]
fn what_is_signed_names_the_bundle() {
    let mut document = fixture::document();
    let digest = document.digest();
    let text = format!("toolgate.signature/1\ntoolgate.bundle/1\nfixture\n3\n{digest}\n");
    assert_eq!(statement(&document, &digest), text);
    document.signatures = vec![signature(&document, &key(1))];
    assert_eq!(document.digest(), digest, "signatures are not part of what they sign");
    let text = serde_json::to_string(&document).unwrap();
    let read: Document = serde_json::from_str(&text).unwrap();
    assert_eq!(read.signatures, document.signatures);
}

#[test]
fn one_good_signature_is_enough() {
    check(&trusting(&[1]), &signed_by(&[1]), &[]);
    // During rotation, the filter knows both keys, or the bundle has both signatures.
    check(&trusting(&[1, 2]), &signed_by(&[2]), &[]);
    check(&trusting(&[2]), &signed_by(&[1, 2]), &[]);
    check(&Trust::default(), &fixture::document(), &[]);
    check(&Trust::default(), &signed_by(&[1]), &[]);
}

#[test]
fn a_bundle_of_another_name_does_not_take_the_place_of_this_one() {
    let keys = json!([{ "public_key": pem(&key(1)) }]);
    let named = |name: &str| read(json!({ "keys": keys, "name": name })).unwrap();
    check(&named("fixture"), &signed_by(&[1]), &[]);
    let other = "its name is `fixture`, and trust.name is `other`";
    check(&named("other"), &signed_by(&[1]), &[other]);
    check(&named("other"), &fixture::document(), &[other, "it is unsigned"]);
    check(&read(json!({ "name": "other" })).unwrap(), &fixture::document(), &[other]);
}

#[test]
fn each_failure_has_its_own_words() {
    let trust = trusting(&[1]);
    check(&trust, &fixture::document(), &["it is unsigned"]);
    let unknown = format!("signed with the key {}, which is not one of", id(&key(2)));
    check(&trust, &signed_by(&[2]), &[&unknown]);
    let mut changed = signed_by(&[1]);
    changed.layers.values_mut().next().unwrap().push(PolicySource { id: "p", source: "" });
    check(&trust, &changed, &["its content has changed since the key sha256:"]);
    let mut renumbered = signed_by(&[1]);
    renumbered.manifest.version = 99;
    check(&trust, &renumbered, &["its content has changed"]);
    // An attacker who changes the content can also replace its digest.
    changed.signatures[0].digest = changed.digest();
    check(&trust, &changed, &["the signature that it has from the key sha256:"]);
    let mut forged = signed_by(&[2]);
    forged.signatures[0].key = id(&key(1));
    check(&trust, &forged, &["the signature that it has from the key"]);
    let mut flipped = signed_by(&[1]);
    let mut bytes = flipped.signatures[0].signature.as_ref().to_bytes();
    bytes[5] ^= 1;
    flipped.signatures[0].signature = ed25519_dalek::Signature::from_bytes(&bytes).into();
    check(&trust, &flipped, &["is wrong"]);
    check(&trust, &signed_by(&[2, 3]), &["is not one of", "is not one of"]);
}

#[test]
fn a_signature_is_for_one_bundle_and_one_purpose() {
    let trust = trusting(&[1]);
    let mut other = fixture::document();
    other.manifest.name = "other".to_owned().try_into().unwrap();
    let mut moved = fixture::document();
    moved.signatures = vec![Signature { digest: moved.digest(), ..signature(&other, &key(1)) }];
    check(&trust, &moved, &["is wrong"]);
    let mut bare = fixture::document();
    let digest = bare.digest();
    let bytes = key(1).sign(digest.as_str().as_bytes()).into();
    bare.signatures = vec![Signature { key: id(&key(1)), digest, signature: bytes }];
    check(&trust, &bare, &["is wrong"]);
}

#[test]
fn a_signature_is_held_against_what_the_configuration_has() {
    let signed = signed_by(&[1]);
    let mut changed = signed.clone();
    changed.manifest.limits.calls += 1;
    let load = |document: &Document| {
        let keys = json!([{ "public_key": pem(&key(1)) }]);
        let config = json!({ "bundle": document, "trust": { "keys": keys } }).to_string();
        config::load(config.as_bytes(), &GateId::default(), now())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(load(&signed), Ok(()));
    assert!(load(&changed).unwrap_err().contains("its content has changed"));
}

#[test]
fn keys_expire() {
    let expiring = |number: u8, at: &str| {
        let settings = json!({ "public_key": pem(&key(number)), "name": "ci", "expires": at });
        read(json!({ "keys": [settings] })).unwrap()
    };
    check(&expiring(1, "2026-06-01T00:00:01Z"), &signed_by(&[1]), &[]);
    let expired = "the key `ci` (sha256:";
    check(&expiring(1, NOW), &signed_by(&[1]), &[expired]);
    check(
        &expiring(1, "2026-06-01T01:30:00+02:00"),
        &signed_by(&[1]),
        &["which expired at 2026-05-31T23:30:00Z"],
    );
}

#[test]
fn versions_have_a_floor_with_and_without_keys() {
    let floor = |settings: Value| read(settings).unwrap();
    check(&floor(json!({ "minimum_version": 3 })), &fixture::document(), &[]);
    check(
        &floor(json!({ "minimum_version": 4 })),
        &fixture::document(),
        &["its version is 3, and trust.minimum_version is 4"],
    );
    let both = floor(json!({ "minimum_version": 4, "keys": [{ "public_key": pem(&key(1)) }] }));
    check(&both, &signed_by(&[1]), &["its version is 3"]);
    check(&both, &fixture::document(), &["its version is 3", "it is unsigned"]);
}

#[test]
fn settings_that_demand_nothing_are_errors() {
    check_settings(json!({}), &["it demands nothing"]);
    check_settings(json!({ "keys": [] }), &["trust.keys: it is empty"]);
    check_settings(json!({ "keys": [], "minimum_version": 2 }), &["trust.keys: it is empty"]);
    for settings in [
        json!({ "keys": null }),
        json!({ "minimum_version": null }),
        json!({ "minimum_version": 0 }),
        json!({ "minimum_version": -1 }),
        json!({ "minimum_version": "1" }),
        json!({ "keys": [{ "public_key": pem(&key(1)), "expires": null }] }),
        json!({ "keys": [{ "public_key": pem(&key(1)), "expired": NOW }] }),
        json!({ "keys": [{ "name": "ci" }] }),
        json!({ "key": [] }),
        json!(null),
    ] {
        assert!(read(settings.clone()).is_err(), "{settings}");
    }
}

#[test]
fn all_errors_of_all_keys_at_once() {
    let written = |public_key: &str| json!({ "public_key": public_key });
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n";
    let x25519 = "MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
    let mut late = written(&pem(&key(1)));
    late["expires"] = json!("tomorrow");
    check_settings(
        json!({ "keys": [
            written(&pem(&key(1))),
            written(&one_line(&pem(&key(1)))),
            written(private),
            written(x25519),
            written("AAAA"),
            late,
        ] }),
        &[
            "trust.keys.1.public_key: it is the key of trust.keys.0 once more",
            "trust.keys.2.public_key: this is a private key",
            "trust.keys.3.public_key: this is no Ed25519 key",
            "trust.keys.4.public_key: this is neither",
            "trust.keys.5.expires: `tomorrow` is not a time",
        ],
    );
}

/// The base64 of a PEM key, on one line.
fn one_line(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[test]
fn odd_keys_are_refused() {
    let key = |text: &str| text.parse::<PublicKey>().err();
    let good = pem(&key_pair());
    assert_eq!(key(&format!("\n {good}\n")), None);
    assert_eq!(key(&one_line(&good)), None);
    for odd in [
        String::new(),
        good.replace("PUBLIC KEY", "CERTIFICATE"),
        good.replace("-----END", ""),
        format!("{good}{good}"),
        one_line(&good).replace('=', ""),
        one_line(&good).replacen("MCow", "MCoA", 1),
    ] {
        assert_eq!(key(&odd), Some(KeyError::Unreadable), "{odd}");
    }
    // The neutral element, for which anyone can produce signatures.
    let weak = STANDARD_PREFIX.iter().copied().chain([1]).chain([0; 31]).collect::<Vec<u8>>();
    assert_eq!(key(&base64(&weak)), Some(KeyError::Weak));
    let off_curve = STANDARD_PREFIX.iter().copied().chain([2]).chain([0; 31]).collect::<Vec<u8>>();
    assert_eq!(key(&base64(&off_curve)), Some(KeyError::Weak));
}

fn key_pair() -> SigningKey {
    key(7)
}

/// The DER prefix of a 32-byte Ed25519 key.
const STANDARD_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn signatures_are_read_strictly() {
    let good = serde_json::to_value(&signed_by(&[1]).signatures[0]).unwrap();
    let read = |change: fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        serde_json::from_value::<Signature>(value)
    };
    assert!(read(|_| {}).is_ok());
    assert!(read(|value| value["key"] = json!("ci")).is_err());
    assert!(read(|value| value["digest"] = json!("sha256:00")).is_err());
    assert!(read(|value| value["signature"] = json!("AAAA")).is_err());
    assert!(read(|value| value["algorithm"] = json!("none")).is_err());
    let upper = |value: &mut Value| {
        value["digest"] = json!(value["digest"].as_str().unwrap().to_uppercase());
    };
    assert!(read(upper).is_err());
}
