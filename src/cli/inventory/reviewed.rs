//! A bundle's content for one server: the reviewed tools file and the notes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Value;

use super::super::files;
use crate::bundle::{Code, Manifest, ServerNotes};
use crate::cli::input::directory::{self, tools};
use crate::cli::input::yaml;
use crate::cli::offered::{Classes, name};
use crate::cli::output::exit::Stop;
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use crate::cli::output::source::SourceFile;
use crate::tool::{self, Marks};

/// A server in a bundle.
#[derive(Debug)]
pub(super) struct Reviewed {
    server: String,
    /// The tools file's path as the user would write it.
    path: PathBuf,
    is_new: bool,
    /// Whether calls of its tools arrive, on a channel or inside calls of other tools.
    is_reached: bool,
    notes: ServerNotes,
    file: Option<Arc<SourceFile>>,
    tools: Vec<Value>,
    /// The classes that the file lists.
    classes: Classes,
    /// Why the file differs from the reviewed one.
    problems: Vec<Problem>,
    /// A server of the bundle with a similar name, if this one is new.
    similar: Option<String>,
}

impl Reviewed {
    /// Reads a bundle directory's content for a server, which may be empty.
    pub(super) fn read(directory: &Path, server: &str) -> Result<Self, Stop> {
        let named = directory;
        let directory = if directory == Path::new(".") { Path::new("") } else { directory };
        let Manifest { mut servers, channels, .. } = manifest(directory)?;
        let mut marks = servers.values().flat_map(|notes| notes.tools.values());
        let runs = |marks: &Marks| {
            marks.wraps.as_ref().is_some_and(|it| it.server.as_deref() == Some(server))
        };
        let is_reached = marks.any(runs) || channels.iter().any(|it| &*it.server == server);
        let known = servers.remove(server);
        let is_new = known.is_none();
        if !tool::is_tool_name(server) {
            let help = "use letters, digits, `-`, `_`, `.`";
            return Err(Problem::new(format!("`{server}` is not a server name"))
                .with_help(help)
                .into());
        }
        let tools_from = format!("tools/{server}.json");
        let notes = known.unwrap_or(ServerNotes { tools_from, ..ServerNotes::default() });
        if !directory::is_inside(&notes.tools_from) {
            let message = format!("`{}` is not inside the bundle", notes.tools_from);
            return Err(Problem::new(message).into());
        }
        let path = directory.join(&notes.tools_from);
        let mut reviewed = Self {
            server: server.to_owned(),
            path,
            is_new,
            is_reached,
            notes,
            file: None,
            tools: Vec::new(),
            classes: Classes::new(),
            problems: Vec::new(),
            similar: fuzzy_match::nearest(server, servers.keys().map(String::as_str))
                .map(ToOwned::to_owned),
        };
        reviewed.read_tools(named)?;
        Ok(reviewed)
    }

    fn read_tools(&mut self, directory: &Path) -> Result<(), Stop> {
        let text = match files::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let file = Arc::new(SourceFile::new(self.path.display().to_string(), text));
        let list = tools::parse(&file)?;
        self.tools = tool::listed(&list).cloned().unwrap_or_default();
        let answer = list.get("result").unwrap_or(&list);
        let classes = answer.get("classes").map(Classes::deserialize);
        self.classes = classes.and_then(Result::ok).unwrap_or_default();
        let directory = directory.display();
        let pinning =
            format!("toolgate inventory {directory} --server {} {}", self.server, file.name);
        self.problems = tools::read(&file, &pinning).err().unwrap_or_default();
        self.file = Some(file);
        Ok(())
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path in the bundle.
    pub(super) fn tools_from(&self) -> &str {
        &self.notes.tools_from
    }

    /// Whether the manifest lacks the server.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// The path of a channel for the server, if the manifest lacks one.
    pub(super) fn missing_channel(&self) -> Option<String> {
        (self.is_new && !self.is_reached).then(|| format!("/{}/mcp", self.server))
    }

    /// The authors' notes about the tools.
    pub(super) fn notes(&self) -> &ServerNotes {
        &self.notes
    }

    /// The tools in the file, pinned or not.
    pub(super) fn tools(&self) -> &[Value] {
        &self.tools
    }

    /// The tools as reviewed; an error if the file differs from what was pinned.
    pub(super) fn pinned(&self) -> Result<&[Value], Stop> {
        if !self.problems.is_empty() {
            return Err(self.problems.clone().into());
        }
        if self.file.is_none() {
            let message = format!("there is no `{}` to compare with", self.path.display());
            let similar = self.similar.as_ref().filter(|_| self.is_new);
            let help = similar.map_or_else(
                || "without `--compare` it is written".to_owned(),
                |near| {
                    format!("the bundle has no server `{}`; did you mean `{near}`?", self.server)
                },
            );
            return Err(Problem::new(message).with_help(help).into());
        }
        Ok(&self.tools)
    }

    /// Whether the file already has this content.
    pub(super) fn is(&self, text: &str) -> bool {
        self.file.as_ref().is_some_and(|file| file.text == text)
    }

    /// The classes that the file lists.
    pub(super) fn classes(&self) -> &Classes {
        &self.classes
    }

    /// The tools with notes that the server no longer offers, by their names in the bundle.
    pub(super) fn without_tool(&self, tools: &[Value]) -> Vec<&str> {
        let offered = |wire_name: &str| tools.iter().any(|tool| name(tool) == Some(wire_name));
        let entries = self.notes.entries();
        let gone = entries.names().filter(|(wire_name, _)| !offered(wire_name));
        gone.map(|(_, name)| name).collect()
    }
}

fn manifest(directory: &Path) -> Result<Manifest, Stop> {
    let path = directory.join("bundle.yaml");
    let text = files::read(&path).map_err(|error| {
        let help = "a bundle is a directory with a `bundle.yaml`";
        Problem::new(error.to_string()).with_code(Code::Unreadable).with_help(help)
    })?;
    let file = Arc::new(SourceFile::new(path.display().to_string(), text));
    Ok(yaml::read(&file)?)
}
