//! `toolgate explain`: why one call is decided as it is.

mod account;
mod asked;
mod human;
mod identity;
mod json;
mod nearest;
mod recorded;
mod value;

use std::path::PathBuf;

use super::directory;
use super::recorded::Recorded;
use super::report::{self, Format, Problem};
use super::{BundleArgument, EnvironmentArgument, Exit, Stop};
use crate::bundle::EnvironmentName;
use crate::gate::Gate;
use crate::reason::Decision;

use account::Explanation;

/// Explain the decision about one call
///
/// Shows the decision, the policies that determined it and where they stand, and the Cedar request
/// that was built. The call is one of the bundle's cases, a request in a file, or a record of the
/// decision log, which is decided again with the bundle in DIR.
///
/// A record does not hold the values that the bundle redacts. --identity adds attributes of the
/// principal, --arguments the arguments, checked against their digest.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate explain policies/acme --case \"a rep reads a contact through the sales copilot\"

  The refusal that somebody quotes the id of:
  toolgate explain policies/acme --record decisions.ndjson --id 019a8f2c-…

  The last decision:
  tail -1 decisions.ndjson | toolgate explain policies/acme --record -

  A request of alice's:
  toolgate explain policies/acme --request request.yaml --identity alice.yaml

alice.yaml:
  tokens: { session: { sub: alice, tenant: acme, roles: [rep], act: { sub: support-bot } } }
request.yaml, for --request:
  call: { path: /crm/mcp, tool: get_contact, arguments: { account: acme, contact_id: c-1 } }")]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArgument,
    #[command(flatten)]
    call: CallArgument,
    /// Choose a record by its id, which refusals and headers name
    #[arg(long, value_name = "ID", conflicts_with_all = ["case", "request"])]
    id: Option<String>,
    /// What the proxy verified about the caller: `tokens` and `spiffe` as in test files, or a
    /// whole test file
    #[arg(long, value_name = "FILE", conflicts_with = "case")]
    identity: Option<PathBuf>,
    /// Choose an identity of that file by its name
    #[arg(long = "as", value_name = "NAME", requires = "identity")]
    identity_name: Option<String>,
    /// The complete arguments of a recorded call, as JSON
    #[arg(long = "arguments", value_name = "FILE", conflicts_with_all = ["case", "request"])]
    complete: Option<PathBuf>,
    #[command(flatten)]
    environment: EnvironmentArgument,
}

/// Where the call comes from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct CallArgument {
    /// The case with this name
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// A line of the decision log, in this file or on stdin
    #[arg(long, value_name = "FILE|-")]
    record: Option<PathBuf>,
    /// A file with a `call` or a `request` as in test files
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let recorded = arguments.call.record.as_deref();
    let recorded = recorded.map(|path| recorded::read(arguments, path)).transpose()?;
    let name = environment(arguments, recorded.as_ref())?;
    let opened = directory::open_for(&arguments.bundle.bundle, name.as_ref())?;
    let environment = opened.document.environment_name();
    let gate = Gate::new(opened.loaded.bundle, environment);
    let asked = asked::asked(arguments, &gate, recorded)?;
    let explanation = Explanation::of(&gate, asked)?;
    report::data(&match format {
        Format::Human => human::tell(&explanation, &gate, &opened.map),
        Format::Json => report::pretty(&json::tell(&explanation, &gate, &opened.map)),
    })?;
    Ok(match explanation.decision {
        Decision::Permit => Exit::Success,
        Decision::Deny | Decision::Silence => Exit::Refused,
    })
}

/// The environment that is asked for, or else the one that the record names.
fn environment(
    arguments: &Arguments,
    recorded: Option<&Recorded>,
) -> Result<Option<EnvironmentName>, Problem> {
    let asked = arguments.environment.environment.clone();
    let named = recorded.map(|recorded| recorded.environment.as_str());
    match (asked, named.filter(|name| !name.is_empty())) {
        (None, Some(name)) => name.parse().map(Some).map_err(Problem::new),
        (asked, _) => Ok(asked),
    }
}
