//! Help for findings about unknown names: the name that was probably meant.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use cedar_policy::EntityUid;
use serde_json::Value;

use crate::bundle::{Code, Described, Document, Finding, Site};
use crate::cli::output::fuzzy_match;
use crate::tool::ToolDescription;

/// What is true of every argument that policies do not see.
const PASSED_ON: &str = "it is passed on unread, and no policy can depend on it";

/// The finding with help that fits the bundle. Cedar suggests the nearest name at any distance, and
/// does not know servers, tools and classes.
pub(super) fn given(finding: &Finding, document: &Document) -> Finding {
    let code = finding.code;
    let help = if code == Code::UnknownAction {
        action(finding, document)
    } else if code == Code::UnknownAttribute {
        unread(finding, document)
            .or_else(|| suggested(finding))
            .or_else(|| unnamed(finding, document))
    } else if code == Code::UnknownType {
        suggested(finding)
    } else if code == Code::ImpossiblePolicy {
        asks_for_unread(finding, document).or_else(|| finding.help.clone())
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

/// What an argument that a policy reads in vain is, if it is passed on unread.
fn unread(finding: &Finding, document: &Document) -> Option<String> {
    let path = quoted(&finding.message)?.strip_prefix("input.")?;
    let is_read = |unread: &str| {
        path.strip_prefix(unread).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let ignored = document.manifest.mcp.ignore.iter().find(|name| is_read(name));
    let opaque = opaque_arguments(document).find(|opaque| is_read(opaque)).map(is_opaque);
    opaque.or_else(|| ignored.map(|name| is_ignored(name)))
}

/// The same for an argument that the tool's schema does not name.
fn unnamed(finding: &Finding, document: &Document) -> Option<String> {
    let path = quoted(&finding.message)?.strip_prefix("input.")?;
    let name = path.split('.').next()?;
    let (_, action) = finding.message.split_once("Action::\"")?;
    let (server, tool) = action.split('"').next()?.split_once('/')?;
    let marks = document.manifest.servers.get(server)?.tools.get(tool)?;
    let schema = input_schema(document, server, tool)?;
    let is_named = schema.get("properties").is_some_and(|named| named.get(name).is_some())
        || marks.schemas.contains_key(name);
    let is_any = marks.opaque.iter().any(|path| path == "*");
    (is_any && !is_named).then(|| {
        format!(
            "the tool's schema does not name `{name}`, and `opaque` has `*`: {PASSED_ON} \
             (`schemas` can give it a type)"
        )
    })
}

/// The same for `has`, which is never true then.
fn asks_for_unread(finding: &Finding, document: &Document) -> Option<String> {
    let Site::Policy { layer, id } = &finding.site else { return None };
    let policies = document.layers.get(layer)?;
    let source = policies.iter().find(|policy| policy.id == id)?.source;
    let asks = |unread: &str| {
        let name = unread.rsplit('.').next().unwrap_or(unread);
        [format!("has {name}"), format!("has \"{name}\"")].iter().any(|text| source.contains(text))
    };
    let ignored = document.manifest.mcp.ignore.iter().find(|name| asks(name));
    let opaque = opaque_arguments(document).find(|opaque| asks(opaque)).map(is_opaque);
    opaque.or_else(|| ignored.map(|name| is_ignored(name)))
}

fn opaque_arguments(document: &Document) -> impl Iterator<Item = &str> {
    let tools = document.manifest.servers.values().flat_map(|server| server.tools.values());
    tools.flat_map(|marks| &marks.opaque).map(String::as_str)
}

fn is_opaque(argument: &str) -> String {
    format!(
        "`{argument}` is `opaque` in `bundle.yaml`: {PASSED_ON} (`schemas` can give it a type \
         instead)"
    )
}

fn is_ignored(name: &str) -> String {
    format!("`{name}` is in `mcp.ignore` of `bundle.yaml`: {PASSED_ON}")
}

/// The argument that was probably meant by an entry of the inventory.
fn argument(finding: &Finding, document: &Document) -> Option<String> {
    let (_, rest) = finding.message.split_once("argument `")?;
    let (path, problem) = rest.split_once("`: ")?;
    if !problem.ends_with("the tool has no such argument") {
        return None;
    }
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

fn input_schema<'a>(document: &'a Document, server: &str, tool: &str) -> Option<&'a Value> {
    let mut tools = document.described();
    Some(tools.find(|known| known.server == server && known.name == tool)?.tool.input_schema())
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
    let servers = document.manifest.servers.keys().map(|server| format!("server:{server}"));
    let tools = document.described().flat_map(|Described { server, name, marks, .. }| {
        let classes = marks.classes.iter().map(|class| format!("class:{class}"));
        classes.chain([format!("{server}/{name}")]).collect::<Vec<_>>()
    });
    servers.chain(tools).collect()
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

/// The first quoted part of a message.
fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}
