//! Maps findings to source locations.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::overlay;
use super::tools::Names;
use crate::bundle::{Finding, LayerName, Site};
use crate::cli::input::yaml::KeySpans;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};

/// The locations of the parts of a document.
#[derive(Debug, Default)]
pub struct SourceMap {
    pub(super) manifest: Option<(Arc<SourceFile>, KeySpans)>,
    pub(super) schema: Option<Arc<SourceFile>>,
    pub(super) policies: BTreeMap<LayerName, BTreeMap<String, Location>>,
    /// The overlay that replaces keys of the manifest.
    pub(super) overlay: Option<(Arc<SourceFile>, KeySpans)>,
    pub(super) entities: Vec<Location>,
    pub(super) tools: BTreeMap<String, (Arc<SourceFile>, Names)>,
}

impl SourceMap {
    /// The location of a policy.
    pub fn policy(&self, layer: &LayerName, id: &str) -> Option<&Location> {
        self.policies.get(layer)?.get(id)
    }

    /// The finding as a problem with its location.
    pub(in crate::cli) fn locate(&self, finding: &Finding) -> Problem {
        let place = self.place(finding);
        // The message names the site if the excerpt does not show it.
        let about = match (&place, &finding.site) {
            (Some(_), Site::Policy { id, .. }) => Some(format!("policy `{id}`")),
            (Some(_), Site::Tool { .. }) | (None, _) => Some(finding.site.to_string()),
            (Some(_), Site::Manifest(_) | Site::Schema | Site::Layer(_) | Site::Entity(_)) => None,
        };
        let message = match about {
            Some(about) => format!("{about}: {}", finding.message),
            None => finding.message.clone(),
        };
        let (code, at) = (Some(finding.code), Some(finding.site.subject()));
        Problem { code, message, help: finding.help.clone(), place, at }
    }

    fn place(&self, finding: &Finding) -> Option<Location> {
        match &finding.site {
            Site::Manifest(key) => self.key(key),
            Site::Schema => {
                let file = self.schema.as_ref()?;
                Some(match &finding.span {
                    Some(span) => Location::at(file, span.clone()),
                    None => Location::whole(file),
                })
            }
            Site::Policy { layer, id } => {
                let policy = self.policy(layer, id)?;
                let start = policy.span.as_ref()?.start;
                Some(match &finding.span {
                    Some(span) => {
                        let (from, to) =
                            (start.checked_add(span.start)?, start.checked_add(span.end)?);
                        Location::at(&policy.file, from..to)
                    }
                    None => policy.clone(),
                })
            }
            Site::Layer(_) => None,
            Site::Entity(index) => self.entities.get(*index).cloned(),
            Site::Tool { server, tool } => {
                let (file, names) = self.tools.get(server)?;
                Some(match tool.as_ref().and_then(|tool| names.get(tool)) {
                    Some(span) => Location::at(file, span.clone()),
                    None => Location::whole(file),
                })
            }
        }
    }

    /// The location of a manifest key.
    pub(in crate::cli) fn key(&self, key: &str) -> Option<Location> {
        let replaced = overlay::KEYS.into_iter().find(|replaced| {
            key.strip_prefix(replaced).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let over = self
            .overlay
            .as_ref()
            .filter(|(_, places)| replaced.is_some_and(|replaced| places.has(replaced)));
        let (file, places) = over.or(self.manifest.as_ref())?;
        let span = places.find(key)?;
        Some(Location::at(file, span))
    }
}
