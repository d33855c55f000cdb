//! What is known of a configuration that another VM has loaded, so that it need not be found again.
//!
//! Envoy hands the same bytes to a VM on its main thread and to one on every worker, where calls
//! wait meanwhile, and most of the time that a large bundle takes is its SHA-256. So the first VM
//! notes the digests under a fingerprint of all the bytes, and the others look for the note.

use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::Gate;
use crate::digest::Digest;

/// How many notes there are at most.
const PLACES: u8 = 16;

/// What is known of one configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The name of the bundle in force.
    pub name: String,
    /// The environment; empty if it has none.
    pub environment: String,
    /// The digest of the bundle in force.
    pub bundle: Digest,
    /// That of the candidate, if there is one.
    pub candidate: Option<Digest>,
}

/// Bytes by a keyed hash. Nobody who does not know the key can find others with the same one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint([u8; 16]);

/// The secret that fingerprints are made with.
pub type FingerprintKey = [u8; 16];

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn of(bytes: &[u8], key: &FingerprintKey) -> Self {
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(bytes);
        Self(hasher.finish128().as_bytes())
    }

    /// Which of the places for notes is that of these bytes. Several bytes can share one.
    pub fn place(&self) -> u8 {
        let [first, ..] = self.0;
        first % PLACES
    }
}

impl Known {
    /// What is known of the configuration that this gate was made of.
    pub fn of(gate: &Gate) -> Self {
        Self {
            name: gate.bundle.id.name.clone(),
            environment: gate.environment.to_string(),
            bundle: gate.bundle.id.digest.clone(),
            candidate: gate.candidate.as_ref().map(|gate| gate.bundle.id.digest.clone()),
        }
    }

    /// A note that this is known of the bytes of this fingerprint.
    pub fn noted(&self, fingerprint: &Fingerprint) -> Vec<u8> {
        // Texts and nothing else always have JSON; a note without it says nothing.
        let known = serde_json::to_vec(self).unwrap_or_default();
        [&fingerprint.0, known.as_slice()].concat()
    }

    /// What a note says, if it is about the bytes of this fingerprint.
    pub fn read(note: &[u8], fingerprint: &Fingerprint) -> Option<Self> {
        serde_json::from_slice(note.strip_prefix(&fingerprint.0)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;
    use crate::bundle;
    use crate::fixture;
    use crate::record::GateField;

    const KEY: FingerprintKey = *b"0123456789abcdef";

    #[test]
    fn a_note_reads_for_the_bytes_that_it_is_about() {
        let fingerprint = Fingerprint::of(b"these", &KEY);
        for candidate in [None, Some(Digest::of(&2))] {
            let known = Known { candidate, ..known(Digest::of(&1)) };
            let note = known.noted(&fingerprint);
            assert_eq!(Known::read(&note, &fingerprint), Some(known));
            for other in [Fingerprint::of(b"those", &KEY), Fingerprint::of(b"these", &[0; 16])] {
                assert_eq!(Known::read(&note, &other), None);
            }
            for end in 0..note.len() {
                assert_eq!(Known::read(&note[..end], &fingerprint), None, "{end}");
            }
        }
    }

    fn known(bundle: Digest) -> Known {
        Known { name: "fixture".to_owned(), environment: String::new(), bundle, candidate: None }
    }

    /// The gate that the fixture makes, once built, beside these other members.
    fn gate(other: &Value, known: Option<&Known>) -> Result<Gate, String> {
        let mut document = fixture::document();
        document.resolved = Some(bundle::load(&document).unwrap().resolved);
        let mut config = json!({ "bundle": document, "candidate": document });
        config.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        let config = config.to_string();
        let (site, now) = (GateField::default(), DateTime::UNIX_EPOCH);
        Gate::from_known_config(config.as_bytes(), known.cloned(), &site, now)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_known_is_not_made_again() {
        let made = Known::of(&gate(&json!({}), None).unwrap());
        assert_eq!(Some(&made.bundle), made.candidate.as_ref());
        let told = known(Digest::of(&1));
        let gate = gate(&json!({}), Some(&told)).unwrap();
        assert_eq!(Known::of(&gate), Known { candidate: made.candidate, ..told });
    }

    #[test]
    fn nothing_else_is_taken_for_granted() {
        let known = Known::of(&gate(&json!({}), None).unwrap());
        for (other, word) in [
            (json!({ "trust": { "name": "other" } }), "trust.name is `other`"),
            (json!({ "trust": { "minimum_version": 99 } }), "trust.minimum_version is 99"),
            (json!({ "environment": "production" }), "this filter is for the environment"),
            (json!({ "unknown": 1 }), "unknown field"),
        ] {
            let error = gate(&other, Some(&known)).unwrap_err();
            assert!(error.contains(word), "{error}");
            assert_eq!(gate(&other, None).unwrap_err(), error);
        }
    }

    #[test]
    fn every_bit_of_the_bytes_and_of_the_key_matters() {
        let bytes: Vec<u8> = (0..40).collect();
        let fingerprint = Fingerprint::of(&bytes, &KEY);
        for bit in 0..8 * bytes.len() {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Fingerprint::of(&other, &KEY), fingerprint);
        }
        for bit in 0..8 * KEY.len() {
            let mut key = KEY;
            key[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Fingerprint::of(&bytes, &key), fingerprint);
        }
    }
}
