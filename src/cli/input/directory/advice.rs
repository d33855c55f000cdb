//! Help for findings about unknown names: the name that was probably meant.

mod lookup;
mod unread;

use std::collections::BTreeSet;
use std::str::FromStr as _;

use cedar_policy::EntityUid;
use serde_json::Value;

use self::lookup::{input_schema, quoted};
use crate::bundle::{Code, Described, Document, Finding, Site};
use crate::cli::output::fuzzy_match;
use crate::tool::ToolDescription;

/// The end of a problem with the argument that chooses a schema.
const NO_CHOOSER: &str =
    "which chooses its schema, is no string argument outside of lists and unions";

/// The finding with help that fits the bundle. Cedar suggests the nearest name at any distance, and
/// does not know servers, tools and classes.
pub(super) fn given(finding: &Finding, document: &Document) -> Finding {
    let code = finding.code;
    let help = if code == Code::UnknownAction {
        action(finding, document)
    } else if code == Code::UnknownAttribute {
        unread::named(finding, document)
            .or_else(|| unread::unchosen(finding, document))
            .or_else(|| suggested(finding))
            .or_else(|| unread::unnamed(finding, document))
    } else if code == Code::UnknownType {
        suggested(finding)
    } else if code == Code::ImpossiblePolicy {
        unread::asked_for(finding, document).or_else(|| finding.help.clone())
    } else if code == Code::PolicyType {
        decimals(&finding.message).or_else(|| finding.help.clone())
    } else if code == Code::ToolSchema {
        argument(finding, document).or_else(|| finding.help.clone())
    } else {
        tool(finding, document).or_else(|| finding.help.clone())
    };
    Finding { help, ..finding.clone() }
}

/// How decimals are compared, if that is what does not fit.
fn decimals(message: &str) -> Option<String> {
    if message.contains("Long but saw decimal") {
        let help = "decimals have no `<`: write `.lessThan(decimal(\"5.0\"))`, `.lessThanOrEqual(…)`, \
                    `.greaterThan(…)` or `.greaterThanOrEqual(…)`";
        return Some(help.to_owned());
    }
    let pair = message.split_once("the types ")?.1.split_once(" are not compatible")?.0;
    let (("decimal", other) | (other, "decimal")) = pair.split_once(" and ")? else { return None };
    matches!(other, "String" | "Long").then(|| {
        "the argument is a decimal: compare it with one, such as `decimal(\"5.0\")`".to_owned()
    })
}

/// The argument that was probably meant by an entry of the inventory.
fn argument(finding: &Finding, document: &Document) -> Option<String> {
    let (_, rest) = finding.message.split_once("argument `")?;
    let (path, problem) = rest.split_once("`: ")?;
    let path = if problem.ends_with("the tool has no such argument") {
        path
    } else {
        problem.strip_suffix(NO_CHOOSER)?.rsplit('`').nth(1)?
    };
    let (server, tool) = if let Site::Tool { server, tool: Some(tool) } = &finding.site {
        (server.as_str(), tool.as_str())
    } else {
        quoted(&finding.message)?.split_once('/')?
    };
    let mut names = Vec::new();
    arguments(input_schema(document, server, tool)?, "", &mut names);
    fuzzy_match::did_you_mean(path, names.iter().map(String::as_str))
}

/// The dotted paths of the arguments that objects name.
fn arguments(schema: &Value, outer: &str, found: &mut Vec<String>) {
    let members = schema.get("properties").and_then(Value::as_object);
    for (name, member) in members.into_iter().flatten() {
        let path = if outer.is_empty() { name.clone() } else { format!("{outer}.{name}") };
        arguments(member, &path, found);
        found.push(path);
    }
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
        Some((_, method)) if kind == Kind::Method => {
            format!("no server has `{method}` in its `methods`")
        }
        Some((server, method))
            if document.manifest.servers.contains_key(server) && method.contains('/') =>
        {
            format!("server `{server}` has no tool `{method}`, and it is not in its `methods`")
        }
        Some((server, tool)) if document.manifest.servers.contains_key(server) => {
            format!("server `{server}` has no tool `{tool}`")
        }
        Some((server, _)) => format!("there is no server `{server}`"),
        None => {
            "actions are `\"<server>/<tool>\"`, `\"<server>/<method>\"`, `\"server:<server>\"`, \
                 `\"class:<class>\"` and `\"method:<method>\"`"
                .to_owned()
        }
    })
}

/// The kinds of actions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Class,
    Method,
    Server,
    Tool,
}

impl Kind {
    fn of(id: &str) -> Self {
        if id.starts_with("class:") {
            Self::Class
        } else if id.starts_with("method:") {
            Self::Method
        } else if id.starts_with("server:") {
            Self::Server
        } else {
            Self::Tool
        }
    }
}

/// The ids of all actions.
fn actions(document: &Document) -> BTreeSet<String> {
    let servers = document.manifest.servers.keys().map(|server| format!("server:{server}"));
    let tools = document.described().flat_map(|Described { server, name, marks, .. }| {
        let classes = marks.classes.iter().map(|class| format!("class:{class}"));
        classes.chain([format!("{server}/{name}")]).collect::<Vec<_>>()
    });
    let methods = document.manifest.servers.iter().flat_map(|(server, notes)| {
        let names = notes.methods.keys();
        names.flat_map(move |name| [format!("{server}/{name}"), format!("method:{name}")])
    });
    servers.chain(tools).chain(methods).collect()
}

/// The server or tool that an unknown name in the manifest probably meant.
fn tool(finding: &Finding, document: &Document) -> Option<String> {
    let Site::Manifest(key) = &finding.site else { return None };
    if key.starts_with("channels.") {
        let servers = document.manifest.servers.keys().map(String::as_str);
        return fuzzy_match::did_you_mean(quoted(&finding.message)?, servers);
    }
    let key = Some(key).filter(|_| finding.code == Code::Inventory)?;
    let (server, _) = key.strip_prefix("servers.")?.split_once(".tools.")?;
    let name = finding.message.split('`').nth(3)?;
    let tools = document.tools.get(server)?.iter();
    let near = fuzzy_match::did_you_mean(name, tools.map(ToolDescription::name))?;
    Some(match &finding.help {
        Some(help) => format!("{near} {help}"),
        None => near,
    })
}
