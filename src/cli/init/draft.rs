//! The files of a new bundle.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{cases, methods, policies};
use crate::bundle::{Limits, ServerNotes};
use crate::cli::files;
use crate::cli::offered::{self, Offer, Proposal, scalar};
use crate::cli::output::escape::shown;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::{self, Problem};
use crate::tool::{self, Marks, Surroundings, Tool};

/// A bundle before it is written.
pub(super) struct Draft {
    server: String,
    path: String,
    tools: Vec<Tool>,
    /// File and content.
    texts: Vec<(String, String)>,
    /// Why tools are left out.
    pub(super) left_out: Vec<String>,
}

impl Draft {
    pub(super) fn new(
        directory: &Path,
        server: &str,
        path: &str,
        offer: &Offer,
    ) -> Result<Self, Stop> {
        let (mut taken, mut left_out) = (Taken::default(), offer.left_out.clone());
        let notes = ServerNotes::default();
        let proposals = offered::proposals(server, &offer.tools, &notes);
        for (tool, proposal) in offer.tools.iter().zip(proposals) {
            left_out.extend(taken.take(server, tool, proposal));
        }
        if taken.tools.is_empty() {
            let message = format!("there is no tool to make a bundle of: {}", left_out.join("; "));
            return Err(Problem::new(message.trim_end_matches([':', ' '])).into());
        }
        let tools_from = format!("tools/{server}.json");
        let entries = taken.proposals.iter().map(|proposal| format!("      {}", proposal.yaml()));
        let entries = entries.collect::<Vec<_>>().join("\n");
        let bundle = format!(
            include_str!("bundle.yaml"),
            directory = directory.display(),
            name = scalar(&bundle_name(directory)),
            path = scalar(path),
            server = scalar(server),
            limits = limits(&taken.answers),
            tools_from = scalar(&tools_from),
            tools = entries,
            methods = methods::entries(&offer.methods),
        );
        let mut texts = vec![
            ("bundle.yaml".to_owned(), bundle),
            ("schema.cedarschema".to_owned(), include_str!("schema.cedarschema").to_owned()),
            (tools_from, report::pretty(&offered::locked(&taken.answers, &notes))),
            ("org/tools.cedar".to_owned(), policies::text(server, &taken.tools)),
        ];
        texts.extend(
            methods::policies(server, &offer.methods)
                .map(|text| ("org/methods.cedar".to_owned(), text)),
        );
        let (server, path) = (server.to_owned(), path.to_owned());
        Ok(Self { server, path, tools: taken.tools, texts, left_out })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// The names of the tools in the bundle.
    pub(super) fn tools(&self) -> Vec<&str> {
        self.tools.iter().map(Tool::name).collect()
    }

    /// The tools that have another name in the bundle, and the arguments that policies do not see.
    pub(super) fn remarks(&self) -> Vec<String> {
        let aliases = self.tools.iter().filter(|tool| tool.name() != tool.wire_name());
        let aliases = aliases
            .map(|tool| format!("alias: policies call `{}` `{}`", tool.wire_name(), tool.name()));
        let unread = self.tools.iter().filter(|tool| !tool.marks().opaque.is_empty());
        let unread = unread.map(|tool| {
            let arguments = tool.marks().opaque.iter().map(|argument| format!("`{argument}`"));
            let arguments = arguments.collect::<Vec<_>>().join(", ");
            format!("passed on unread: {arguments} of `{}`", tool.name())
        });
        let unclear = self.tools.iter().filter(|tool| tool.marks().classes.is_empty());
        let unclear =
            unclear.map(|tool| format!("`{}`", tool.name())).collect::<Vec<_>>().join(", ");
        let unclear = (!unclear.is_empty()).then(|| {
            format!("without annotations, so only operators may call them, and each may: {unclear}")
        });
        aliases.chain(unread).chain(unclear).map(|line| shown(&line)).collect()
    }

    /// The files, as paths in the bundle.
    pub(super) fn files(&self) -> Vec<&str> {
        let texts = self.texts.iter().map(|(file, _)| file.as_str());
        texts.chain([cases::FILE]).collect()
    }

    /// Writes the bundle with cases that pass, and returns their number. Everything is written
    /// beside the directory first, so that there is a whole bundle or none.
    pub(super) fn write(&self, directory: &Path) -> Result<usize, Stop> {
        let staged = beside(directory);
        let written = self.write_to(&staged);
        match written {
            Ok(cases) => {
                files::rename(&staged, directory)?;
                Ok(cases)
            }
            Err(stop) => {
                files::remove_directory(&staged);
                Err(stop)
            }
        }
    }

    fn write_to(&self, staged: &Path) -> Result<usize, Stop> {
        for (file, text) in &self.texts {
            files::write_new(&staged.join(file), text)?;
        }
        let names = self.tools.iter().flat_map(|tool| [tool.name(), tool.wire_name()]);
        let unknown = cases::unknown(&names.collect());
        let (text, count) = cases::text(staged, &self.path, &unknown)?;
        files::write_new(&staged.join(cases::FILE), &text)?;
        Ok(count)
    }
}

/// The tools that load.
#[derive(Default)]
struct Taken {
    tools: Vec<Tool>,
    answers: Vec<Value>,
    proposals: Vec<Proposal>,
}

impl Taken {
    /// Takes a tool, or says why not.
    fn take(&mut self, server: &str, answer: &Value, proposal: Proposal) -> Vec<String> {
        if !proposal.unusable.is_empty() {
            return proposal.unusable;
        }
        let descriptions = tool::read_tools(&json!([answer])).unwrap_or_default();
        for description in &descriptions {
            let marks = Marks {
                classes: proposal.classes.iter().map(|class| (*class).to_owned()).collect(),
                redact: proposal.redact.clone(),
                opaque: proposal.opaque.clone(),
                ..Marks::default()
            };
            let name = &proposal.tool;
            let surroundings = Surroundings::default();
            let tool = match Tool::new(server, name, description, marks, &surroundings) {
                Ok(tool) => tool,
                Err(errors) => return errors.iter().map(ToString::to_string).collect(),
            };
            self.tools.push(tool);
        }
        self.answers.push(answer.clone());
        self.proposals.push(proposal);
        Vec::new()
    }
}

/// The plain parts of a text, joined with `-`, as a name of a server or a bundle.
pub(super) fn plain(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let name: String = parts.join("-").chars().take(64).collect();
    name.trim_end_matches('-').to_ascii_lowercase()
}

/// The limits of a bundle whose list of tools is longer than the default admits, else nothing.
fn limits(tools: &[Value]) -> String {
    let (list, usual) = (json!(tools).to_string().len(), Limits::default());
    if list.saturating_mul(5) / 4 <= usual.body_bytes {
        return String::new();
    }
    // The next version of the server has some tools more.
    let bytes = list.saturating_mul(2).next_power_of_two();
    let response = if bytes > usual.response_bytes {
        format!("\n  response_bytes: {bytes}")
    } else {
        String::new()
    };
    format!(include_str!("limits.yaml"), list = list, bytes = bytes, response = response)
}

fn bundle_name(directory: &Path) -> String {
    let name = directory.file_name().map(|name| name.to_string_lossy().replace('_', "-"));
    let name = name.map(|name| plain(&name));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "tools".to_owned())
}

fn beside(directory: &Path) -> PathBuf {
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
    directory.with_file_name(format!(".{}.new", name.unwrap_or_else(|| "bundle".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_grow_with_a_long_list() {
        let tools = |bytes: usize| vec![json!({ "description": "x".repeat(bytes) })];
        assert_eq!(limits(&tools(800_000)), "");
        let raised = limits(&tools(1_000_000));
        assert!(raised.ends_with("\nlimits:\n  body_bytes: 2097152\n"), "{raised}");
        let raised = limits(&tools(3_000_000));
        assert!(raised.ends_with("body_bytes: 8388608\n  response_bytes: 8388608\n"), "{raised}");
    }

    #[test]
    fn names_are_made_of_plain_parts() {
        for (text, server, bundle) in [
            ("Weather & more", "weather-more", "weather-more"),
            ("  Ward's   notes!", "ward-s-notes", "ward-s-notes"),
            ("my_tools__2", "my_tools__2", "my-tools-2"),
            ("天気", "", "tools"),
        ] {
            assert_eq!(plain(text), server);
            assert_eq!(bundle_name(Path::new(text)), bundle);
        }
    }
}
