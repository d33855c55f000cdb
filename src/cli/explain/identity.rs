//! A file with one identity or with named identities, such as a test file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::cli::files;
use crate::cli::input::cases::{Identity, uris};
use crate::cli::input::yaml;
use crate::cli::output::exit::Stop;
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use crate::cli::output::source::SourceFile;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    #[serde(default)]
    identities: BTreeMap<String, Identity>,
    #[serde(default)]
    tokens: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "uris")]
    spiffe: Option<Vec<String>>,
    /// Present in test files; ignored.
    #[serde(default)]
    #[expect(dead_code, reason = "read over, so that a test file can be named")]
    cases: Option<IgnoredAny>,
}

/// The identities of a file.
#[derive(Debug)]
pub(super) struct Identities {
    file: String,
    named: BTreeMap<String, Identity>,
    own: Option<Identity>,
}

impl Identities {
    pub(super) fn read(path: &Path) -> Result<Self, Stop> {
        let file = SourceFile::new(path.display().to_string(), files::read(path)?);
        let file = Arc::new(file);
        let written: IdentityFile = yaml::read(&file)?;
        let own = Identity { tokens: written.tokens, spiffe: written.spiffe };
        let own = (!own.tokens.is_empty() || own.spiffe.is_some()).then_some(own);
        Ok(Self { file: file.name.clone(), named: written.identities, own })
    }

    /// The named identity, or else the only one that `fits`.
    pub(super) fn choose(
        &self,
        name: Option<&str>,
        fits: impl Fn(&Identity) -> bool,
    ) -> Result<Identity, Problem> {
        if let Some(name) = name {
            let found = self.named.get(name).cloned();
            return found.ok_or_else(|| {
                let help = fuzzy_match::did_you_mean(name, self.named.keys().map(String::as_str));
                Problem {
                    help,
                    ..Problem::new(format!("`{}` has no identity `{name}`", self.file))
                }
            });
        }
        if let Some(own) = &self.own {
            return Ok(own.clone());
        }
        let fitting: Vec<_> = self.named.iter().filter(|(_, identity)| fits(identity)).collect();
        match fitting.as_slice() {
            [(_, identity)] => Ok((*identity).clone()),
            [] => Err(Problem::new(format!("`{}` has no identity that fits", self.file))),
            many => {
                let names =
                    many.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
                Err(Problem::new(format!("`{}` has several identities that fit", self.file))
                    .with_help(format!("choose one with --as: {names}")))
            }
        }
    }

    /// The names of the matching identities.
    pub(super) fn fitting(&self, fits: impl Fn(&Identity) -> bool) -> Vec<&str> {
        let fitting = self.named.iter().filter(|(_, identity)| fits(identity));
        fitting.map(|(name, _)| name.as_str()).collect()
    }
}
