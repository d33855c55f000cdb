//! Finds the tool or channel that a request to an unknown one probably meant.

use super::trace::is_about_inner;
use crate::bundle::{Bundle, Host};
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::listed;
use crate::reason::Reason;
use crate::record::Record;
use crate::tool::Tool;

/// What exists near the tool or channel of a refused request, if that is why it was refused.
pub(in crate::cli) fn instead(bundle: &Bundle, record: &Record) -> Option<String> {
    if record.reason == Reason::UnknownTool {
        tool(bundle, record)
    } else if record.reason == Reason::UnknownChannel {
        Some(channel(bundle, record))
    } else {
        None
    }
}

fn tool(bundle: &Bundle, record: &Record) -> Option<String> {
    let inner = record.inner.as_ref().filter(|_| is_about_inner(record));
    let tool = inner.map_or(record.tool.as_deref(), |inner| Some(&*inner.tool))?;
    let (server, name) = tool.split_once('/')?;
    if let Some(known) = bundle.named(server, name) {
        let wire_name = known.wire_name();
        return Some(format!("only the bundle names a tool `{tool}`: calls name it `{wire_name}`"));
    }
    if let Some(other) = bundle.tools().find(|tool| names(tool).contains(&name)) {
        let server = other.server();
        let paths = listed(bundle.channels_to(server).map(|channel| &*channel.path));
        let place = if paths.is_empty() { paths } else { format!(", at {paths}") };
        return Some(format!("there is no tool `{tool}`: the server `{server}` has it{place}"));
    }
    let own = || bundle.tools().filter(|tool| tool.server() == server);
    let near = fuzzy_match::nearest(name, own().flat_map(names))?;
    let near = own().find(|tool| names(tool).contains(&near))?;
    let wire = Some(near.wire_name()).filter(|wire| *wire != near.name());
    let wire = wire.map(|wire| format!(", on the wire `{wire}`")).unwrap_or_default();
    Some(format!("there is no tool `{tool}`: did you mean `{}`{wire}?", near.qualified_name()))
}

fn names(tool: &Tool) -> [&str; 2] {
    [tool.name(), tool.wire_name()]
}

fn channel(bundle: &Bundle, record: &Record) -> String {
    let Record { path, authority, .. } = record;
    let paths = || bundle.channels().map(|channel| &*channel.path);
    if paths().any(|known| known == path) {
        let here = bundle.channels().filter(|channel| channel.path == *path);
        let hosts = listed(here.filter_map(|channel| channel.authority.as_ref()).map(Host::as_str));
        return format!(
            "no channel at `{path}` is for the authority `{authority}`: there are {hosts}"
        );
    }
    match fuzzy_match::did_you_mean(path, paths()) {
        Some(near) => format!("there is no channel at `{path}`: {near}"),
        None => format!("there is no channel at `{path}`: there are {}", listed(paths())),
    }
}
