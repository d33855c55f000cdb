//! Help for policies that read arguments which are passed on unread, or leave out which schema of an
//! argument they mean.

use super::lookup::{input_schema, quoted};
use crate::bundle::{Document, Finding, Site};
use crate::tool::given::Selection;

/// What is true of every argument that policies do not see.
const PASSED_ON: &str = "it is passed on unread, and no policy can depend on it";

/// What an argument that a policy reads in vain is, if it is passed on unread.
pub(super) fn named(finding: &Finding, document: &Document) -> Option<String> {
    let path = quoted(&finding.message)?.strip_prefix("input.")?;
    let is_read = |unread: &str| {
        path.strip_prefix(unread).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let ignored = document.manifest.mcp.ignore.iter().find(|name| is_read(name));
    let opaque = opaque_arguments(document).find(|opaque| is_read(opaque)).map(is_opaque);
    let carrier = carriers(document).find(|carrier| is_read(carrier)).map(is_carrier);
    carrier.or(opaque).or_else(|| ignored.map(|name| is_ignored(name)))
}

/// How policies read an argument whose schema depends on another, if the choice was left out.
pub(super) fn unchosen(finding: &Finding, document: &Document) -> Option<String> {
    let path = quoted(&finding.message)?.strip_prefix("input.")?;
    let tools = document.manifest.servers.values().flat_map(|server| server.tools.values());
    tools.flat_map(|marks| &marks.schemas).find_map(|(argument, schema)| {
        let member = path.strip_prefix(argument)?.strip_prefix('.')?;
        let Selection { by, of } = Selection::of(schema)?.ok()?;
        let values: Vec<&str> = of.keys().map(String::as_str).collect();
        let first = values.first()?;
        Some(format!(
            "`by: {by}` chooses the schema of `{argument}`, and its value is part of the path: \
             `context.input.{argument} has {first} && context.input.{argument}.{first}.{member}` \
             (there is a schema for {})",
            values.join(", ")
        ))
    })
}

/// The same as [`named`] for an argument that the tool's schema does not name.
pub(super) fn unnamed(finding: &Finding, document: &Document) -> Option<String> {
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

/// The same as [`named`] for `has`, which is never true then.
pub(super) fn asked_for(finding: &Finding, document: &Document) -> Option<String> {
    let Site::Policy { layer, id } = &finding.site else { return None };
    let policies = document.layers.get(layer)?;
    let source = policies.iter().find(|policy| policy.id == id)?.source;
    let asks = |unread: &str| {
        let name = unread.rsplit('.').next().unwrap_or(unread);
        [format!("has {name}"), format!("has \"{name}\"")].iter().any(|text| source.contains(text))
    };
    let ignored = document.manifest.mcp.ignore.iter().find(|name| asks(name));
    let opaque = opaque_arguments(document).find(|opaque| asks(opaque)).map(is_opaque);
    let carrier = carriers(document).find(|carrier| asks(carrier)).map(is_carrier);
    carrier.or(opaque).or_else(|| ignored.map(|name| is_ignored(name)))
}

/// The arguments that carry those of inner calls.
fn carriers(document: &Document) -> impl Iterator<Item = &str> {
    let tools = document.manifest.servers.values().flat_map(|server| server.tools.values());
    tools.filter_map(|marks| Some(marks.wraps.as_ref()?.arguments.as_str()))
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

fn is_carrier(argument: &str) -> String {
    format!(
        "`{argument}` has the arguments of the inner call (`wraps` in `bundle.yaml`), and no policy \
         about the outer one can depend on them: write one about the inner tool"
    )
}

fn is_ignored(name: &str) -> String {
    format!("`{name}` is in `mcp.ignore` of `bundle.yaml`: {PASSED_ON}")
}
