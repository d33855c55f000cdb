//! Signed JSON in compact form: JWS ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)) with Ed25519
//! ([RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)).
//!
//! The header of every JWS has the key's id as `kid` and says in `typ` what the JWS is for, so that one
//! that was signed for something else is never accepted. No other member of a header has an effect:
//! keys come from configuration only.

use std::str::FromStr;

use ed25519_dalek::SigningKey;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signature::{Signer as Signs, Verifier};

use crate::json;
use crate::key::{PrivateKey, PrivateKeyError, PublicKey};

/// The longest JWS that is read, in bytes.
pub const LONGEST: usize = 32_768;

/// The keys of a signer: it signs with the first, and verifies what any of them has signed, so that keys
/// can be rotated.
#[derive(Debug)]
pub struct Signer {
    first: PrivateKey,
    others: Vec<PrivateKey>,
}

impl Signer {
    /// Signs claims for a purpose.
    ///
    /// # Errors
    ///
    /// As [`sign`].
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, JwsError> {
        sign(typ, claims, &self.first)
    }

    /// The claims of a JWS that this signer has signed for this purpose.
    ///
    /// # Errors
    ///
    /// As [`verify`].
    pub fn verify<C: DeserializeOwned>(&self, typ: &str, jws: &str) -> Result<C, JwsError> {
        let keys = std::iter::once(&self.first).chain(&self.others);
        verify(typ, jws, keys.map(PrivateKey::public))
    }
}

impl FromStr for Signer {
    type Err = PrivateKeyError;

    /// Reads private keys, PKCS#8 in PEM one after the other, or only the base64 of each with spaces in
    /// between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const END: &str = "-----END PRIVATE KEY-----";
        let texts: Vec<&str> = if text.contains(END) {
            text.trim().split_inclusive(END).collect()
        } else {
            text.split_ascii_whitespace().collect()
        };
        let keys = texts.into_iter().map(str::parse).collect::<Result<Vec<PrivateKey>, _>>()?;
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(PrivateKeyError::Unreadable)?;
        Ok(Self { first, others: keys.collect() })
    }
}

/// Why a JWS is not accepted. Messages never contain it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JwsError {
    /// It is too long.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It does not parse.
    #[error("it is no signed JWS in compact form")]
    Malformed,
    /// It is not signed, or with another algorithm.
    #[error("it is not signed with Ed25519 (`alg` is not `EdDSA`)")]
    OtherAlgorithm,
    /// It was signed for something else.
    #[error("it is for something else (`typ`)")]
    OtherType,
    /// None of the keys has its `kid`.
    #[error("its key is not known (`kid`)")]
    UnknownKey,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Forged,
    /// The claims are not those of its type.
    #[error("its claims are not those of its type")]
    OtherClaims,
}

/// Signs claims for a purpose.
///
/// # Errors
///
/// Claims that are no JSON.
pub fn sign(typ: &str, claims: &impl Serialize, key: &PrivateKey) -> Result<String, JwsError> {
    install();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    header.kid = Some(key.public().id().to_string());
    let seed = EncodingKey::from_ed_der(&key.seed());
    jsonwebtoken::encode(&header, claims, &seed).map_err(|_| JwsError::OtherClaims)
}

/// The claims of a JWS that one of the keys has signed for this purpose. What they say of times and
/// audiences is left to the caller.
///
/// # Errors
///
/// Whatever keeps the JWS from being accepted.
pub fn verify<'k, C: DeserializeOwned>(
    typ: &str,
    jws: &str,
    keys: impl IntoIterator<Item = &'k PublicKey>,
) -> Result<C, JwsError> {
    if jws.len() > LONGEST {
        return Err(JwsError::TooLong);
    }
    install();
    let header = jsonwebtoken::decode_header(jws).map_err(|error| problem(&error))?;
    if header.alg != Algorithm::EdDSA {
        return Err(JwsError::OtherAlgorithm);
    }
    if header.typ.as_deref() != Some(typ) {
        return Err(JwsError::OtherType);
    }
    let named = |key: &&PublicKey| header.kid.as_deref() == Some(&*key.id().to_string());
    let key = keys.into_iter().find(named).ok_or(JwsError::UnknownKey)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let key = DecodingKey::from_ed_der(key.as_bytes());
    jsonwebtoken::decode::<Value>(jws, &key, &validation).map_err(|error| problem(&error))?;
    claims(jws)
}

/// The claims of a JWS whose signature was verified. A member that occurs twice is refused: readers
/// differ about it.
fn claims<C: DeserializeOwned>(jws: &str) -> Result<C, JwsError> {
    use base64::Engine as _;
    let payload = jws.split('.').nth(1).ok_or(JwsError::Malformed)?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    let text = String::from_utf8(bytes.map_err(|_| JwsError::Malformed)?);
    let text = text.map_err(|_| JwsError::Malformed)?;
    json::unique(&text).map_err(|_| JwsError::OtherClaims)?;
    serde_json::from_str(&text).map_err(|_| JwsError::OtherClaims)
}

fn problem(error: &Error) -> JwsError {
    let kind = error.kind();
    if matches!(kind, ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName) {
        JwsError::OtherAlgorithm
    } else if matches!(kind, ErrorKind::InvalidSignature) {
        JwsError::Forged
    } else {
        JwsError::Malformed
    }
}

/// Has `jsonwebtoken` use Ed25519 and nothing else. The first call decides, and all are equal.
fn install() {
    let _ = ED25519.install_default();
}

