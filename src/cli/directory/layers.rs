//! The directories with policies: `org`, and one per tenant, team and agent that has a layer.

use std::collections::BTreeMap;

use super::{Reader, is_named};
use crate::bundle::{Code, LayerName, PolicySource};
use crate::cli::files::{self, Entry};
use crate::cli::policies::LayerSource;
use crate::cli::report::Problem;

/// The directory of the layer for everybody.
const ORG: &str = "org";
/// Directories with a directory for each layer of the kind.
const KINDS: [&str; 3] = ["tenant", "team", "agent"];
const WHERE: &str = "policies are in `org/*.cedar`, `tenant/<name>/*.cedar`, `team/<name>/*.cedar` \
                     and `agent/<name>/*.cedar`";

/// The policies of every layer.
pub(super) type Policies = BTreeMap<LayerName, Vec<PolicySource>>;

/// Whether an entry of the bundle's directory holds layers.
pub(super) fn holds_layers(name: &str) -> bool {
    name == ORG || KINDS.contains(&name)
}

impl Reader<'_> {
    /// Every policy of every layer. A policy that nobody reads would protect nothing, so whatever
    /// else is there is an error.
    pub(super) fn layers(&mut self, entries: &[Entry]) -> Policies {
        let mut all = Policies::new();
        let has = |name: &str| entries.iter().any(|entry| entry.is_dir && entry.name == name);
        if has(ORG) {
            all.insert(LayerName::Org, self.layer(LayerName::Org));
        } else {
            let problem = Problem::new(format!("there is no directory `{}`", self.name(ORG)));
            self.problems.push(problem.with_code(Code::Unreadable).with_help(WHERE));
        }
        for kind in KINDS.into_iter().filter(|kind| has(kind)) {
            let listed = files::list(&self.path(kind));
            for entry in self.keep_file(listed).unwrap_or_default() {
                let path = format!("{kind}/{}", entry.name);
                if !entry.is_dir {
                    self.unread_policy(&path);
                    continue;
                }
                match LayerName::try_from(path) {
                    Ok(name) => {
                        let policies = self.layer(name.clone());
                        all.insert(name, policies);
                    }
                    Err(message) => {
                        let problem = Problem::new(message).with_code(Code::StrayFile);
                        self.problems.push(problem);
                    }
                }
            }
        }
        all
    }

    fn layer(&mut self, name: LayerName) -> Vec<PolicySource> {
        let mut layer = LayerSource::default();
        let directory = name.to_string();
        let listed = files::list(&self.path(&directory));
        for entry in self.keep_file(listed).unwrap_or_default() {
            let path = format!("{directory}/{}", entry.name);
            if entry.is_dir || !is_named(&entry.name, "cedar") {
                self.unread_policy(&path);
            } else if let Some(file) = self.file(&path) {
                layer.add(&file);
            }
        }
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
