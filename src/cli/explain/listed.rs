//! Explains which tools of a server a caller sees in its list, and why not the others.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::identity::Identities;
use super::select::Chosen;
use crate::cli::input::cases::{Call, Called, Sent};
use crate::cli::input::directory::SourceMap;
use crate::cli::output::exit::Stop;
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::{self, Format, Problem, Tone, tinted};
use crate::decide::{self, Denial};
use crate::gate::{Caller, Gate};
use crate::identity::identify;
use crate::tool::Tool;

/// The list of a server for the caller that the arguments name.
pub(super) fn tell(
    arguments: &Arguments,
    server: &str,
    gate: &Gate,
    map: &SourceMap,
    format: Format,
) -> Result<String, Stop> {
    let tools: Vec<&Tool> = gate.bundle.tools().filter(|tool| tool.server() == server).collect();
    if tools.is_empty() {
        let problem = Problem::new(format!("the bundle has no server `{server}`"));
        let near = fuzzy_match::did_you_mean(server, gate.bundle.tools().map(Tool::server));
        return Err(Problem { help: near, ..problem }.into());
    }
    let listed = listed(arguments, gate, &tools)?;
    Ok(told(server, &listed, gate, map, format))
}

/// The list that a case is about; none if it is about something else, or its caller is not known.
pub(super) fn of_case(
    case: &Chosen,
    gate: &Gate,
    map: &SourceMap,
    format: Format,
) -> Option<String> {
    let facts = case.request.0.facts(&gate.environment);
    let channel = gate.bundle.channel(&facts.authority, &facts.path).filter(|_| case.is_list)?;
    let identity = identify(&gate.bundle.identity, &case.identity.as_ref()?.attested()).ok()?;
    let caller = Arc::new(Caller::new(&gate.bundle, &identity)?);
    let tools = gate.bundle.tools().filter(|tool| *tool.server() == *channel.server);
    let hidden = |tool| decide::list(&gate.bundle, &identity, &caller, tool, &facts).outcome.err();
    let listed: Vec<_> = tools.map(|tool| (tool, hidden(tool))).collect();
    Some(told(&channel.server, &listed, gate, map, format))
}

fn told(
    server: &str,
    listed: &[Listed<'_>],
    gate: &Gate,
    map: &SourceMap,
    format: Format,
) -> String {
    match format {
        Format::Human => human(listed, gate, map),
        Format::Json => report::pretty(&json!({
            "bundle": gate.bundle.id,
            "server": server,
            "tools": listed.iter().map(|(tool, hidden)| account(tool, hidden.as_ref())).collect::<Vec<_>>(),
        })),
    }
}

type Listed<'a> = (&'a Tool, Option<Denial>);

/// The tools, and why a caller does not see them.
fn listed<'a>(
    arguments: &Arguments,
    gate: &Gate,
    tools: &[&'a Tool],
) -> Result<Vec<Listed<'a>>, Stop> {
    // clap requires it.
    let path =
        arguments.identity.as_deref().ok_or_else(|| Problem::new("there is no --identity"))?;
    let chosen = Identities::read(path)?.choose(arguments.identity_name.as_deref(), |_| true)?;
    let identity = identify(&gate.bundle.identity, &chosen.attested())
        .map_err(|error| Problem::new(format!("the gate refuses this caller: {error}")))?;
    let caller = Caller::new(&gate.bundle, &identity);
    let caller = Arc::new(caller.ok_or_else(|| Problem::new("the caller cannot be an entity"))?);
    let hidden = |tool: &'a Tool| {
        let channel = gate.bundle.channels_to(tool.server()).next();
        let call = Call {
            path: channel.map(|channel| channel.path.clone()).unwrap_or_default(),
            authority: Call::AUTHORITY.to_owned(),
            called: Called::Tool(tool.wire_name().to_owned()),
            arguments: None,
        };
        let sent = Sent { call: Some(&call), request: None, time: None, source_ip: None };
        let (arrival, _) = sent.arrival(Some(&chosen));
        let facts = arrival.facts(&gate.environment);
        let listing = decide::list(&gate.bundle, &identity, &caller, tool, &facts);
        (tool, listing.outcome.err())
    };
    Ok(tools.iter().copied().map(hidden).collect())
}

fn human(listed: &[Listed<'_>], gate: &Gate, map: &SourceMap) -> String {
    let mut text = String::new();
    let width = listed.iter().map(|(tool, _)| tool.name().len()).max().unwrap_or_default();
    for (tool, hidden) in listed {
        let name = tool.name();
        let Some(denial) = hidden else {
            let _ = writeln!(text, "{}   {name}", tinted(Tone::Good, "shown"));
            continue;
        };
        let mut why = denial.reason.as_str().to_owned();
        for id in &denial.policies {
            let _ = write!(why, "  {id}");
            let place = denial.layer.as_ref().and_then(|layer| map.policy(layer, id));
            if let Some(place) = place {
                let _ = write!(why, " ({place})");
            }
        }
        if let Some(layer) = denial.layer.as_ref().filter(|_| denial.policies.is_empty()) {
            let _ = write!(why, "  in the layer {layer}");
        }
        let _ = writeln!(text, "{}  {name:width$}  {why}", tinted(Tone::Bad, "hidden"));
    }
    let _ = writeln!(text, "{}", gate.bundle.id);
    text
}

fn account(tool: &Tool, hidden: Option<&Denial>) -> Value {
    json!({
        "tool": tool.name(),
        "shown": hidden.is_none(),
        "reason": hidden.map(|denial| denial.reason),
        "policies": hidden.map(|denial| &denial.policies),
        "layer": hidden.and_then(|denial| denial.layer.as_ref()),
    })
}
