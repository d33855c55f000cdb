//! Help for findings about unknown names: the name that was probably meant.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use cedar_policy::EntityUid;

use crate::bundle::{Code, Document, Finding, Site};
use crate::cli::output::fuzzy_match;
use crate::tool::ToolDescription;

/// The finding with help that fits the bundle. Cedar suggests the nearest name at any distance, and
/// does not know servers, tools and classes.
pub(super) fn given(finding: &Finding, document: &Document) -> Finding {
    let code = finding.code;
    let help = if code == Code::UnknownAction {
        action(finding, document)
    } else if code == Code::UnknownType || code == Code::UnknownAttribute {
        suggested(finding)
    } else {
        tool(finding, document).or_else(|| finding.help.clone())
    };
    Finding { help, ..finding.clone() }
}

/// Cedar's suggestion, if it is similar.
fn suggested(finding: &Finding) -> Option<String> {
    let help = finding.help.clone()?;
    let Some((suggestion, _)) = help.strip_prefix("did you mean `").and_then(|s| s.split_once('`'))
    else {
        return Some(help);
    };
    let path = quoted(&finding.message)?;
    let name = path.rsplit('.').next().unwrap_or(path);
    fuzzy_match::nearest(name, [suggestion]).is_some().then_some(help)
}

/// The action of the same kind that was probably meant, or else what does not exist.
fn action(finding: &Finding, document: &Document) -> Option<String> {
    let uid = EntityUid::from_str(quoted(&finding.message)?).ok()?;
    let id: &str = uid.id().unescaped();
    let kind = Kind::of(id);
    let known = actions(document);
    let known = known.iter().map(String::as_str).filter(|known| Kind::of(known) == kind);
    if let Some(near) = fuzzy_match::nearest(id, known) {
        return Some(format!("did you mean `Action::\"{near}\"`?"));
    }
    Some(match id.split_once([':', '/']) {
        Some((_, class)) if kind == Kind::Class => format!("no tool is in the class `{class}`"),
        Some((_, server)) if kind == Kind::Server => format!("there is no server `{server}`"),
        Some((server, tool)) if document.manifest.servers.contains_key(server) => {
            format!("server `{server}` has no tool `{tool}`")
        }
        Some((server, _)) => format!("there is no server `{server}`"),
        None => "actions are `\"<server>/<tool>\"`, `\"server:<server>\"` and `\"class:<class>\"`"
            .to_owned(),
    })
}

/// The kinds of actions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Class,
    Server,
    Tool,
}

impl Kind {
    fn of(id: &str) -> Self {
        if id.starts_with("class:") {
            Self::Class
        } else if id.starts_with("server:") {
            Self::Server
        } else {
            Self::Tool
        }
    }
}

/// The ids of all actions.
fn actions(document: &Document) -> BTreeSet<String> {
    let servers = document.manifest.servers.iter();
    let groups = servers.flat_map(|(server, notes)| {
        let classes = notes.tools.values().flat_map(|marks| &marks.classes);
        classes.map(|class| format!("class:{class}")).chain([format!("server:{server}")])
    });
    let tools = document.tools.iter().flat_map(|(server, tools)| {
        tools.iter().map(move |tool| format!("{server}/{}", tool.name()))
    });
    groups.chain(tools).collect()
}

/// The tool that an unknown tool name in the manifest probably meant.
fn tool(finding: &Finding, document: &Document) -> Option<String> {
    let Site::Manifest(key) = &finding.site else { return None };
    let key = Some(key).filter(|_| finding.code == Code::Inventory)?;
    let (server, name) = key.strip_prefix("servers.")?.split_once(".tools.")?;
    let tools = document.tools.get(server)?.iter();
    let near = fuzzy_match::did_you_mean(name, tools.map(ToolDescription::name))?;
    Some(match &finding.help {
        Some(help) => format!("{near} {help}"),
        None => near,
    })
}

/// The first quoted part of a message.
fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}
