//! `toolgate inventory`: generates the bundle's tools file from a server's tools, and reports
//! changes since the review.

mod changes;
mod moves;
mod reviewed;
mod tell;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::changes::Changes;
use self::moves::Moves;
use self::reviewed::Reviewed;
use super::files;
use crate::bundle::Code;
use crate::cli::offered::{self, Offer, OfferArguments};
use crate::cli::output::escape;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem};

/// Take over what a tool server offers, or say what it changed
///
/// Writes the tools file of a server from the running server (over Streamable HTTP, in every
/// revision of MCP), from its answers to tools/list or from an OpenAPI document, and pins every
/// tool in it. Several answers unite: what a server lists can depend on the client. What people say about tools stands in bundle.yaml and is left alone: for
/// tools that it does not mention, notes are proposed on stdout.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "toolgate inventory [OPTIONS] --server <NAME> [DIR] <FILE|--url <URL>>...",
    after_long_help = "Examples:
  toolgate inventory policies/acme --server crm --url http://127.0.0.1:9000/mcp
  toolgate inventory policies/acme --server crm answer.json
  toolgate inventory policies/acme --server crm page1.json page2.json
  toolgate inventory policies/acme --server shop openapi.yaml --skip upload_image
  toolgate inventory policies/acme --server crm --url https://crm.acme.example/mcp --compare

The result of --compare is in the exit code: 0 if the server still offers what was reviewed, 1 if
anything is different."
)]
pub(super) struct Arguments {
    /// The server's name in bundle.yaml
    #[arg(long, value_name = "NAME")]
    server: String,
    /// Write nothing and say what the server has changed since it was reviewed
    #[arg(long)]
    compare: bool,
    #[command(flatten)]
    offer: OfferArguments,
    /// The bundle's directory, where it is not the current one, and what the server answered: every
    /// page of tools/list as JSON or as an event stream, or an OpenAPI document; `-` is stdin
    #[arg(required_unless_present = "url", value_name = "FILE")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let (directory, files) = match arguments.paths.as_slice() {
        [directory, files @ ..] if files::is_directory(directory) => (directory.clone(), files),
        files => (PathBuf::from("."), files),
    };
    if files.is_empty() && arguments.offer.url.is_none() {
        let problem = Problem::new("there is no file with the server's answer");
        return Err(problem.with_help("`toolgate inventory --help` shows how to get one").into());
    }
    let reviewed = Reviewed::read(&directory, &arguments.server)?;
    let Offer { tools, differences, left_out, .. } = arguments.offer.read(files)?;
    report::talk(&report::human(&warnings(&arguments.server, &tools)));
    for line in differences.into_iter().chain(left_out.iter().map(|why| format!("left out: {why}")))
    {
        report::talk(&format!("{line}\n"));
    }
    if arguments.compare {
        compare(&reviewed, &tools, format)
    } else {
        update(&reviewed, &tools, format)
    }
}

/// Warnings about text in tools that a reviewer could overlook.
fn warnings(server: &str, tools: &[Value]) -> Vec<Problem> {
    let warning = |tool: &Value, what: String| {
        let name = offered::name(tool).unwrap_or_default();
        Problem::new(format!("tool `{server}/{name}`: {what}")).with_code(Code::HiddenText)
    };
    let of = |tool| escape::in_tool(tool).into_iter().map(move |what| warning(tool, what));
    tools.iter().flat_map(of).collect()
}

fn compare(reviewed: &Reviewed, tools: &[Value], format: Format) -> Result<Exit, Stop> {
    let changes = Changes::between(reviewed.pinned()?, tools);
    let moves = moves(reviewed, tools);
    report::talk(&moves.told(reviewed));
    report::data(&match format {
        Format::Human => {
            format!(
                "{}{}: {}\n",
                tell::changes(&changes),
                reviewed.server(),
                tell::summary(&changes, &moves)
            )
        }
        Format::Json => report::pretty(&json!({
            "server": reviewed.server(),
            "same": changes.is_empty(),
            "changes": changes,
            "classes": moves,
        })),
    })?;
    Ok(if changes.is_empty() { Exit::Success } else { Exit::Failure })
}

/// The tools that enter or leave a class with this offer.
fn moves(reviewed: &Reviewed, tools: &[Value]) -> Moves {
    Moves::between(reviewed.classes(), &offered::classes(tools, reviewed.notes()))
}

fn update(reviewed: &Reviewed, tools: &[Value], format: Format) -> Result<Exit, Stop> {
    let changes = Changes::between(reviewed.tools(), tools);
    let moves = moves(reviewed, tools);
    let text = report::pretty(&offered::locked(tools, reviewed.notes()));
    let written = !reviewed.is(&text);
    if written {
        files::replace(reviewed.path(), text.as_bytes())?;
    }
    let proposals = offered::proposals(reviewed.server(), tools, reviewed.notes());
    let gone = reviewed.without_tool(tools);
    let channel = reviewed.missing_channel();
    let (server, file) = (reviewed.server(), reviewed.path().display().to_string());
    if format == Format::Json {
        report::data(&report::pretty(&json!({
            "server": server, "file": file, "written": written, "changes": changes,
            "classes": moves, "proposals": proposals, "notes_without_tool": gone,
            "missing_channel": channel.as_ref().map(|path| json!({ "path": path, "server": server })),
        })))?;
        return Ok(Exit::Success);
    }
    report::talk(&tell::changes(&changes));
    report::talk(&moves.told(reviewed));
    for why in proposals.iter().flat_map(|proposal| &proposal.unusable) {
        report::talk(&format!("does not load: {why}\n"));
    }
    for tool in &gone {
        report::talk(&format!("bundle.yaml still has notes about `{tool}`, which is gone\n"));
    }
    let what = if written { "has been written" } else { "is as it was" };
    let summary = tell::summary(&changes, &moves);
    report::talk(&format!("{server}: {summary}; `{file}` {what}\n"));
    if !proposals.is_empty() || reviewed.is_new() {
        let tools_from = reviewed.is_new().then_some(reviewed.tools_from());
        report::data(&tell::fragment(server, tools_from, channel.as_deref(), &proposals))?;
    }
    Ok(Exit::Success)
}
