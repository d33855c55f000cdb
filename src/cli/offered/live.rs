//! Asks a running server for its tools, as clients of every revision of MCP over Streamable HTTP
//! do: what it lists can depend on the revision and on what the client says that it can do.

mod http;
mod session;

use self::http::Endpoint;
use self::session::{CLIENTS, Listed};
use super::capabilities;
use super::captures::Capture;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::mcp::Revision;

/// Every list of tools that a server gives, that of the newest revision first.
pub(super) fn captures(url: &str, headers: &[String]) -> Result<Vec<Capture>, Stop> {
    let endpoint = Endpoint::new(url, headers)?;
    let (mut captures, mut failures) = (Vec::new(), Vec::new());
    for revision in Revision::ALL.into_iter().rev() {
        for client in CLIENTS {
            match session::list(&endpoint, revision, client)? {
                Listed::Tools { tools, server, negotiated, capabilities } => {
                    captures.push(Capture {
                        tools,
                        methods: capabilities::methods(&capabilities),
                        server,
                        origin: format!("{negotiated} {}", client.name),
                    });
                }
                Listed::OtherRevision => {}
                Listed::Nothing(why) => {
                    failures.push(format!("{}: {why}", revision.as_str()));
                    break;
                }
            }
        }
    }
    if captures.is_empty() {
        let message =
            format!("{}: the server lists no tools in any revision of MCP", endpoint.url());
        let path = endpoint.url().split(['?', '#']).next().unwrap_or_default();
        let is_usual = path.trim_end_matches('/').ends_with("/mcp");
        let often = if is_usual { "" } else { " Many servers listen on `/mcp`." };
        let help = format!(
            "{}; is this its path for Streamable HTTP?{often} A server with HTTP and SSE only, as of \
             2024-11-05, cannot be asked: save its answer to tools/list, and give that file \
             instead (`toolgate init DIR --from FILE`)",
            failures.join("; ")
        );
        return Err(Problem::new(message).with_help(help).into());
    }
    Ok(captures)
}
