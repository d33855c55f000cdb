//! The arguments of `toolgate explain`.

use std::path::PathBuf;

use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};

/// Explain the decision about one call, or the list of tools that a caller sees
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

  A refusal because of what the agent did before:
  toolgate explain policies/chains --record decisions.ndjson --id 019a8f2c-… --after decisions.ndjson

  A request of alice's:
  toolgate explain policies/acme --request request.yaml --identity alice.yaml

  Why does alice not see a tool?
  toolgate explain policies/acme --list crm --identity policies/acme/tests/contacts.yaml --as alice-support

alice.yaml:
  tokens: { session: { sub: alice, tenant: acme, roles: [rep], act: { sub: support-bot } } }
request.yaml, for --request:
  call: { path: /crm/mcp, tool: get_contact, arguments: { account: acme, contact_id: c-1 } }")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    pub(super) bundle: BundleArgument,
    #[command(flatten)]
    pub(super) call: CallArgument,
    /// Choose a record by its id, which refusals and headers name, or by the beginning of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["case", "request"])]
    pub(super) id: Option<String>,
    /// What the proxy verified about the caller: `tokens` and `spiffe` as in test files, or a
    /// whole test file
    #[arg(long, value_name = "FILE", conflicts_with = "case")]
    pub(super) identity: Option<PathBuf>,
    /// Choose an identity of that file by its name
    #[arg(long = "as", value_name = "NAME", requires = "identity")]
    pub(super) identity_name: Option<String>,
    /// The complete arguments of a recorded call, as JSON
    #[arg(long = "arguments", value_name = "FILE", conflicts_with_all = ["case", "request"])]
    pub(super) complete: Option<PathBuf>,
    /// The decision log with earlier calls, which count as their records say; may occur several times
    #[arg(long, value_name = "LOG", conflicts_with = "list")]
    pub(super) after: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) environment: EnvironmentArgument,
}

/// Where the call comes from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct CallArgument {
    /// The case with this name; of a case with `tools/list`, the list as with --list
    #[arg(long, value_name = "NAME")]
    pub(super) case: Option<String>,
    /// A line of the decision log, in this file or on stdin
    #[arg(long, value_name = "FILE|-")]
    pub(super) record: Option<PathBuf>,
    /// A file with a `call` or a `request` as in test files
    #[arg(long, value_name = "FILE")]
    pub(super) request: Option<PathBuf>,
    /// No call, but the list of this server's tools: which of them the caller sees, and why not the
    /// others
    #[arg(long, value_name = "SERVER", requires = "identity")]
    pub(super) list: Option<String>,
}
