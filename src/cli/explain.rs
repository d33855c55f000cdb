//! `toolgate explain`: explains the decision about a call, or the list of tools that a caller sees.

mod account;
mod arguments;
mod human;
mod identity;
mod json;
mod listed;
mod nearest;
mod parties;
mod past;
mod recorded;
mod remembered;
mod select;
mod subject;
mod value;

use crate::bundle::EnvironmentName;
use crate::cli::input::directory;
use crate::cli::log::Recorded;
use crate::cli::output::exit::{Exit, Stop};
use crate::cli::output::report::{self, Format, Problem};
use crate::gate::Gate;
use crate::reason::Decision;

use account::Explanation;
pub(super) use arguments::Arguments;
use past::Past;

pub(super) fn run(arguments: &Arguments, format: Format) -> Result<Exit, Stop> {
    let recorded = arguments.call.record.as_deref();
    past::check(recorded, &arguments.after)?;
    let recorded = recorded.map(|path| recorded::read(arguments, path)).transpose()?;
    let name = environment(arguments, recorded.as_ref())?;
    let opened = directory::open_for(&arguments.bundle.bundle, name.as_ref())?;
    let environment = opened.document.environment_name();
    let gate = Gate::without_servers(opened.loaded.bundle, environment);
    if let Some(server) = &arguments.call.list {
        report::data(&listed::tell(arguments, server, &gate, &opened.map, format)?)?;
        return Ok(Exit::Success);
    }
    let mut subject = select::subject(arguments, &gate, recorded)?;
    let past = Past::of(&gate, &mut subject, &arguments.after)?;
    let explanation = Explanation::of(&gate, subject, &past)?;
    if let (Some(name), Decision::Permit) = (&arguments.call.case, explanation.decision) {
        let case = select::case(arguments, name, &gate)?;
        if let Some(list) = listed::of_case(&case, &gate, &opened.map, format) {
            report::data(&list)?;
            return Ok(Exit::Success);
        }
    }
    report::data(&match format {
        Format::Human => human::tell(&explanation, &gate, &opened.map),
        Format::Json => report::pretty(&json::tell(&explanation, &gate, &opened.map)),
    })?;
    Ok(match explanation.decision {
        Decision::Permit => Exit::Success,
        Decision::Deny | Decision::Silence | Decision::Escalate => Exit::Refused,
    })
}

/// The environment from the command line, or else the one in the record.
fn environment(
    arguments: &Arguments,
    recorded: Option<&Recorded>,
) -> Result<Option<EnvironmentName>, Problem> {
    let asked = arguments.environment.environment.clone();
    let named = recorded.map(|recorded| recorded.environment.as_str());
    match (asked, named.filter(|name| !name.is_empty())) {
        (None, Some(name)) => name.parse().map(Some).map_err(Problem::new),
        (asked, _) => Ok(asked),
    }
}
