//! Signs a document with key files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::{self, DecodePrivateKey as _, spki};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::bundle::{Document, Signature};
use crate::cli::files;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::trust::{KeyId, PublicKey, statement};

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
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for path in &self.keys {
            match key(path, &files::read(path)?) {
                Ok(key) => keys.push(key),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let digest = document.digest();
        let statement = statement(document, &digest);
        let old = document.signatures.drain(..);
        let mut all: BTreeMap<KeyId, Signature> = old.map(|old| (old.key.clone(), old)).collect();
        for (secret, public) in &keys {
            let (key, digest) = (public.id().clone(), digest.clone());
            let signature = secret.sign(statement.as_bytes()).into();
            all.insert(key.clone(), Signature { key, digest, signature });
        }
        document.signatures = all.into_values().collect();
        Ok(keys.into_iter().map(|(_, public)| public.id().clone()).collect())
    }
}

fn key(path: &Path, pem: &str) -> Result<(SigningKey, PublicKey), Problem> {
    let problem = |message: &str, help: &str| {
        Problem::new(format!("`{}` {message}", path.display())).with_help(help)
    };
    let secret = SigningKey::from_pkcs8_pem(pem.trim()).map_err(|error| {
        let make = "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one";
        let other = matches!(&error, pkcs8::Error::PublicKey(spki::Error::OidUnknown { .. }));
        if pem.contains("ENCRYPTED PRIVATE KEY") {
            problem(
                "is encrypted",
                "`openssl pkey -in KEY.pem` decrypts it, into a pipe if need be",
            )
        } else if pem.contains("BEGIN PUBLIC KEY") {
            problem("is a public key", "bundles are signed with the private one")
        } else if other {
            problem("is no Ed25519 key", make)
        } else {
            problem("is no private key in PEM (PKCS#8)", make)
        }
    })?;
    match PublicKey::try_from(secret.verifying_key()) {
        Ok(public) => Ok((secret, public)),
        Err(error) => Err(problem(&error.to_string(), "make another key")),
    }
}
