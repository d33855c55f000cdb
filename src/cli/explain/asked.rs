//! Arguments → the request that is to be explained.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Arguments;
use super::identity::Identities;
use super::recorded;
use crate::cli::Stop;
use crate::cli::cases::{Call, RawRequest, Sent, Suite, time};
use crate::cli::directory;
use crate::cli::files;
use crate::cli::recorded::Recorded;
use crate::cli::report::{Place, Problem, SourceFile};
use crate::cli::yaml;
use crate::exchange::Arrival;
use crate::gate::Gate;

/// What is to be explained.
#[derive(Debug)]
pub(super) struct Asked {
    /// The request with its body; `None` when the record does not hold enough to decide it again.
    pub(super) request: Option<(Arrival, Vec<u8>)>,
    /// The record that the request was made from.
    pub(super) recorded: Option<Recorded>,
    /// Whether the decision could be another one with what the record withholds.
    pub(super) may_differ: bool,
    /// What the reader must know about it.
    pub(super) notes: Vec<String>,
}

/// Finds or makes the request that the arguments mean.
pub(super) fn asked(
    arguments: &Arguments,
    gate: &Gate,
    recorded: Option<Recorded>,
) -> Result<Asked, Stop> {
    let call = &arguments.call;
    let request = match (&call.case, recorded, &call.request) {
        (Some(name), _, _) => case(arguments, name)?,
        (None, Some(recorded), _) => return recorded::asked(arguments, recorded, gate),
        (None, None, Some(path)) => request(arguments, path)?,
        // clap asks for one of them.
        (None, None, None) => return Err(Problem::new("there is no call to explain").into()),
    };
    Ok(Asked { request: Some(request), recorded: None, may_differ: false, notes: Vec::new() })
}

fn case(arguments: &Arguments, name: &str) -> Result<(Arrival, Vec<u8>), Stop> {
    let directory = &arguments.bundle.bundle;
    let special = directory::tests_for(directory, arguments.environment.environment.as_ref())?;
    let suite = Suite::read(&directory::tests(directory)?, &special)?;
    let mut found = suite.cases().filter(|(_, case, _)| case.name == name);
    match (found.next(), found.next()) {
        (Some((file, case, _)), None) => {
            let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
            Ok(case.sent().arrival(identity))
        }
        (Some((_, _, first)), Some((_, _, second))) => {
            let message = format!("there are two cases with this name, at {first} and at {second}");
            Err(Problem::new(message).into())
        }
        (None, _) => {
            let problem = Problem::new(format!("there is no case `{name}`"));
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

/// A request in a file of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    call: Option<Call>,
    #[serde(default)]
    request: Option<RawRequest>,
    #[serde(default, deserialize_with = "time")]
    time: Option<DateTime<Utc>>,
    #[serde(default)]
    source_ip: Option<IpAddr>,
}

fn request(arguments: &Arguments, path: &Path) -> Result<(Arrival, Vec<u8>), Stop> {
    let file = Arc::new(SourceFile::new(path.display().to_string(), files::read(path)?));
    let written: Written = yaml::read(&file)?;
    let sent = Sent {
        call: written.call.as_ref(),
        request: written.request.as_ref(),
        time: written.time,
        source_ip: written.source_ip,
    };
    sent.check().map_err(|message| Problem::at(Place::whole(&file), message))?;
    let identity = match &arguments.identity {
        Some(path) => {
            let identities = Identities::read(path)?;
            Some(identities.choose(arguments.identity_name.as_deref(), |_| true)?)
        }
        None => None,
    };
    Ok(sent.arrival(identity.as_ref()))
}
