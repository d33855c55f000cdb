//! `toolgate inventory`: generates the bundle's tools file from a server's tools, and reports
//! changes since the review.

mod answer;
mod changes;
mod facts;
mod openapi;
mod propose;
mod reviewed;
mod tell;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::changes::Changes;
use self::reviewed::Reviewed;
use super::files;
use crate::bundle::Code;
use crate::cli::output::escape;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem};
use crate::tool;

/// Take over what a tool server offers, or say what it changed
///
/// Writes the tools file of a server from its answer to tools/list or from an OpenAPI document, and
/// pins every tool in it. What people say about tools stands in bundle.yaml and is left alone: for
/// tools that it does not mention, notes are proposed on stdout.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "toolgate inventory [OPTIONS] --server <NAME> [DIR] <FILE>...",
    after_long_help = "Examples:
  toolgate inventory policies/acme --server crm answer.json
  toolgate inventory policies/acme --server crm page1.json page2.json
  toolgate inventory policies/acme --server shop openapi.yaml --skip upload_image
  curl -s https://crm.acme.example/mcp -H 'content-type: application/json' \\
      -H 'accept: application/json, text/event-stream' \\
      -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}' |
    toolgate inventory policies/acme --server crm --compare -

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
    /// Leave a tool out; it cannot be called then. Can be given several times
    #[arg(long, value_name = "TOOL")]
    skip: Vec<String>,
    /// The bundle's directory, where it is not the current one, and what the server answered: every
    /// page of tools/list as JSON or as an event stream, or an OpenAPI document; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let (directory, files) = match arguments.paths.as_slice() {
        [directory, files @ ..] if files::is_directory(directory) => (directory.clone(), files),
        files => (PathBuf::from("."), files),
    };
    if files.is_empty() {
        let problem = Problem::new("there is no file with the server's answer");
        return Err(problem.with_help("`toolgate inventory --help` shows how to get one").into());
    }
    let reviewed = Reviewed::read(&directory, &arguments.server)?;
    let tools = answer::read(files, &arguments.skip)?;
    report::talk(&report::human(&warnings(&arguments.server, &tools)));
    if arguments.compare {
        compare(&reviewed, &tools, format)
    } else {
        update(&reviewed, &tools, format)
    }
}

/// Warnings about text in tools that a reviewer could overlook.
fn warnings(server: &str, tools: &[Value]) -> Vec<Problem> {
    let warning = |tool: &Value, what: String| {
        let name = answer::name(tool).unwrap_or_default();
        Problem::new(format!("tool `{server}/{name}`: {what}")).with_code(Code::HiddenText)
    };
    let of = |tool| escape::in_tool(tool).into_iter().map(move |what| warning(tool, what));
    tools.iter().flat_map(of).collect()
}

fn compare(reviewed: &Reviewed, tools: &[Value], format: Format) -> Result<Exit, Stop> {
    let changes = Changes::between(reviewed.pinned()?, tools);
    report::data(&match format {
        Format::Human => {
            format!(
                "{}{}: {}\n",
                tell::changes(&changes),
                reviewed.server(),
                tell::summary(&changes)
            )
        }
        Format::Json => report::pretty(&json!({
            "server": reviewed.server(),
            "same": changes.is_empty(),
            "changes": changes,
        })),
    })?;
    Ok(if changes.is_empty() { Exit::Success } else { Exit::Failure })
}

fn update(reviewed: &Reviewed, tools: &[Value], format: Format) -> Result<Exit, Stop> {
    let changes = Changes::between(reviewed.tools(), tools);
    let text = report::pretty(&pinned(tools));
    let written = !reviewed.is(&text);
    if written {
        files::replace(reviewed.path(), text.as_bytes())?;
    }
    let proposals = propose::proposals(reviewed.server(), tools, reviewed.notes());
    let gone = reviewed.without_tool(tools);
    let (server, file) = (reviewed.server(), reviewed.path().display().to_string());
    if format == Format::Json {
        report::data(&report::pretty(&json!({
            "server": server, "file": file, "written": written, "changes": changes,
            "proposals": proposals, "notes_without_tool": gone,
        })))?;
        return Ok(Exit::Success);
    }
    report::talk(&tell::changes(&changes));
    for tool in &gone {
        report::talk(&format!("bundle.yaml still has notes about `{tool}`, which is gone\n"));
    }
    let what = if written { "has been written" } else { "is as it was" };
    report::talk(&format!("{server}: {}; `{file}` {what}\n", tell::summary(&changes)));
    if !proposals.is_empty() || reviewed.is_new() {
        let tools_from = reviewed.is_new().then_some(reviewed.tools_from());
        report::data(&tell::fragment(server, tools_from, &proposals))?;
    }
    Ok(Exit::Success)
}

/// The content of a tools file.
fn pinned(tools: &[Value]) -> Value {
    let pins = tools.iter().filter_map(|tool| {
        Some((answer::name(tool)?.to_owned(), Value::from(tool::pin(tool).as_str())))
    });
    json!({ "pins": pins.collect::<Value>(), "tools": tools })
}
