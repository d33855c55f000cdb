//! Reports files that are not read as part of a bundle. A policy in an unread directory protects
//! nothing, and a tools file without a server has no effect.

use std::path::Path;

use super::layers;
use super::layout::{ENVIRONMENTS, MANIFEST, SCHEMA, TESTS, TOOLS, is_named};
use super::reader::Reader;
use crate::bundle::{Code, Manifest};
use crate::cli::files::{self, Entry};
use crate::cli::output::report::Problem;

/// Entries of a bundle besides policies and tools.
const KNOWN: [&str; 6] = [MANIFEST, SCHEMA, "entities.yaml", TESTS, ENVIRONMENTS, "README.md"];

impl Reader<'_> {
    /// Reports everything in the bundle directory that is not read, as far as the manifest is
    /// known.
    pub(super) fn strays(&mut self, entries: &[Entry], manifest: Option<&Manifest>) {
        let servers = manifest.iter().flat_map(|manifest| manifest.servers.values());
        let from: Vec<&Path> = servers.map(|notes| Path::new(&notes.tools_from)).collect();
        for entry in entries {
            let name = entry.name.as_str();
            if name == TESTS && entry.is_dir {
                self.unread_cases();
            }
            if KNOWN.contains(&name) || layers::holds_layers(name) {
                continue;
            }
            if name == TOOLS || from.iter().any(|path| path.starts_with(name)) {
                // If a tools file is not found, an unread one may be the file that was meant.
                if manifest.is_some() && self.unread.servers.is_empty() {
                    self.unread_tools(name, entry.is_dir, &from);
                }
                continue;
            }
            let message = format!("`{}` is not part of a bundle", self.name(name));
            self.problems.push(Problem::new(message).with_code(Code::StrayFile));
        }
    }

    /// Reports entries beside the test files.
    fn unread_cases(&mut self) {
        let listed = files::list(&self.path(TESTS));
        for entry in self.keep_file(listed).unwrap_or_default() {
            if (is_named(&entry.name, "yaml") && !entry.is_dir) || entry.name == "README.md" {
                continue;
            }
            let message =
                format!("`{}` is not read", self.name(&format!("{TESTS}/{}", entry.name)));
            let help = format!("cases are in files `{TESTS}/<name>.yaml`");
            self.problems.push(Problem::new(message).with_code(Code::StrayFile).with_help(help));
        }
    }

    /// Reports unread entries at or below a path of tools files.
    fn unread_tools(&mut self, path: &str, is_dir: bool, from: &[&Path]) {
        let leads_to_some = |path: &str| from.iter().any(|from| from.starts_with(path));
        if is_dir && (path == TOOLS || leads_to_some(path)) {
            let listed = files::list(&self.path(path));
            for entry in self.keep_file(listed).unwrap_or_default() {
                self.unread_tools(&format!("{path}/{}", entry.name), entry.is_dir, from);
            }
        } else if !from.contains(&Path::new(path)) {
            let message = format!("`{}` is not read", self.name(path));
            let help = format!("a server in `{MANIFEST}` names its tools file as `tools_from`");
            self.problems.push(Problem::new(message).with_code(Code::StrayFile).with_help(help));
        }
    }
}
