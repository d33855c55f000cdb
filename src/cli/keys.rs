//! `toolgate keys`: the public keys of key files, for whoever verifies what the gate signs.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::files;
use crate::cli::input::key;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format};
use crate::key::PublicKey;

/// Write public keys as a JWKS, for the tool servers behind a gate
///
/// The filter signs with the private key in `TOOLGATE_SIGNING_KEY`; whoever verifies what it has
/// signed gets this. The result has no secrets.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  openssl genpkey -algorithm ed25519 -out gate.pem
  toolgate keys gate.pem -o gate.jwks.json

  While a key is replaced, servers know both:
  toolgate keys next.pem gate.pem -o gate.jwks.json

  The public key in PEM:
  openssl pkey -in gate.pem -pubout")]
pub(super) struct Arguments {
    /// Ed25519 keys in PEM, private or public
    #[arg(required = true, value_name = "KEY.pem")]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    output: Destination,
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for path in &arguments.keys {
        match public(path) {
            Ok(key) => keys.push(jwk(&key)),
            Err(Stop::Invalid(problem)) => problems.extend(problem),
            Err(stop) => return Err(stop),
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    arguments.output.write(report::pretty(&json!({ "keys": keys })).as_bytes())?;
    Ok(Exit::Success)
}

fn public(path: &Path) -> Result<PublicKey, Stop> {
    if files::read(path)?.contains("BEGIN PUBLIC KEY") {
        return key::public(path);
    }
    key::private(path, "assertions").map(|key| key.public().clone())
}

/// RFC 8037. The `kid` is what the gate writes into everything that it signs.
fn jwk(key: &PublicKey) -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": URL_SAFE_NO_PAD.encode(key.as_bytes()),
        "kid": key.id(),
        "alg": "EdDSA",
        "use": "sig",
    })
}
