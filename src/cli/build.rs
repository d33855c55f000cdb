//! `toolgate build`: compiles a bundle directory to the document that the filter loads.

mod sign;

use crate::cli::analysis::lint;
use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};
use crate::cli::input::directory;
use crate::cli::output::destination::Destination;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format};
use crate::json;
use sign::SignArguments;

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
    #[command(flatten)]
    output: Destination,
}

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    let environment = arguments.environment.environment.as_ref();
    let mut opened = directory::open_to_load(&arguments.bundle.bundle, environment)?;
    let warnings = lint::before_use(&opened)?;
    let keys = arguments.sign.sign(&mut opened.document)?;
    arguments.output.write(&json::canonical(&opened.document))?;
    opened.announce(&warnings);
    for key in keys {
        report::talk(&format!("signed with the key {key}\n"));
    }
    Ok(Exit::Success)
}
