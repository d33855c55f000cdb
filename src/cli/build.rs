//! `toolgate build`: a bundle's directory → the one document that the filter loads.

use std::path::PathBuf;

use super::directory::{self, Opened};
use super::files;
use super::report::{self, Format};
use super::sign::SignArguments;
use super::{BundleArgument, EnvironmentArgument, Exit, Stop};
use crate::json;

/// Build the document that the filter loads
///
/// It is canonical JSON (RFC 8785): the same content gives the same bytes and the same digest on
/// any machine. Name and digest are told on stderr. Signatures stand beside the content, and
/// change neither its bytes nor its digest; a document that was built before can be signed later.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate build policies/acme --environment production -o acme.json
  toolgate build policies/acme --environment dev | sha256sum    the digest that records name

  A key, and a bundle that is signed with it:
  openssl genpkey -algorithm ed25519 -out ci.pem
  toolgate build policies/acme --environment production --sign ci.pem -o acme.json

  A second signature, on another machine:
  toolgate build acme.json --sign release.pem -o acme.json")]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArgument,
    #[command(flatten)]
    environment: EnvironmentArgument,
    #[command(flatten)]
    sign: SignArguments,
    /// Write to this file, replacing it in one step, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    let environment = arguments.environment.environment.as_ref();
    let mut opened = directory::open_to_load(&arguments.bundle.bundle, environment)?;
    let keys = arguments.sign.sign(&mut opened.document)?;
    write(arguments.output.as_ref(), &json::canonical(&opened.document))?;
    tell(&opened);
    for key in keys {
        report::talk(&format!(
            "signed with the key {key}
"
        ));
    }
    Ok(Exit::Success)
}

/// Writes a result where the user wants it.
pub(super) fn write(output: Option<&PathBuf>, content: &[u8]) -> Result<(), Stop> {
    match output {
        Some(path) => files::replace(path, content)?,
        None => report::bytes(content)?,
    }
    Ok(())
}

/// Says what was built, and what is odd about it.
pub(super) fn tell(opened: &Opened) {
    report::talk(&report::human(&opened.warnings));
    report::talk(&format!("{}\n", opened.title()));
}
