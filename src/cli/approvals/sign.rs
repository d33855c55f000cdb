//! `toolgate approvals sign`: decides one request on the command line.

use std::fmt::Write as _;

use super::asked::verified;
use super::decision::{LONGEST_REASON, Ruled, decide, reason};
use super::service::now;
use super::settings::{Claims, Parties, claims};
use crate::approval::{Request, Ruling};
use crate::cli::files;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Problem};
use crate::cli::random;
use crate::json;

/// Sign the decision about one request, without the service
///
/// What is asked for is told on stderr, and the signed approval is written to stdout: the caller
/// sends it in the header `toolgate-approval` with the same call.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate approvals sign \"$REQUEST\" --key service.pem --gate-key gate.pub.pem \\
    --name https://approvals.example.com --approver '{\"sub\":\"carol\"}'
  toolgate approvals sign - … --deny --reason 'not without an invoice' <request.jwt")]
pub(super) struct Arguments {
    /// The signed request; `-` reads it from stdin
    #[arg(value_name = "REQUEST_TOKEN")]
    request: String,
    #[command(flatten)]
    parties: Parties,
    /// The claims of whoever decides, a JSON object
    #[arg(long, value_name = "JSON", value_parser = claims)]
    approver: Claims,
    /// Deny the request
    #[arg(long, requires = "reason")]
    deny: bool,
    /// Why; needed to deny
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let known = arguments.parties.read()?;
    let token = match arguments.request.as_str() {
        "-" => files::read_stdin()?.trim().to_owned(),
        token => token.to_owned(),
    };
    let (now, name) = (now(), &known.name);
    let request =
        verified(token, &known.gates, name, now).map_err(|refused| Problem::new(refused.detail))?;
    let ruling = if arguments.deny { Ruling::Denied } else { Ruling::Approved };
    let text = arguments.reason.as_deref().unwrap_or_default();
    let reason = reason(text, ruling).map_err(|problem| {
        Problem::new(problem)
            .with_help(format!("`--reason TEXT`, up to {LONGEST_REASON} characters"))
    })?;
    report::talk(&told(&request.claims));
    let ruled = Ruled { ruling, approver: arguments.approver.clone(), reason };
    let jti = random::bytes::<16>()?;
    let jti: String = jti.into_iter().flat_map(json::hex).map(char::from).collect();
    let signed = decide(&request, ruled, &jti, (name, &known.key), (now, known.valid_for));
    let signed = signed.map_err(Problem::new)?;
    report::data(&format!("{}\n", signed.token))?;
    Ok(Exit::Success)
}

/// What is asked for, for people.
fn told(request: &Request) -> String {
    let (binding, details) = (&request.binding, &request.details);
    let context = &binding.context;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{name:<13}{value}");
    };
    line("tool", &binding.action.name);
    line("principal", &format!("{} ({})", binding.subject.id, binding.subject.type_name));
    line("agents", &context.chain.join(" < "));
    line("tenant", context.tenant.as_deref().unwrap_or("none"));
    line("resource", &format!("{} ({})", binding.resource.id, binding.resource.type_name));
    line("arguments", &context.arguments.to_string());
    line("policies", &details.policies.join(", "));
    line("reasons", &details.reasons.join(" "));
    line("groups", &details.groups.join(", "));
    line("bundle", &format!("{} {}", context.bundle, context.bundle_digest.as_str()));
    line("environment", &context.environment);
    line("gate", &request.iss);
    text
}
