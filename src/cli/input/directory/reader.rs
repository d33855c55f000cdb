//! Reads all files of a bundle directory into one document.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cedar_policy::SchemaFragment;

use super::layout::{MANIFEST, SCHEMA, TOOLS, is_inside, is_named};
use super::opened::{Opened, in_order};
use super::source_map::SourceMap;
use super::tools::{self, ToolsFile};
use super::{advice, elsewhere, label_paths};
use crate::bundle::{
    self, BundleId, Code, Document, EnvironmentName, Finding, Format, Manifest, ServerNotes,
    Severity, Site,
};
use crate::cli::files::{self, FileError};
use crate::cli::input::cedar_file;
use crate::cli::input::yaml::{self, KeySpans};
use crate::cli::output::report::Problem;
use crate::cli::output::source::SourceFile;
use crate::json::Shared;
use crate::tool::ToolDescription;

/// Reads a directory with the overlay of an environment, and loads the document.
pub(super) fn open_directory(
    directory: &Path,
    environment: Option<&EnvironmentName>,
) -> Result<Opened, Vec<Problem>> {
    let mut reader = Reader {
        directory,
        environment,
        map: SourceMap::default(),
        problems: Vec::new(),
        unread: Unread::default(),
    };
    let document = reader.document();
    let Reader { map, mut problems, unread, .. } = reader;
    let Some(document) = document else { return Err(in_order(problems)) };
    let complete = !problems.iter().any(Problem::is_error);
    match bundle::load(&document) {
        Ok(mut loaded) => {
            let document = Document { resolved: Some(loaded.resolved.clone()), ..document };
            let BundleId { name, version, .. } = &*loaded.bundle.id;
            loaded.bundle.id = Shared::new(BundleId::new(name, *version, document.digest()));
            problems.extend(
                loaded
                    .warnings
                    .iter()
                    .map(|finding| map.locate(&advice::given(finding, &document))),
            );
            let problems = in_order(problems);
            if complete {
                Ok(Opened { document, loaded, map, warnings: problems })
            } else {
                Err(problems)
            }
        }
        Err(findings) => {
            let broken = findings.iter().filter(|finding| finding.is_error());
            let broken = broken.map(|finding| &finding.site).collect();
            let news = findings.iter().filter(|finding| unread.is_news(finding, &broken));
            problems.extend(news.map(|finding| {
                let finding = locking(directory, &map, advice::given(finding, &document));
                map.locate(&finding)
            }));
            Err(in_order(problems))
        }
    }
}

/// The finding with the command that lists the classes of a tool.
fn locking(directory: &Path, map: &SourceMap, finding: Finding) -> Finding {
    if finding.code == Code::ToolClasses
        && let Site::Tool { server, .. } = &finding.site
        && let Some((file, _)) = map.tools.get(server)
    {
        let help = format!("{}: `{}`", tools::LOCK, pinning(directory, server, file));
        return finding.with_help(help);
    }
    finding
}

/// The command that pins the tools of a server as they are in a file, and lists their classes.
fn pinning(directory: &Path, server: &str, file: &SourceFile) -> String {
    format!("toolgate inventory {} --server {server} {}", directory.display(), file.name)
}

/// Parts that could not be read and are already reported.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(super) schema: bool,
    pub(super) policies: bool,
    pub(super) servers: Vec<String>,
}

impl Unread {
    /// Whether a finding is more than the consequence of another one. `broken` are the sites with
    /// errors.
    fn is_news(&self, finding: &Finding, broken: &HashSet<&Site>) -> bool {
        match &finding.site {
            Site::Schema => !self.schema,
            Site::Manifest(key) if key == "layers" => !self.policies,
            Site::Manifest(key) => {
                !self.servers.iter().any(|server| *key == format!("servers.{server}"))
            }
            // Without the tools of a server, every policy about them seems wrong.
            Site::Policy { .. } if !self.servers.is_empty() => false,
            // Cedar's warnings about a policy with an error follow from the error.
            Site::Policy { .. } if finding.code.severity() != Severity::Error => {
                !broken.contains(&finding.site)
            }
            Site::Policy { .. } | Site::Layer(_) | Site::Entity(_) | Site::Tool { .. } => true,
        }
    }
}

/// A directory while it is read, with all problems so far.
pub(super) struct Reader<'a> {
    pub(super) directory: &'a Path,
    pub(super) environment: Option<&'a EnvironmentName>,
    pub(super) map: SourceMap,
    pub(super) problems: Vec<Problem>,
    pub(super) unread: Unread,
}

