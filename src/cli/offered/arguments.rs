//! Where the command line says that a server's tools come from.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::answer::{self, Answers};
use super::{captures, live};
use crate::cli::output::exit::Stop;
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use crate::cli::output::source::SourceFile;

/// How a server's tools are read.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OfferArguments {
    /// Ask the running server at this URL, which speaks Streamable HTTP, as clients of every
    /// revision of MCP do
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    /// Send a header to the server, as `Name: value`; `@FILE` sends those in a file, one on each
    /// line. Can be given several times
    #[arg(long, value_name = "HEADER", requires = "url")]
    header: Vec<String>,
    /// Leave a tool out; it cannot be called then. Can be given several times
    #[arg(long, value_name = "TOOL")]
    skip: Vec<String>,
    /// Leave out every tool that cannot be taken over, and say which and why
    #[arg(long)]
    skip_unreadable: bool,
}

/// What a server offers.
#[derive(Debug)]
pub(in crate::cli) struct Offer {
    /// All tools in full, except those that are left out.
    pub(in crate::cli) tools: Vec<Value>,
    /// The server's name for itself.
    pub(in crate::cli) server: Option<String>,
    /// The methods besides `tools/call` that it says it has.
    pub(in crate::cli) methods: BTreeSet<&'static str>,
    /// How the captures of the list differ.
    pub(in crate::cli) differences: Vec<String>,
    /// Why tools are left out.
    pub(in crate::cli) left_out: Vec<String>,
}

impl OfferArguments {
    /// Reads the tools from files and from the server.
    pub(in crate::cli) fn read(&self, files: &[PathBuf]) -> Result<Offer, Stop> {
        let Answers { mut captures, mut left_out, file } =
            answer::read(files, &self.skip, self.skip_unreadable)?;
        let mut place = file;
        if let Some(url) = &self.url {
            captures.extend(live::captures(url, &self.header)?);
            place = place.or_else(|| Some(Arc::new(SourceFile::new(url, ""))));
        }
        let (tools, differences) = captures::united(&captures);
        let methods = captures.iter().flat_map(|capture| capture.methods.iter().copied()).collect();
        let server = captures.into_iter().find_map(|capture| capture.server);
        let (skipped, tools): (Vec<_>, Vec<_>) = tools.into_iter().partition(|tool| {
            captures::name(tool).is_some_and(|name| self.skip.iter().any(|skip| skip == name))
        });
        let skipped = |name: &str| skipped.iter().any(|tool| captures::name(tool) == Some(name));
        let unknown = self.skip.iter().filter(|skip| !skipped(skip));
        let mut problems: Vec<Problem> = unknown
            .map(|skip| {
                let help = fuzzy_match::did_you_mean(skip, tools.iter().filter_map(captures::name));
                Problem { help, ..Problem::new(format!("there is no tool `{skip}` to skip")) }
            })
            .collect();
        let Some(place) = place else {
            return Err(Problem::new(
                "there is neither a file with the server's answer nor `--url`",
            )
            .with_help("`toolgate help` shows how to get one")
            .into());
        };
        match answer::readable(tools.clone(), self.skip_unreadable, &place) {
            Ok((tools, more)) if problems.is_empty() => {
                left_out.extend(more);
                Ok(Offer { tools, server, methods, differences, left_out })
            }
            Ok(_) => Err(problems.into()),
            Err(found) => {
                problems.splice(0..0, found);
                Err(problems.into())
            }
        }
    }
}
