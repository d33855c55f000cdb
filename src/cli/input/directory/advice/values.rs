//! Help for policies that compare with a value that an enumeration does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr as _;

use cedar_policy::{EntityUid, SchemaFragment};
use serde_json::Value;

use super::lookup::quoted;
use crate::bundle::{Described, Document, Finding, Site};
use crate::cli::output::fuzzy_match;
use crate::tool::{Surroundings, Tool};

/// The most values that are listed.
const MOST: usize = 12;

/// The values of an enumeration, when an entity of its type is none of them.
pub(super) fn of_entity(finding: &Finding, document: &Document) -> Option<String> {
    let uid = EntityUid::from_str(quoted(&finding.message)?).ok()?;
    let kind = uid.type_name().to_string();
    let enumerations = enumerations(document);
    Some(help(&kind, uid.id().unescaped(), enumerations.get(&kind)?))
}

/// The values of an argument that is compared with a string.
pub(super) fn of_argument(finding: &Finding, document: &Document) -> Option<String> {
    let pair = finding.message.split_once("the types ")?.1.split_once(" are not compatible")?.0;
    let (("String", kind) | (kind, "String")) = pair.split_once(" and ")? else { return None };
    let enumerations = enumerations(document);
    let values = enumerations.get(kind)?;
    let general = finding.help.as_deref()?;
    let there = finding.span.clone().and_then(|span| string_at(finding, document, span));
    Some(format!("{general}; {}", help(kind, &there.unwrap_or_default(), values)))
}

/// The complete name of an enumeration whose tool is left out.
pub(super) fn of_type(finding: &Finding, document: &Document) -> Option<String> {
    let name = quoted(&finding.message)?;
    let enumerations = enumerations(document);
    let end = format!("::{name}");
    let known = enumerations.keys().find(|known| known.ends_with(&end))?;
    Some(format!("did you mean `{known}`?"))
}

fn help(kind: &str, value: &str, values: &BTreeSet<String>) -> String {
    let shown: Vec<String> = values.iter().take(MOST).map(|value| format!("{value:?}")).collect();
    let more = values.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let listed = format!("the values are {}{more}", shown.join(", "));
    match fuzzy_match::nearest(value, values.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{kind}::{near:?}`? {listed}"),
        None => listed,
    }
}

/// The only string in a part of a policy.
fn string_at(finding: &Finding, document: &Document, span: Range<usize>) -> Option<String> {
    let Site::Policy { layer, id } = &finding.site else { return None };
    let policy = document.layers.get(layer)?.iter().find(|policy| policy.id == id)?;
    let mut parts = policy.source.get(span)?.split('"');
    let text = parts.nth(1)?.to_owned();
    parts.nth(1).is_none().then_some(text)
}

/// The values of the bundle's own enumerations and of all enumerated arguments, by their type in
/// policies.
fn enumerations(document: &Document) -> BTreeMap<String, BTreeSet<String>> {
    let ignored = document.manifest.mcp.ignore.clone();
    let surroundings = Surroundings { ignored, ..Surroundings::default() };
    let tools = document.described().filter_map(|described| {
        let Described { server, name, marks, tool } = described;
        Tool::new(server, name, tool, marks.into_owned(), &surroundings).ok()
    });
    let of_tools = tools.flat_map(|tool| declared(&tool.declarations()));
    declared(&document.schema).into_iter().chain(of_tools).collect()
}

/// The enumerations of a Cedar schema.
fn declared(schema: &str) -> Vec<(String, BTreeSet<String>)> {
    let fragment = SchemaFragment::from_str(schema).ok();
    let json = fragment.and_then(|fragment| fragment.to_json_value().ok()).unwrap_or_default();
    let namespaces = json.as_object().into_iter().flatten();
    let types = namespaces.flat_map(|(namespace, content)| {
        let types = content.get("entityTypes").and_then(Value::as_object).into_iter().flatten();
        types.filter_map(move |(name, content)| {
            let values = content.get("enum")?.as_array()?.iter();
            let values = values.filter_map(|value| Some(value.as_str()?.to_owned())).collect();
            let global = namespace.is_empty();
            Some((if global { name.clone() } else { format!("{namespace}::{name}") }, values))
        })
    });
    types.collect()
}
