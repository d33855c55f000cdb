//! A line of the decision log → the request that is to be explained.

use std::path::Path;

use serde_json::{Value, json};

use super::Arguments;
use super::asked::Asked;
use super::identity::Identities;
use crate::cli::Stop;
use crate::cli::cases::Identity;
use crate::cli::directory;
use crate::cli::files;
use crate::cli::reads;
use crate::cli::recorded::{self, Recorded, arguments};
use crate::cli::report::Problem;
use crate::config::Gate;
use crate::identity;

/// Makes the request of a recorded call.
pub(super) fn asked(arguments: &Arguments, path: &Path, gate: &Gate) -> Result<Asked, Stop> {
    let log = if path == Path::new("-") { files::read_stdin()? } else { files::read(path)? };
    let recorded = recorded::choose(&log, arguments.id.as_deref())?;
    let mut notes = Vec::new();
    if recorded.bundle.digest != gate.bundle.id.digest.as_str() {
        notes.push(format!(
            "decided by bundle {}@{} {}, explained with {}",
            recorded.bundle.name, recorded.bundle.version, recorded.bundle.digest, gate.bundle.id
        ));
    }
    let environment = recorded.environment.clone();
    if !recorded.is_call() {
        notes.push(
            "this was refused before any policy was asked, and the record does not hold the whole \
             request: the following is what was recorded"
                .to_owned(),
        );
        let recorded = Some(recorded);
        return Ok(Asked { request: None, environment, recorded, may_differ: false, notes });
    }
    let identity = identify(arguments, gate, &recorded, &mut notes)?;
    let given = arguments.complete.as_deref();
    let values = arguments::of(&recorded, given, &mut notes)?;
    let mut may_differ = false;
    if !values.withheld.is_empty() {
        values.fit(&gate.bundle, &recorded)?;
        let consequence = reads::consequence(&gate.bundle, &recorded, &values.withheld);
        may_differ = consequence.may_differ;
        notes.push(consequence.note);
    }
    let call = recorded::call(&recorded, values.value.as_ref())?;
    let request = recorded::arrival(&recorded, &call, &identity)?;
    Ok(Asked { request: Some(request), environment, recorded: Some(recorded), may_differ, notes })
}

/// The identity, which must be the recorded one as far as the record names it.
fn identify(
    arguments: &Arguments,
    gate: &Gate,
    recorded: &Recorded,
    notes: &mut Vec<String>,
) -> Result<Identity, Stop> {
    let fits = |identity: &Identity| {
        identity::identify(&gate.bundle.identity, &identity.attested())
            .is_ok_and(|identity| recorded.is_by(&identity))
    };
    let Some(path) = &arguments.identity else {
        let message = "the record does not hold the roles and attributes of the principal";
        return Err(Problem::new(message).with_help(advice(&arguments.bundle.bundle, fits)).into());
    };
    let mut identity = Identities::read(path)?.choose(arguments.identity_name.as_deref(), fits)?;
    notes.push(format!(
        "roles, attributes and scopes are those in `{}`; the record does not hold them",
        path.display()
    ));
    // The one claim of which the record holds the value.
    if let Some(txn) = &recorded.txn {
        for claims in identity.tokens.values_mut().filter_map(Value::as_object_mut) {
            claims.insert("txn".to_owned(), json!(txn));
        }
    }
    match identity::identify(&gate.bundle.identity, &identity.attested()) {
        Ok(found) if recorded.is_by(&found) => Ok(identity),
        Ok(found) => {
            let is = recorded::who(&found);
            let message =
                format!("the identity is {is}, and the record is about {}", recorded.who());
            Err(Problem::new(message).into())
        }
        Err(error) => {
            Err(Problem::new(format!("the identity does not fit the bundle: {error}")).into())
        }
    }
}

/// Which identities of the bundle's tests could be meant. They are not taken unasked: the same
/// person may have other roles there.
fn advice(bundle: &Path, fits: impl Fn(&Identity) -> bool) -> String {
    let fitting = directory::tests(bundle).into_iter().flatten().find_map(|path| {
        let identities = Identities::read(&path).ok()?;
        let name = (*identities.fitting(&fits).first()?).to_owned();
        Some(format!("--identity {} --as {name}", path.display()))
    });
    match fitting {
        Some(options) => format!("if this test identity has the same: {options}"),
        None => "give them with --identity; `toolgate explain --help` shows the form".to_owned(),
    }
}
