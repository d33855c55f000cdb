//! The digests of a configuration's bundles, noted so that they need not be made again.
//!
//! Envoy hands the same bytes to a VM on its main thread and to one on every worker, where calls
//! wait meanwhile, and most of the time that a large bundle takes is its SHA-256. So the first VM
//! notes the digests under a fingerprint of all the bytes, and the others look for the note.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::Gate;
use crate::digest::Digest;

/// How many notes there are at most.
const PLACES: u8 = 16;

/// The digests of the bundles of one configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digests {
    /// Of the bundle in force.
    pub bundle: Digest,
    /// Of the candidate, if there is one.
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

impl Digests {
    /// The digests of a gate's bundles.
    pub fn of(gate: &Gate) -> Self {
        let digest = |gate: &Gate| gate.bundle.id.digest.clone();
        Self { bundle: digest(gate), candidate: gate.candidate.as_deref().map(digest) }
    }

    /// A note that these are the digests of the bundles in the bytes of this fingerprint.
    pub fn noted(&self, fingerprint: &Fingerprint) -> Vec<u8> {
        let candidate = self.candidate.as_ref().map(Digest::as_str).unwrap_or_default();
        [&fingerprint.0, self.bundle.as_str().as_bytes(), b" ", candidate.as_bytes()].concat()
    }

    /// What a note says, if it is about the bytes of this fingerprint.
    pub fn read(note: &[u8], fingerprint: &Fingerprint) -> Option<Self> {
        let text = std::str::from_utf8(note.strip_prefix(&fingerprint.0)?).ok()?;
        let (bundle, candidate) = text.split_once(' ')?;
        let digest = |text: &str| Digest::try_from(text.to_owned()).ok();
        let candidate = match candidate {
            "" => None,
            candidate => Some(digest(candidate)?),
        };
        Some(Self { bundle: digest(bundle)?, candidate })
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
            let digests = Digests { bundle: Digest::of(&1), candidate };
            let note = digests.noted(&fingerprint);
            assert_eq!(Digests::read(&note, &fingerprint), Some(digests));
            for other in [Fingerprint::of(b"those", &KEY), Fingerprint::of(b"these", &[0; 16])] {
                assert_eq!(Digests::read(&note, &other), None);
            }
            for end in 0..note.len() {
                let cut = Digests::read(&note[..end], &fingerprint);
                // Without the second digest it is another whole note.
                assert!(cut.is_none_or(|cut| cut.candidate.is_none() && end == 16 + 72), "{end}");
            }
        }
    }

    /// The gate that the fixture makes, once built, beside these other members.
    fn gate(other: &Value, known: Option<&Digests>) -> Result<Gate, String> {
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
        let made = Digests::of(&gate(&json!({}), None).unwrap());
        assert_eq!(Some(&made.bundle), made.candidate.as_ref());
        let told = Digests { bundle: Digest::of(&1), candidate: None };
        let gate = gate(&json!({}), Some(&told)).unwrap();
        assert_eq!(Digests::of(&gate), Digests { candidate: made.candidate, ..told });
    }

    #[test]
    fn nothing_else_is_taken_for_granted() {
        let known = Digests::of(&gate(&json!({}), None).unwrap());
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
