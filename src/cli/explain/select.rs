//! Selects the request to explain from the command line.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::arguments::Arguments;
use super::identity::Identities;
use super::recorded;
use super::subject::Subject;
use crate::cli::files;
use crate::cli::input::cases::{Call, Called, Identity, Preceding, RawRequest, Sent, Suite, time};
use crate::cli::input::{directory, yaml};
use crate::cli::log::Recorded;
use crate::cli::output::exit::Stop;
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};
use crate::exchange::Arrival;
use crate::gate::Gate;

/// Finds or builds the request that the arguments select.
pub(super) fn subject(
    arguments: &Arguments,
    gate: &Gate,
    recorded: Option<Recorded>,
) -> Result<Subject, Stop> {
    let call = &arguments.call;
    let (request, earlier) = match (&call.case, recorded, &call.request) {
        (Some(name), _, _) => {
            let chosen = case(arguments, name, gate)?;
            (chosen.request, chosen.earlier)
        }
        (None, Some(recorded), _) => return recorded::subject(arguments, recorded, gate),
        (None, None, Some(path)) => (request(arguments, path, gate)?, Vec::new()),
        // clap requires one of them.
        (None, None, None) => return Err(Problem::new("there is no call to explain").into()),
    };
    Ok(Subject {
        request: Some(request),
        earlier,
        recorded: None,
        withholds: false,
        may_differ: false,
        notes: Vec::new(),
    })
}

/// The method of a list of tools.
const LIST: &str = "tools/list";

/// A request with its body.
type Request = (Arrival, Vec<u8>);

/// A case of the test files.
pub(super) struct Chosen {
    pub(super) identity: Option<Identity>,
    /// Whether it is about a list of tools.
    pub(super) is_list: bool,
    pub(super) request: Request,
    /// The requests before it.
    earlier: Vec<Preceding>,
}

/// The case with this name.
pub(super) fn case(arguments: &Arguments, name: &str, gate: &Gate) -> Result<Chosen, Stop> {
    let directory = &arguments.bundle.bundle;
    let special = directory::tests_for(directory, arguments.environment.environment.as_ref())?;
    let suite = Suite::read(&directory::tests(directory)?, &special)?;
    let mut found = suite.cases().filter(|(_, case, _)| case.name == name);
    match (found.next(), found.next()) {
        (Some((file, case, _)), None) => {
            let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
            let request = case.arrival(identity, &gate.bundle);
            let asks = |call: &Call| call.called == Called::Method(LIST.to_owned());
            let is_list = case.expect.list.is_some() || case.call.as_ref().is_some_and(asks);
            let earlier = case.earlier(file, &gate.bundle);
            Ok(Chosen { identity: identity.cloned(), is_list, request, earlier })
        }
        (Some((_, _, first)), Some((_, _, second))) => {
            let message = format!("there are two cases with this name, at {first} and at {second}");
            Err(Problem::new(message).into())
        }
        (None, _) => {
            let problem = Problem::new(format!("there is no case `{name}`"));
            let near =
                fuzzy_match::did_you_mean(name, suite.cases().map(|(_, case, _)| &*case.name));
            if let Some(help) = near {
                return Err(problem.with_help(help).into());
            }
            let similar = suite.cases().map(|(_, case, _)| case.name.as_str());
            let similar: Vec<_> = similar.filter(|known| known.contains(name)).take(5).collect();
            let help = match similar.as_slice() {
                [] => "`toolgate test --format json` lists all cases".to_owned(),
                similar => format!("there is `{}`", similar.join("`, `")),
            };
            Err(problem.with_help(help).into())
        }
    }
}

/// A file with a single request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    #[serde(default)]
    call: Option<Call>,
    #[serde(default)]
    request: Option<RawRequest>,
    #[serde(default, deserialize_with = "time")]
    time: Option<DateTime<Utc>>,
    #[serde(default)]
    source_ip: Option<IpAddr>,
}

fn request(arguments: &Arguments, path: &Path, gate: &Gate) -> Result<(Arrival, Vec<u8>), Stop> {
    let file = Arc::new(SourceFile::new(path.display().to_string(), files::read(path)?));
    let written: RequestFile = yaml::read(&file)?;
    let call = written.call.as_ref().map(|call| call.on_the_wire(&gate.bundle));
    let sent = Sent {
        call: call.as_ref(),
        request: written.request.as_ref(),
        time: written.time,
        source_ip: written.source_ip,
    };
    sent.check().map_err(|message| Problem::at(Location::whole(&file), message))?;
    let identity = match &arguments.identity {
        Some(path) => {
            let identities = Identities::read(path)?;
            Some(identities.choose(arguments.identity_name.as_deref(), |_| true)?)
        }
        None => None,
    };
    Ok(sent.arrival(identity.as_ref()))
}