impl Reader<'_> {
    /// The document, if there is a manifest.
    fn document(&mut self) -> Option<Document> {
        let entries = match files::list(self.directory) {
            Ok(entries) => entries,
            Err(error) => {
                let help = "a bundle is a directory with a `bundle.yaml`";
                let problem = Problem::new(error.to_string()).with_code(Code::Unreadable);
                self.problems.push(problem.with_help(help));
                return None;
            }
        };
        if !entries.iter().any(|entry| entry.name == MANIFEST) {
            // Without a manifest, the other files do not belong to a bundle.
            let problem = elsewhere::missing(self.directory, &entries);
            self.problems.push(problem.with_code(Code::Unreadable));
            return None;
        }
        let overlay = self.overlay(&entries);
        let entities = self.entities(&entries, &overlay);
        let manifest = self.manifest().map(|mut manifest| {
            overlay.apply(&mut manifest);
            manifest
        });
        let schema = self.schema();
        let layers = self.layers(&entries);
        let tools = match &manifest {
            Some(manifest) => self.tools(manifest),
            None => self.read_all_tools(),
        };
        self.strays(&entries, manifest.as_ref());
        Some(Document {
            format: Format::V1,
            environment: self.environment.cloned(),
            manifest: manifest?,
            schema: schema?,
            layers,
            entities: entities?,
            resolved: None,
            tools,
            signatures: Vec::new(),
        })
    }

    fn manifest(&mut self) -> Option<Manifest> {
        let file = self.file(MANIFEST)?;
        self.map.manifest = Some((Arc::clone(&file), KeySpans::of(&file)));
        self.keep(yaml::read(&file))
    }

    fn schema(&mut self) -> Option<String> {
        let file = self.file(SCHEMA)?;
        self.map.schema = Some(Arc::clone(&file));
        // Parsed alone first: with the generated part behind it, a token missing at its end would
        // be reported there.
        if let Err(error) = SchemaFragment::from_cedarschema_str(&file.text) {
            self.unread.schema = true;
            self.problems.push(cedar_file::syntax(&file, &error).with_code(Code::Schema));
        }
        Some(file.text.clone())
    }

    fn tools(&mut self, manifest: &Manifest) -> BTreeMap<String, Vec<ToolDescription>> {
        let mut all = BTreeMap::new();
        for (server, notes) in &manifest.servers {
            match self.tools_of(server, notes) {
                Ok((file, read)) => {
                    all.insert(server.clone(), read.tools);
                    self.problems.extend(read.warnings);
                    self.map.tools.insert(server.clone(), (file, read.names));
                }
                Err(problems) => {
                    self.unread.servers.push(server.clone());
                    self.problems.extend(problems);
                }
            }
        }
        all
    }

    /// Without a manifest the tools have no server, but errors in their files can still be
    /// reported.
    fn read_all_tools(&mut self) -> BTreeMap<String, Vec<ToolDescription>> {
        for entry in files::list(&self.path(TOOLS)).into_iter().flatten() {
            if is_named(&entry.name, "json")
                && let Some(file) = self.file(&format!("{TOOLS}/{}", entry.name))
            {
                let read = tools::read(&file, &pinning(self.directory, "NAME", &file));
                self.problems.extend(read.err().into_iter().flatten());
            }
        }
        BTreeMap::new()
    }

    fn tools_of(
        &self,
        server: &str,
        notes: &ServerNotes,
    ) -> Result<(Arc<SourceFile>, ToolsFile), Vec<Problem>> {
        let path = notes.tools_from.as_str();
        let here = |message: String| {
            let place = self.map.key(&format!("servers.{server}.tools_from"));
            vec![Problem { place, ..Problem::new(message).with_code(Code::Unreadable) }]
        };
        if !is_inside(path) {
            return Err(here(format!("`{path}` is not inside the bundle")));
        }
        let text = files::read(&self.path(path)).map_err(|error| here(error.to_string()))?;
        let file = self.source(path, text);
        let pinning = pinning(self.directory, server, &file);
        let mut read = tools::read(&file, &pinning)?;
        if !read.is_pinned && !notes.classes.is_empty() {
            let place = self.map.key(&format!("servers.{server}.classes"));
            let message = "patterns of names give no class to tools that are not pinned";
            let problem = Problem::new(message).with_code(Code::ToolClasses);
            let help = format!("review the tools, then pin them: `{pinning}`");
            return Err(vec![Problem { place, ..problem.with_help(help) }]);
        }
        // From here on tools have their names in the bundle.
        let entries = notes.entries();
        for warning in &mut read.warnings {
            let tool = warning.at.take();
            warning.at = tool.map(|tool| format!("{server}/{}", entries.name_of(&tool)));
        }
        let labels = label_paths::check(server, notes, &read.listed);
        read.warnings.extend(labels.iter().map(|finding| self.map.locate(finding)));
        let names = std::mem::take(&mut read.names).into_iter();
        read.names = names.map(|(tool, at)| (entries.name_of(&tool).to_owned(), at)).collect();
        Ok((file, read))
    }

    /// A path in the bundle as the user would write it.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        if self.directory == Path::new(".") {
            PathBuf::from(path)
        } else {
            self.directory.join(path)
        }
    }

    pub(super) fn name(&self, path: &str) -> String {
        self.path(path).display().to_string()
    }

    fn source(&self, path: &str, text: String) -> Arc<SourceFile> {
        Arc::new(SourceFile::new(self.name(path), text))
    }

    pub(super) fn file(&mut self, path: &str) -> Option<Arc<SourceFile>> {
        let read = files::read(&self.path(path));
        let text = self.keep_file(read)?;
        Some(self.source(path, text))
    }

    pub(super) fn keep<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.problems.push(problem)).ok()
    }

    pub(super) fn keep_file<T>(&mut self, read: Result<T, FileError>) -> Option<T> {
        self.keep(read.map_err(|error| Problem::new(error.to_string()).with_code(Code::Unreadable)))
    }
}
