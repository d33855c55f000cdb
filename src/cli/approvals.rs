//! `toolgate approvals`: puts calls that need approval to people, and signs what they decide.
//!
#![doc = include_str!("approvals/approvals.md")]

mod api;
mod approver;
mod asked;
mod audit;
mod decision;
#[cfg(test)]
mod example;
mod form;
mod journal;
mod ledger;
mod page;
mod pages;
mod service;
mod settings;
mod sign;
mod signed;
mod webhook;

use hyper::Method;
use serde_json::json;

use self::form::Tokens;
use self::service::Approvals;
use self::settings::ServiceArguments;
use crate::cli::http::{self, Request, Response, Service, with_header};
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format};

/// Put calls that need approval to people, and sign what they decide
///
/// Gates post what needs approval to `/access-requests`; people read and decide it on the pages,
/// and the gate gets the signed decision once, when the call is repeated. Sign-in is that of a proxy
/// in front: it says who somebody is in a header. stdout has one line of JSON for whatever happens.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_long_help = "Examples:
  To try it out, on this machine:
  openssl genpkey -algorithm ed25519 -out service.pem
  openssl pkey -in service.pem -pubout -out service.pub.pem       for the gates
  toolgate approvals --key service.pem --gate-key gate.pub.pem --name http://127.0.0.1:8181 \\
    --approver '{\"sub\":\"carol\",\"roles\":[\"finance\"]}'

  Behind a proxy that signs people in, such as Envoy with `forward_payload_header: x-approver`:
  toolgate approvals --key service.pem --gate-key gate.pub.pem --listen 10.0.0.7:8181 \\
    --name https://approvals.example.com --approver-header x-approver --approver-claim email \\
    --state approvals.jsonl --webhook https://chat.example.com/hooks/1")]
pub(super) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Other {
    Sign(sign::Arguments),
}

/// The largest body: a request's token, and beside it what the token says.
const LARGEST_BODY: usize = 64 * 1024;

pub(super) fn run(arguments: &Arguments, _: Format) -> Result<Exit, Stop> {
    if let Some(Other::Sign(arguments)) = &arguments.other {
        return sign::run(arguments);
    }
    let settings = arguments.service.read()?;
    let key = settings.key.public().id().clone();
    let listen = settings.listen;
    listen.warn();
    let routes = Routes { service: Approvals::open(settings)?, tokens: Tokens::new()? };
    http::serve(listen, LARGEST_BODY, routes, |address| {
        report::talk(&format!("approvals on http://{address}/, signed with the key {key}\n"));
        Ok(())
    })?;
    Ok(Exit::Success)
}

struct Routes {
    service: Approvals,
    tokens: Tokens,
}

impl Service for Routes {
    async fn answer(&self, request: Request) -> Response {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/access-requests") => api::answer(&self.service, &request).await,
            (_, "/access-requests") => {
                with_header(http::problem(405, "requests are posted"), "allow", "POST")
            }
            (_, "/healthz") => http::json(200, &json!({ "status": "ok" })),
            _ => pages::answer(&self.service, &self.tokens, &request),
        }
    }

    fn stop(&self) {
        self.service.stop();
    }
}
