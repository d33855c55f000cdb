//! `toolgate init`: makes a bundle for a tool server.

mod cases;
mod draft;
mod methods;
mod policies;

use std::path::{Path, PathBuf};

use serde_json::json;

use self::draft::Draft;
use super::files;
use crate::cli::offered::{Offer, OfferArguments};
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem};
use crate::tool;

/// Make a bundle for a tool server, to start from
///
/// Takes over the tools from the running server (over Streamable HTTP, in every revision of MCP), or
/// from what it answered to tools/list, and writes a small complete bundle: it checks, its tests pass, and its comments explain it. Nothing that
/// exists is overwritten.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  toolgate init policies/crm --url http://127.0.0.1:9000/mcp
  toolgate init policies/crm --url https://crm.acme.example/mcp --header @token.txt
  toolgate init policies/crm --from answer.json --server crm --path /crm/mcp
  toolgate init policies/shop --from openapi.yaml --skip-unreadable")]
pub(super) struct Arguments {
    /// The directory to make
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    offer: OfferArguments,
    /// Read what the server answered: every page of tools/list as JSON or as an event stream, or an
    /// OpenAPI document; `-` is stdin. Can be given several times
    #[arg(long, value_name = "FILE", required_unless_present = "url")]
    from: Vec<PathBuf>,
    /// The server's name in policies, instead of its own name for itself
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// The path at which clients reach the server through Envoy, instead of the path of the URL
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let directory = &arguments.directory;
    vacant(directory)?;
    let offer = arguments.offer.read(&arguments.from)?;
    let server = server(arguments, &offer)?;
    for line in &offer.differences {
        report::talk(&format!("{line}\n"));
    }
    let draft = Draft::new(directory, &server, &path(arguments)?, &offer)?;
    for why in &draft.left_out {
        report::talk(&format!("left out: {why}\n"));
    }
    for remark in draft.remarks() {
        report::talk(&format!("{remark}\n"));
    }
    let cases = draft.write(directory)?;
    let written: Vec<_> = draft.files().iter().map(|file| directory.join(file)).collect();
    report::data(&match format {
        Format::Human => human(&draft, cases, directory, arguments.offer.url.as_deref()),
        Format::Json => report::pretty(&json!({
            "directory": directory, "server": server, "written": written,
            "tools": draft.tools(), "left_out": draft.left_out, "cases": cases,
        })),
    })?;
    Ok(Exit::Success)
}

/// Nothing is overwritten, and nothing mixed with what is there.
fn vacant(directory: &Path) -> Result<(), Stop> {
    if files::is_vacant(directory) {
        return Ok(());
    }
    let message = format!("`{}` exists already", directory.display());
    let help = "give the name of a new directory; `toolgate inventory` adds a server to a bundle";
    Err(Problem::new(message).with_help(help).into())
}

/// The server's name in policies.
fn server(arguments: &Arguments, offer: &Offer) -> Result<String, Stop> {
    if let Some(name) = &arguments.server {
        if tool::is_tool_name(name) {
            return Ok(name.clone());
        }
        let problem = Problem::new(format!("`{name}` is not a server name"));
        return Err(problem.with_help("use letters, digits, `-`, `_`, `.`").into());
    }
    let given = offer.server.as_deref().map(draft::plain).filter(|name| !name.is_empty());
    Ok(given.unwrap_or_else(|| "tools".to_owned()))
}

/// The path of the channel.
fn path(arguments: &Arguments) -> Result<String, Problem> {
    let of_url = || {
        let (_, rest) = arguments.offer.url.as_deref()?.split_once("://")?;
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        Some(rest.find('/').map_or("/", |start| rest.get(start..).unwrap_or("/")).to_owned())
    };
    let path = arguments.path.clone().or_else(of_url).unwrap_or_else(|| "/mcp".to_owned());
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\{}`?#".contains(&byte);
    if path.starts_with('/') && path.bytes().all(plain) {
        return Ok(path);
    }
    Err(Problem::new(format!("`{path}` is no path")).with_help("such as `--path /mcp`"))
}

fn human(draft: &Draft, cases: usize, directory: &Path, url: Option<&str>) -> String {
    let files = draft.files().join(", ");
    let shown = directory.display();
    let (tools, cases) = (draft.tools().len(), report::counted(cases, "case"));
    let upstream = url.and_then(|url| url.split(['?', '#']).next()).unwrap_or("HOST:PORT");
    format!(
        "{shown}: {} of the server `{}`, {cases} that pass: {files}\n\n\
         next: read {shown}/bundle.yaml and {shown}/org/tools.cedar, then\n  \
         toolgate check {shown}\n  toolgate test {shown}\n  \
         toolgate emit ecds {shown} --wasm /etc/toolgate/toolgate.wasm --output /etc/toolgate/ecds/toolgate.json\n  \
         toolgate emit envoy {shown} --upstream {upstream} --issuer https://ISSUER --audience https://AUDIENCE --jwks FILE\n\
         paths in what `emit` writes are those of the host that runs Envoy, from `/`\n",
        report::counted(tools, "tool"),
        draft.server(),
    )
}
