//! Signs a document with key files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::bundle::{Document, Signature};
use crate::cli::input::key;
use crate::cli::output::exit::Stop;
use crate::key::{KeyId, PrivateKey};
use crate::trust::statement;

/// The keys to sign with.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SignArguments {
    /// Sign with this Ed25519 private key, PKCS#8 in PEM; repeat it for a second signature
    #[arg(long = "sign", value_name = "KEY.pem")]
    keys: Vec<PathBuf>,
}

impl SignArguments {
    /// Adds one signature per key and returns the key ids. An existing signature by the same key is
    /// replaced; the order of the keys does not matter.
    pub(in crate::cli) fn sign(&self, document: &mut Document) -> Result<Vec<KeyId>, Stop> {
        let (mut keys, mut problems): (Vec<PrivateKey>, _) = (Vec::new(), Vec::new());
        for path in &self.keys {
            match key::private(path, "bundles") {
                Ok(key) => keys.push(key),
                Err(Stop::Invalid(problem)) => problems.extend(problem),
                Err(stop) => return Err(stop),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let digest = document.digest();
        let statement = statement(document, &digest);
        let old = document.signatures.drain(..);
        let mut all: BTreeMap<KeyId, Signature> = old.map(|old| (old.key.clone(), old)).collect();
        for signer in &keys {
            let (key, digest) = (signer.public().id().clone(), digest.clone());
            let signature = signer.sign(statement.as_bytes()).into();
            all.insert(key.clone(), Signature { key, digest, signature });
        }
        document.signatures = all.into_values().collect();
        Ok(keys.iter().map(|signer| signer.public().id().clone()).collect())
    }
}
