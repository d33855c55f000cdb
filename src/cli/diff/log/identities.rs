//! Who made a recorded call.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::Stop;
use crate::cli::cases::Identity;
use crate::cli::explain::Identities as File;
use crate::cli::recorded::{self, Recorded};
use crate::identity::{self, IdentityMapping};

/// Identities that were given beside the log.
#[derive(Debug)]
pub(super) struct Identities(Vec<Identity>);

/// The same by whom they are, as a bundle sees them.
#[derive(Debug)]
pub(super) struct ByName(BTreeMap<String, Vec<Identity>>);

impl Identities {
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Stop> {
        let mut all = Vec::new();
        for path in paths {
            all.extend(File::read(path)?.into_all());
        }
        Ok(Self(all))
    }

    pub(super) fn by_name(self, mapping: &IdentityMapping) -> ByName {
        let mut found: BTreeMap<String, Vec<Identity>> = BTreeMap::new();
        for given in self.0 {
            let Ok(identity) = identity::identify(mapping, &given.attested()) else { continue };
            let same = found.entry(recorded::who(&identity)).or_default();
            if !same.contains(&given) {
                same.push(given);
            }
        }
        ByName(found)
    }
}

impl ByName {
    /// The identity behind a record, or why it is not known.
    pub(super) fn of(&self, recorded: &Recorded) -> Result<Identity, &'static str> {
        let mut identity = match self.0.get(&recorded.who()).map(Vec::as_slice) {
            Some([only]) => only.clone(),
            Some(_) => return Err("several identities fit the record"),
            None => {
                return Err("the record does not hold the roles and attributes of the principal");
            }
        };
        if let Some(txn) = &recorded.txn {
            for claims in identity.tokens.values_mut().filter_map(Value::as_object_mut) {
                claims.insert("txn".to_owned(), json!(txn));
            }
        }
        Ok(identity)
    }
}
