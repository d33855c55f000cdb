//! Opens a bundle for an environment. The directory `environments` contains overlays, and
//! directories with additional policies and cases.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::layout::ENVIRONMENTS;
use super::opened::Opened;
use super::overlay::Overlay;
use super::reader::{Reader, open_directory};
use super::{built, layers};
use crate::bundle::{Code, EnvironmentName};
use crate::cli::files::{self, Entry};
use crate::cli::input::yaml::{self, KeySpans};
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;

const WHERE: &str = "an environment is a file `environments/<name>.yaml`, and a directory \
                     `environments/<name>` with layers of policies and `tests`";

/// Opens a bundle without any overlay, or a built document for its environment.
///
/// # Errors
///
/// All problems of all files, warnings included.
pub fn open(path: &Path) -> Result<Opened, Vec<Problem>> {
    open_for(path, None)
}

/// Reads a bundle directory for an environment, or the document that was built for one, and loads
/// it as the filter would. Without a name, a directory is opened without any overlay and a document
/// for its environment.
///
/// # Errors
///
/// All problems of all files, warnings included.
pub fn open_for(path: &Path, name: Option<&EnvironmentName>) -> Result<Opened, Vec<Problem>> {
    if !files::is_file(path) {
        return open_directory(path, name);
    }
    let opened = built::open(path)?;
    let Some(name) = name.filter(|name| opened.document.environment.as_ref() != Some(*name)) else {
        return Ok(opened);
    };
    let message = match &opened.document.environment {
        Some(other) => format!("`{}` is for the environment `{other}`", path.display()),
        None => format!("`{}` is for no environment", path.display()),
    };
    let help = format!("`toolgate build DIR --environment {name}` builds one that is for it");
    Err(vec![Problem::new(message).with_help(help)])
}

/// Opens a bundle that a filter is to load. If the directory has environments, one must be given,
/// since the bundle without an overlay is none of them.
///
/// # Errors
///
/// All problems of all files, warnings included, or that no environment is given.
pub fn open_to_load(path: &Path, name: Option<&EnvironmentName>) -> Result<Opened, Vec<Problem>> {
    let known = if files::is_file(path) { BTreeSet::new() } else { environments(path) };
    if name.is_some() || known.is_empty() {
        return open_for(path, name);
    }
    let message = format!("`{}` has environments, and none is named", path.display());
    let known: Vec<&str> = known.iter().map(EnvironmentName::as_str).collect();
    let help = format!("add --environment: there is `{}`", known.join("`, `"));
    Err(vec![Problem::new(message).with_help(help)])
}

/// Adds the environment to a problem that occurs only there but is located in a file of the whole
/// bundle.
pub fn named(problem: Problem, name: Option<&EnvironmentName>) -> Problem {
    let Some(name) = name else { return problem };
    let inside = |file: &str| Path::new(file).iter().any(|step| step == ENVIRONMENTS);
    if problem.place.as_ref().is_some_and(|place| inside(&place.file.name)) {
        return problem;
    }
    Problem { message: format!("in the environment `{name}`: {}", problem.message), ..problem }
}

/// The environments of a bundle directory.
pub fn environments(directory: &Path) -> BTreeSet<EnvironmentName> {
    let entries = files::list(&directory.join(ENVIRONMENTS)).unwrap_or_default();
    entries.iter().filter_map(name).collect()
}

/// `production.yaml`, or the directory `production`.
fn name(entry: &Entry) -> Option<EnvironmentName> {
    let name = if entry.is_dir { &entry.name } else { entry.name.strip_suffix(".yaml")? };
    name.parse().ok()
}

impl Reader<'_> {
    /// The overlay of the selected environment. All other entries of the directory are checked too:
    /// an overlay that cannot be selected would have no effect.
    pub(super) fn overlay(&mut self, entries: &[Entry]) -> Overlay {
        if !entries.iter().any(|entry| entry.is_dir && entry.name == ENVIRONMENTS) {
            self.undefined(&BTreeSet::new());
            return Overlay::default();
        }
        let listed = files::list(&self.path(ENVIRONMENTS));
        let mut known = BTreeSet::new();
        for entry in self.keep_file(listed).unwrap_or_default() {
            match name(&entry) {
                Some(name) => known.extend([name]),
                None => self.stray(&format!("{ENVIRONMENTS}/{}", entry.name)),
            }
        }
        if self.undefined(&known) {
            return Overlay::default();
        }
        let Some(name) = self.environment else { return Overlay::default() };
        let path = format!("{ENVIRONMENTS}/{name}.yaml");
        if !files::is_file(&self.path(&path)) {
            return Overlay::default();
        }
        let Some(file) = self.file(&path) else { return Overlay::default() };
        self.map.overlay = Some((Arc::clone(&file), KeySpans::of(&file)));
        self.keep(yaml::read(&file)).unwrap_or_default()
    }

    /// Reports a selected environment that nothing defines: a filter would wait for it in vain.
    fn undefined(&mut self, known: &BTreeSet<EnvironmentName>) -> bool {
        let Some(name) = self.environment.filter(|name| !known.contains(*name)) else {
            return false;
        };
        let known: Vec<&str> = known.iter().map(EnvironmentName::as_str).collect();
        let help = match fuzzy_match::did_you_mean(name.as_str(), known.iter().copied()) {
            Some(help) => help,
            None if known.is_empty() => {
                format!("a file `{ENVIRONMENTS}/{name}.yaml`, which may be empty, defines it")
            }
            None => format!("there is `{}`", known.join("`, `")),
        };
        let problem = Problem::new(format!("there is no environment `{name}`"));
        self.problems.push(problem.with_code(Code::Unreadable).with_help(help));
        true
    }

    /// The directory of the selected environment and its entries.
    pub(super) fn more(&mut self) -> Option<(String, Vec<Entry>)> {
        let below = format!("{ENVIRONMENTS}/{}", self.environment?);
        let entries = files::list(&self.path(&below)).ok()?;
        for entry in &entries {
            let known = layers::holds_layers(&entry.name) || entry.name == "tests";
            if !(entry.is_dir && known) {
                self.stray(&format!("{below}/{}", entry.name));
            }
        }
        Some((format!("{below}/"), entries))
    }

    fn stray(&mut self, path: &str) {
        let message = format!("`{}` is not part of an environment", self.name(path));
        self.problems.push(Problem::new(message).with_code(Code::StrayFile).with_help(WHERE));
    }
}