static ED25519: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match (algorithm, key.as_bytes().try_into()) {
        (Algorithm::EdDSA, Ok(seed)) => Ok(Box::new(Signing(SigningKey::from_bytes(seed)))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |algorithm, key| match (
        algorithm,
        PublicKey::of_bytes(key.try_get_as_bytes()?),
    ) {
        (Algorithm::EdDSA, Some(key)) => Ok(Box::new(Verifying(key))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Signing(SigningKey);

impl Signs<Vec<u8>> for Signing {
    fn try_sign(&self, text: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.try_sign(text)?.to_bytes().to_vec())
    }
}

impl JwtSigner for Signing {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Verifying(PublicKey);

impl Verifier<Vec<u8>> for Verifying {
    fn verify(&self, text: &[u8], bytes: &Vec<u8>) -> Result<(), signature::Error> {
        let signature = ed25519_dalek::Signature::from_slice(bytes)?;
        if self.0.verifies(text, &signature) { Ok(()) } else { Err(signature::Error::new()) }
    }
}

impl JwtVerifier for Verifying {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;
    use crate::fixture::key;

    const TYPE: &str = "toolgate-test+jwt";

    /// The DER prefix of a 32-byte Ed25519 key.
    const PKCS8: [u8; 16] =
        [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

    fn read(jws: &str, typ: &str, key: &PrivateKey) -> Result<Value, JwsError> {
        verify(typ, jws, [key.public()])
    }

    #[test]
    fn what_is_signed_is_read() {
        let claims = json!({ "sub": "ann", "amount": 1.5, "exp": 1 });
        let jws = sign(TYPE, &claims, &key(1)).unwrap();
        assert_eq!(read(&jws, TYPE, &key(1)), Ok(claims));
        assert_eq!(read(&jws, "JWT", &key(1)), Err(JwsError::OtherType));
        assert_eq!(read(&jws, TYPE, &key(2)), Err(JwsError::UnknownKey));
    }

    #[test]
    fn no_changed_byte_is_accepted() {
        let jws = sign(TYPE, &json!({ "sub": "ann" }), &key(1)).unwrap();
        for place in 0..jws.len() {
            for other in [b'A', b'B', b'_', b'.', b'=', b'\n', b' '] {
                let mut changed = jws.clone().into_bytes();
                if changed[place] != other {
                    changed[place] = other;
                    let changed = String::from_utf8(changed).unwrap();
                    assert!(read(&changed, TYPE, &key(1)).is_err(), "{changed}");
                }
            }
        }
        for odd in [
            "",
            ".",
            "..",
            "...",
            "a.b.c",
            &format!("{jws}."),
            &format!(".{jws}"),
            jws.trim_start_matches('e'),
        ] {
            assert_eq!(read(odd, TYPE, &key(1)), Err(JwsError::Malformed), "{odd}");
        }
        assert_eq!(read(&"a".repeat(LONGEST + 1), TYPE, &key(1)), Err(JwsError::TooLong));
    }

    /// A JWS with this header and payload that the key has signed.
    fn made(header: &Value, payload: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(&header.to_string()), encode(payload));
        let signature = key(1).sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn odd_headers_are_refused() {
        let id = key(1).public().id().to_string();
        let usual = json!({ "alg": "EdDSA", "typ": TYPE, "kid": id });
        let with = |name: &str, value: Value| {
            let mut header = usual.clone();
            header[name] = value;
            read(&made(&header, r#"{"sub":"ann"}"#), TYPE, &key(1))
        };
        assert!(with("alg", json!("EdDSA")).is_ok());
        // A key in the header changes nothing.
        assert!(with("jku", json!("https://evil.example/keys")).is_ok());
        for (name, value, error) in [
            ("alg", json!("none"), JwsError::Malformed),
            ("alg", json!("HS256"), JwsError::OtherAlgorithm),
            ("alg", json!("ES256"), JwsError::OtherAlgorithm),
            ("typ", json!("JWT"), JwsError::OtherType),
            ("typ", json!(null), JwsError::OtherType),
            ("kid", json!("sha256:00"), JwsError::UnknownKey),
            ("kid", json!(null), JwsError::UnknownKey),
            ("crit", json!(["exp"]), JwsError::Malformed),
            ("b64", json!(false), JwsError::Malformed),
        ] {
            assert_eq!(with(name, value), Err(error), "{name}");
        }
    }

    #[test]
    fn a_signer_reads_what_its_earlier_keys_have_signed() {
        let der = |number: u8| STANDARD.encode([&PKCS8[..], &[number; 32]].concat());
        let old: Signer = der(1).parse().unwrap();
        let new: Signer = format!("{} {}\n", der(2), der(1)).parse().unwrap();
        let jws = old.sign(TYPE, &json!({ "sub": "ann" })).unwrap();
        assert!(new.verify::<Value>(TYPE, &jws).is_ok());
        let jws = new.sign(TYPE, &json!({ "sub": "ann" })).unwrap();
        assert_eq!(old.verify::<Value>(TYPE, &jws), Err(JwsError::UnknownKey));
        let pem = |number: u8| {
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", der(number))
        };
        let both: Signer = [pem(2), pem(1)].concat().parse().unwrap();
        assert!(both.verify::<Value>(TYPE, &jws).is_ok());
        for odd in [String::new(), " ".to_owned(), pem(1) + "x", der(1) + " x", der(1).repeat(2)] {
            assert!(odd.parse::<Signer>().is_err(), "{odd}");
        }
    }

    #[test]
    fn odd_claims_are_refused() {
        let id = key(1).public().id().to_string();
        let header = json!({ "alg": "EdDSA", "typ": TYPE, "kid": id });
        for payload in ["", "{", r#"{"sub":"ann","sub":"bob"}"#, r#"{"a":{"b":1,"b":2}}"#] {
            assert!(read(&made(&header, payload), TYPE, &key(1)).is_err(), "{payload}");
        }
    }
}
