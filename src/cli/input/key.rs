//! Reads key files.

use std::path::Path;

use crate::cli::files;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::key::{KeyError, PrivateKey, PrivateKeyError, PublicKey};

/// A private key; `signed` is what it signs, for whoever gave the public one.
pub(in crate::cli) fn private(path: &Path, signed: &str) -> Result<PrivateKey, Stop> {
    let read = files::read(path)?.parse();
    read.map_err(|error: PrivateKeyError| {
        let help = match error {
            PrivateKeyError::Encrypted => {
                "`openssl pkey -in KEY.pem` decrypts it, into a pipe if need be".to_owned()
            }
            PrivateKeyError::Public => format!("{signed} are signed with the private one"),
            PrivateKeyError::Weak => "make another key".to_owned(),
            PrivateKeyError::OtherAlgorithm | PrivateKeyError::Unreadable => {
                "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one".to_owned()
            }
        };
        Problem::new(format!("`{}` {error}", path.display())).with_help(help).into()
    })
}

/// A public key.
pub(in crate::cli) fn public(path: &Path) -> Result<PublicKey, Stop> {
    let read = files::read(path)?.parse();
    read.map_err(|error: KeyError| Problem::new(format!("`{}`: {error}", path.display())).into())
}
