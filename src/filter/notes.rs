//! What the VMs of one Envoy tell each other about the configuration that they all get.
//!
//! Whoever shares their `vm_id` can write such notes too, so no signature is held against a digest
//! from one. Where there is none, or anything is odd, digests are made, and no other gate decides
//! meanwhile.

use log::warn;
use proxy_wasm::hostcalls;

use crate::config::{Fingerprint, FingerprintKey, Gate, Known};

/// Another build may know other things.
const NAME: &str = concat!("toolgate.", env!("CARGO_PKG_VERSION"), ".known");

/// Where it is noted what is known of one configuration.
#[derive(Debug)]
pub(super) struct Note {
    fingerprint: Fingerprint,
    name: String,
}

impl Note {
    /// The note about these bytes, written or not; `None` if there can be none.
    pub(super) fn about(bytes: &[u8]) -> Option<Self> {
        let fingerprint = Fingerprint::of(bytes, &key()?);
        Some(Self { fingerprint, name: format!("{NAME}.{}", fingerprint.place()) })
    }

    /// What it says.
    pub(super) fn read(&self) -> Option<Known> {
        Known::read(&get(&self.name)?, &self.fingerprint)
    }

    /// Writes what is known by the gate that these bytes made.
    pub(super) fn write(&self, gate: &Gate) {
        set(&self.name, &Known::of(gate).noted(&self.fingerprint));
    }
}

/// The secret of this Envoy, drawn by whoever comes first.
fn key() -> Option<FingerprintKey> {
    let name = format!("{NAME}.key");
    let drawn = || get(&name)?.try_into().ok();
    drawn().or_else(|| {
        let mut key = FingerprintKey::default();
        getrandom::fill(&mut key).ok()?;
        set(&name, &key);
        // If another one was faster or slower, there is one key all the same.
        drawn()
    })
}

fn get(name: &str) -> Option<Vec<u8>> {
    hostcalls::get_shared_data(name).ok()?.0
}

fn set(name: &str, value: &[u8]) {
    if let Err(status) = hostcalls::set_shared_data(name, Some(value), None) {
        warn!("`{name}` could not be shared with the other workers: status {status:?}");
    }
}
