//! Reads `entities.yaml` and an environment's additions and replacements.

use std::sync::Arc;

use super::overlay::Overlay;
use super::reader::Reader;
use crate::bundle::EntitySource;
use crate::cli::files::Entry;
use crate::cli::input::yaml::{self, KeySpans};
use crate::cli::output::source::{Location, SourceFile};

impl Reader<'_> {
    /// The static entities; an entity of the overlay replaces the one with its uid.
    pub(super) fn entities(
        &mut self,
        entries: &[Entry],
        overlay: &Overlay,
    ) -> Option<Vec<EntitySource>> {
        let mut all = Vec::new();
        if entries.iter().any(|entry| entry.name == "entities.yaml") {
            let file = self.file("entities.yaml")?;
            let read: Vec<EntitySource> = self.keep(yaml::read(&file))?;
            all = placed(read, &file, &KeySpans::of(&file), "");
        }
        if let Some((file, places)) = &self.map.overlay {
            let over = placed(overlay.entities.clone(), file, places, "entities.");
            all.retain(|(entity, _)| !over.iter().any(|(other, _)| other.uid == entity.uid));
            all.extend(over);
        }
        let (entities, places) = all.into_iter().unzip();
        self.map.entities = places;
        Some(entities)
    }
}

fn placed(
    entities: Vec<EntitySource>,
    file: &Arc<SourceFile>,
    places: &KeySpans,
    before: &str,
) -> Vec<(EntitySource, Location)> {
    let place = |index: usize| match places.find(&format!("{before}{index}.uid")) {
        Some(span) => Location::at(file, span),
        None => Location::whole(file),
    };
    entities.into_iter().enumerate().map(|(index, entity)| (entity, place(index))).collect()
}
