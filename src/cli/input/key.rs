//! Reads key files.

use std::path::Path;

use crate::cli::output::report::Problem;
use crate::key::{PrivateKey, PrivateKeyError};

/// The private key in a file.
pub(in crate::cli) fn private(path: &Path, pem: &str) -> Result<PrivateKey, Problem> {
    pem.parse().map_err(|error: PrivateKeyError| {
        let help = match error {
            PrivateKeyError::Encrypted => {
                "`openssl pkey -in KEY.pem` decrypts it, into a pipe if need be"
            }
            PrivateKeyError::Public => "bundles are signed with the private one",
            PrivateKeyError::Weak => "make another key",
            PrivateKeyError::OtherAlgorithm | PrivateKeyError::Unreadable => {
                "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one"
            }
        };
        Problem::new(format!("`{}` {error}", path.display())).with_help(help)
    })
}
