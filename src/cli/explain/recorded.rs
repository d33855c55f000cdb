//! Rebuilds the request to explain from a recorded call.

use std::path::Path;

use serde_json::json;

use super::arguments::Arguments;
use super::identity::Identities;
use super::subject::Subject;
use crate::approval::Accepted;
use crate::cli::files;
use crate::cli::input::cases::Identity;
use crate::cli::input::directory;
use crate::cli::log::{self, BundleField, Recorded, arguments, withheld};
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::gate::Gate;
use crate::identity;

/// Reads the selected record.
pub(super) fn read(arguments: &Arguments, path: &Path) -> Result<Recorded, Stop> {
    let log = if path == Path::new("-") { files::read_stdin()? } else { files::read(path)? };
    Ok(log::choose(&log, arguments.id.as_deref())?)
}

/// Rebuilds the request of a recorded call.
pub(super) fn subject(
    arguments: &Arguments,
    recorded: Recorded,
    gate: &Gate,
) -> Result<Subject, Stop> {
    let mut notes = Vec::new();
    match &recorded.bundle {
        Some(_) if recorded.is_of(&gate.bundle.id.digest) => {}
        Some(BundleField { name, version, digest }) => notes.push(format!(
            "decided by bundle {name}@{version} {digest}, explained with {}",
            gate.bundle.id
        )),
        None => notes.push("refused by Envoy, before any bundle was asked".to_owned()),
    }
    if *recorded.environment != *gate.environment {
        let (there, here) = (&recorded.environment, &gate.environment);
        notes.push(format!("decided in the environment `{there}`, explained in `{here}`"));
    }
    if !recorded.is_call() {
        notes.push(
            "this was refused before any policy was asked, and the record does not hold the whole \
             request: the following is what was recorded"
                .to_owned(),
        );
        let recorded = Some(recorded);
        return Ok(Subject {
            request: None,
            earlier: Vec::new(),
            recorded,
            withholds: true,
            may_differ: false,
            notes,
        });
    }
    let (identity, mut may_differ) = identify(arguments, gate, &recorded, &mut notes)?;
    let given = arguments.complete.as_deref();
    let values = arguments::of(&recorded, given, &mut notes)?;
    if !values.withheld.is_empty() {
        values.fit(&gate.bundle, &recorded)?;
        let consequence = withheld::consequence(&gate.bundle, &recorded, &values.withheld);
        may_differ |= consequence.may_differ;
        notes.push(consequence.note);
    }
    let call = log::call(&recorded, values.value.as_ref())?;
    let (approval, is_whole) = approval(&recorded, gate, &mut notes)?;
    may_differ |= !is_whole;
    let request = log::arrival(&recorded, &call, &identity, approval)?;
    let withholds = !values.withheld.is_empty();
    Ok(Subject {
        request: Some(request),
        earlier: Vec::new(),
        recorded: Some(recorded),
        withholds,
        may_differ,
        notes,
    })
}

/// The recorded approval, and whether the record holds all of it.
fn approval(
    recorded: &Recorded,
    gate: &Gate,
    notes: &mut Vec<String>,
) -> Result<(Option<Accepted>, bool), Stop> {
    if recorded.lacks_approval() {
        let note =
            "the record does not hold why the approval was refused: this is decided without it";
        notes.push(note.to_owned());
        return Ok((None, false));
    }
    let Some(restored) = log::approval::restore(recorded, &gate.bundle)? else {
        return Ok((None, true));
    };
    let is_whole = restored.withheld.is_empty();
    if !is_whole {
        let names = restored.withheld.join("`, `");
        notes.push(format!("the record withholds `{names}` of the approver"));
    }
    Ok((Some(restored.accepted), is_whole))
}

/// The recorded identity, unless the user supplied a more complete one.
fn identify(
    arguments: &Arguments,
    gate: &Gate,
    recorded: &Recorded,
    notes: &mut Vec<String>,
) -> Result<(Identity, bool), Stop> {
    if let Some(path) = &arguments.identity {
        return Ok((given(arguments, path, gate, recorded, notes)?, false));
    }
    let fits = |identity: &Identity| fits(identity, gate, recorded);
    let restored = log::identity::restore(recorded, &gate.bundle.identity)
        .map_err(|problem| problem.with_help(advice(&arguments.bundle.bundle, fits)))?;
    let mut may_differ = false;
    let same_bundle = recorded.is_of(&gate.bundle.id.digest);
    let unsaid = if same_bundle { Vec::new() } else { restored.unsaid };
    for (names, why) in [(restored.withheld, "withholds"), (unsaid, "does not hold")] {
        if !names.is_empty() {
            let consequence = withheld::of_attributes(&gate.bundle, &names, why);
            may_differ |= consequence.may_differ;
            notes.push(consequence.note);
        }
    }
    Ok((restored.identity, may_differ))
}

/// The supplied identity, which must have the recorded principal and actors.
fn given(
    arguments: &Arguments,
    path: &Path,
    gate: &Gate,
    recorded: &Recorded,
    notes: &mut Vec<String>,
) -> Result<Identity, Stop> {
    let fits = |identity: &Identity| fits(identity, gate, recorded);
    let mut identity = Identities::read(path)?.choose(arguments.identity_name.as_deref(), fits)?;
    let path = path.display();
    notes.push(format!("roles, attributes and scopes are those in `{path}`"));
    // The transaction belongs to one call, so a supplied identity may lack it.
    let mapping = &gate.bundle.identity;
    for (name, claims) in &mut identity.tokens {
        let capability = (!mapping.token_names().contains(name)).then_some(name.as_str());
        if let (Some(txn), Some(claims)) = (recorded.txn_of(capability), claims.as_object_mut()) {
            claims.insert("txn".to_owned(), json!(txn));
        }
    }
    let found = identity::identify(&gate.bundle.identity, &identity.attested())
        .map_err(|error| Problem::new(format!("the identity does not fit the bundle: {error}")))?;
    if !recorded.is_by(&found) {
        let (is, who) = (log::who(&found), recorded.who());
        let message = format!("the identity is {is}, and the record is about {who}");
        return Err(Problem::new(message).into());
    }
    Ok(identity)
}

fn fits(identity: &Identity, gate: &Gate, recorded: &Recorded) -> bool {
    identity::identify(&gate.bundle.identity, &identity.attested())
        .is_ok_and(|identity| recorded.is_by(&identity))
}

/// Names an identity of the bundle's tests that matches, if there is one. It is not used
/// automatically: the same principal may have other roles there.
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
