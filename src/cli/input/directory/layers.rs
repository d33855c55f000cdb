//! Reads the policy directories: `org`, and one for each tenant, team and agent with a layer.

use std::collections::BTreeMap;

use super::layout::is_named;
use super::reader::Reader;
use crate::bundle::{Code, LayerName, Policies};
use crate::cli::files::{self, Entry};
use crate::cli::input::cedar_file::LayerSource;
use crate::cli::output::report::Problem;

/// The directory of the layer that applies to every call.
const ORG: &str = "org";
/// Directories with a subdirectory for each layer of their kind.
const KINDS: [&str; 3] = ["tenant", "team", "agent"];
const WHERE: &str = "policies are in `org/*.cedar`, `tenant/<name>/*.cedar`, `team/<name>/*.cedar` \
                     and `agent/<name>/*.cedar`";

/// The layers while they are read.
type Sources = BTreeMap<LayerName, LayerSource>;

fn has(entries: &[Entry], name: &str) -> bool {
    entries.iter().any(|entry| entry.is_dir && entry.name == name)
}

/// Whether an entry of the bundle directory contains layers.
pub(super) fn holds_layers(name: &str) -> bool {
    name == ORG || KINDS.contains(&name)
}

impl Reader<'_> {
    /// All policies of all layers. Any other file is an error, since a policy that is not read
    /// protects nothing.
    pub(super) fn layers(&mut self, entries: &[Entry]) -> BTreeMap<LayerName, Policies> {
        if !has(entries, ORG) {
            let problem = Problem::new(format!("there is no directory `{}`", self.name(ORG)));
            self.problems.push(problem.with_code(Code::Unreadable).with_help(WHERE));
        }
        let mut all = BTreeMap::new();
        self.add_layers("", entries, &mut all);
        if let Some((below, entries)) = self.more() {
            self.add_layers(&below, &entries, &mut all);
        }
        all.into_iter().map(|(name, layer)| (name.clone(), self.finish(name, layer))).collect()
    }

    fn add_layers(&mut self, below: &str, entries: &[Entry], all: &mut Sources) {
        if has(entries, ORG) {
            self.add_layer(&format!("{below}{ORG}"), all.entry(LayerName::Org).or_default());
        }
        for kind in KINDS.into_iter().filter(|kind| has(entries, kind)) {
            let listed = files::list(&self.path(&format!("{below}{kind}")));
            for entry in self.keep_file(listed).unwrap_or_default() {
                let layer = format!("{kind}/{}", entry.name);
                let path = format!("{below}{layer}");
                if !entry.is_dir {
                    self.unread_policy(&path);
                    continue;
                }
                match LayerName::try_from(layer) {
                    Ok(name) => self.add_layer(&path, all.entry(name).or_default()),
                    Err(message) => {
                        let problem = Problem::new(message).with_code(Code::StrayFile);
                        self.problems.push(problem);
                    }
                }
            }
        }
    }

    fn add_layer(&mut self, directory: &str, layer: &mut LayerSource) {
        let listed = files::list(&self.path(directory));
        for entry in self.keep_file(listed).unwrap_or_default() {
            let path = format!("{directory}/{}", entry.name);
            if entry.is_dir || !is_named(&entry.name, "cedar") {
                self.unread_policy(&path);
            } else if let Some(file) = self.file(&path) {
                layer.add(&file);
            }
        }
    }

    fn finish(&mut self, name: LayerName, mut layer: LayerSource) -> Policies {
        if !layer.problems.is_empty() {
            self.unread.policies = true;
            self.problems.append(&mut layer.problems);
        }
        self.map.policies.insert(name, layer.places);
        layer.policies
    }

    fn unread_policy(&mut self, path: &str) {
        let message = format!("`{}` is not read", self.name(path));
        let problem = Problem::new(message).with_code(Code::StrayFile);
        self.problems.push(problem.with_help(WHERE));
    }
}
