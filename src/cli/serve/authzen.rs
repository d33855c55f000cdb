//! `toolgate serve authzen`: a policy decision point (PDP) of AuthZEN 1.0.
//!
//! A question becomes the request that a client of MCP would send, and the same exchange decides it
//! as in the filter.

mod answer;
mod evaluations;
mod pdp;
mod question;

use hyper::Method;
use hyper::header::HeaderName;
use serde_json::json;

use self::evaluations::Questions;
use self::pdp::Pdp;
use crate::cli::analysis::lint;
use crate::cli::http::{self, Listen, Request, Response, Service, is_for, only, with_header};
use crate::cli::input::arguments::{BundleArgument, EnvironmentArgument};
use crate::cli::input::directory;
use crate::cli::input::trust::TrustArgument;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report;

/// Serve a bundle's decisions as a policy decision point of AuthZEN 1.0
///
/// Whoever asks has verified the subject: its `properties` count as the claims of the token that the
/// bundle reads, and its `id` as `sub`. `action.name` is the tool, and `context.arguments` has the
/// arguments. What is remembered of earlier calls is this process's own. stdout has the same records
/// as the filter's log.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate serve authzen acme.json --trust trust.yaml
  curl -s http://127.0.0.1:8181/access/v1/evaluation -H 'content-type: application/json' -d '{
    \"subject\": { \"type\": \"user\", \"id\": \"alice\", \"properties\": { \"roles\": [\"rep\"] } },
    \"action\": { \"name\": \"crm/get_contact\" }, \"resource\": { \"type\": \"tool\", \"id\": \"crm/get_contact\" },
    \"context\": { \"agent\": \"support-bot\", \"arguments\": { \"account\": \"acme\", \"contact_id\": \"c-1\" } } }'")]
pub(super) struct Arguments {
    #[command(flatten)]
    bundle: BundleArgument,
    #[command(flatten)]
    environment: EnvironmentArgument,
    #[command(flatten)]
    trust: TrustArgument,
    #[command(flatten)]
    listen: Listen,
    /// The URL by which others know this service; default `http://` and the address
    #[arg(long, value_name = "URL")]
    name: Option<String>,
    /// The token, by its name in the bundle, whose claims a subject's properties are; needed if the
    /// bundle reads several
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
}

/// The most bytes of a body, several questions included.
const LARGEST_BODY: usize = 1024 * 1024;

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Stop> {
    let environment = arguments.environment.environment.as_ref();
    let opened = directory::open_to_load(&arguments.bundle.bundle, environment)?;
    let warnings = lint::before_use(&opened)?;
    arguments.trust.demand(&opened.document)?;
    opened.announce(&warnings);
    let environment = opened.document.environment_name();
    let pdp = Pdp::new(opened.loaded.bundle, environment, arguments.token.as_deref())?;
    let listen = arguments.listen;
    let name = arguments.name.clone().unwrap_or_else(|| format!("http://{}", listen.address()));
    let routes = Routes { pdp, name: name.trim_end_matches('/').to_owned(), listen };
    listen.warn();
    http::serve(listen, LARGEST_BODY, routes, |address| {
        report::talk(&format!("AuthZEN on http://{address}/access/v1/evaluation\n"));
        Ok(())
    })?;
    Ok(Exit::Success)
}

struct Routes {
    pdp: Pdp,
    name: String,
    listen: Listen,
}

/// The header that answers repeat.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Service for Routes {
    async fn answer(&self, request: Request) -> Response {
        let answer = self.route(&request);
        match only(request.headers(), &REQUEST_ID) {
            Some(id) => with_header(answer, "x-request-id", id),
            None => answer,
        }
    }
}

impl Routes {
    fn route(&self, request: &Request) -> Response {
        let path = request.uri().path();
        if path == "/healthz" {
            return http::json(200, &json!({ "status": "ok" }));
        }
        let authority = self.name.split_once("://").map_or("", |(_, authority)| authority);
        // What reaches only this machine is not for pages that a browser on it shows.
        if self.listen.is_loopback() && !is_for(request.headers(), self.listen, authority) {
            return http::problem(421, "this service does not know the host that was asked for");
        }
        match (request.method(), path) {
            (&Method::POST, "/access/v1/evaluation") => self.evaluation(request),
            (&Method::POST, "/access/v1/evaluations") => self.evaluations(request),
            (&Method::GET, "/.well-known/authzen-configuration") => {
                let name = &self.name;
                http::json(
                    200,
                    &json!({
                        "policy_decision_point": name,
                        "access_evaluation_endpoint": format!("{name}/access/v1/evaluation"),
                        "access_evaluations_endpoint": format!("{name}/access/v1/evaluations"),
                    }),
                )
            }
            (_, "/access/v1/evaluation" | "/access/v1/evaluations") => {
                with_header(http::problem(405, "questions are posted"), "allow", "POST")
            }
            _ => http::problem(404, "there is no such endpoint"),
        }
    }

    fn evaluation(&self, request: &Request) -> Response {
        match http::json_body(request) {
            Ok(question) => match self.pdp.decide(&question) {
                Ok(answer) => http::json(200, &answer),
                Err(malformed) => http::problem(400, &malformed),
            },
            Err(refused) => refused.answer(),
        }
    }

    fn evaluations(&self, request: &Request) -> Response {
        match http::json_body::<Questions>(request) {
            Ok(asked) => match asked.decide(|question| self.pdp.decide(question)) {
                Ok(answer) => http::json(200, &answer),
                Err(malformed) => http::problem(400, &malformed),
            },
            Err(refused) => refused.answer(),
        }
    }
}
