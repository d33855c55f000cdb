//! The patterns of a server's resources, as entities.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::{UriPattern, cedar, uri};
use crate::json::Object;

/// The Cedar entity type of patterns of resources.
pub const PATTERN: &str = "ResourcePattern";

/// The argument that names a resource.
const URI: &str = "uri";

/// The patterns of a server's resources, each before those that contain it.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

/// A pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What it matches.
    pub uris: UriPattern,
    /// Its entity.
    pub entity: EntityUid,
    /// The entity, as records have it.
    pub recorded: Arc<str>,
    /// The entities of the patterns that contain it.
    pub parents: Vec<EntityUid>,
}

impl Patterns {
    /// Puts the patterns of a server in order. The error names two of which each matches some URI that
    /// the other one does, while neither contains the other: it would be open which one counts.
    pub fn new(
        server: &str,
        patterns: &BTreeMap<String, UriPattern>,
    ) -> Result<Self, (String, String)> {
        let mut known: Vec<Pattern> = Vec::new();
        let mut names = Vec::new();
        for (name, pattern) in patterns {
            for (other, placed) in &names {
                let contained = pattern.contains(placed) != UriPattern::contains(placed, pattern);
                if pattern.overlaps(placed) && !contained {
                    return Err((String::clone(other), name.clone()));
                }
            }
            names.push((name.clone(), pattern.clone()));
            let id = format!("{server}/{name}");
            let Some(entity) = cedar::entity(PATTERN, &id) else { continue };
            let recorded = format!("{PATTERN}::{id:?}").into();
            known.push(Pattern { uris: pattern.clone(), entity, recorded, parents: Vec::new() });
        }
        let all = known.clone();
        for pattern in &mut known {
            let outer = all.iter().filter(|other| {
                other.entity != pattern.entity && other.uris.contains(&pattern.uris)
            });
            pattern.parents = outer.map(|outer| outer.entity.clone()).collect();
        }
        // Patterns that match one URI are in each other, so that the innermost has the most parents.
        known.sort_by_key(|pattern| std::cmp::Reverse(pattern.parents.len()));
        Ok(Self(known))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every pattern.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// The innermost pattern that the URI in the arguments matches.
    pub fn of(&self, arguments: Option<&Object<'_>>) -> Option<&Pattern> {
        if self.is_empty() {
            return None;
        }
        let text = arguments?.get(URI)?.as_str().filter(|text| uri::ambiguity(text).is_none())?;
        self.iter().find(|pattern| pattern.uris.matches(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn patterns(named: &[(&str, &str)]) -> Result<Patterns, (String, String)> {
        let pattern = |text: &str| UriPattern::try_from(text.to_owned()).unwrap();
        let named = named.iter().map(|(name, text)| ((*name).to_owned(), pattern(text)));
        Patterns::new("crm", &named.collect())
    }

    #[test]
    fn the_innermost_pattern_counts_and_is_in_the_others() {
        let patterns = patterns(&[
            ("all", "crm://contacts/*"),
            ("mine", "crm://contacts/c-1/notes/*"),
            ("one", "crm://contacts/c-1/*"),
            ("other", "crm://files/*"),
        ])
        .unwrap();
        for (uri, expected, parents) in [
            ("crm://contacts/c-1/notes/7", Some("ResourcePattern::\"crm/mine\""), 2),
            ("crm://contacts/c-1/x", Some("ResourcePattern::\"crm/one\""), 1),
            ("crm://contacts/c-2", Some("ResourcePattern::\"crm/all\""), 0),
            ("crm://files/", Some("ResourcePattern::\"crm/other\""), 0),
            ("crm://none/", None, 0),
            ("crm://contacts/../files/a", None, 0),
        ] {
            let text = format!(r#"{{"uri":"{uri}"}}"#);
            let value = json::read(text.as_bytes(), 3).unwrap();
            let found = patterns.of(value.as_object());
            assert_eq!(found.map(|pattern| &*pattern.recorded), expected, "{uri}");
            assert_eq!(found.map_or(0, |pattern| pattern.parents.len()), parents, "{uri}");
        }
    }

    #[test]
    fn patterns_that_cross_are_refused() {
        for (one, other) in
            [("a://h/*x", "a://h/y*"), ("a://h/*", "a://h/**"), ("a://h/b", "a://h/b")]
        {
            let found = patterns(&[("one", one), ("other", other)]);
            assert_eq!(found.err(), Some(("one".to_owned(), "other".to_owned())), "{one} {other}");
        }
    }
}
