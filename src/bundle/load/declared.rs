//! Declarations not allowed in `schema.cedarschema`: those generated from the inventory, and those
//! that would never have a value.

use serde_json::{Map, Value};

use super::cedar;
use crate::bundle::{Code, Document, Finding, Site};
use crate::tool::PATTERN;

/// Finds actions, which are generated from the inventory, and tags, which no entity has.
///
/// A policy about an action that only the schema declares would validate and never match a call; so
/// would a policy that reads a tag.
pub(super) fn findings(document: &Document) -> Vec<Finding> {
    let json = cedar::author_schema(&document.schema);
    let namespaces = json.as_object().into_iter().flatten();
    let found = namespaces.flat_map(|(name, namespace)| in_namespace(name, namespace));
    found.chain(patterns(document, &json)).collect()
}

/// The type of patterns of resources, which is generated if a server has some.
fn patterns(document: &Document, declared: &Value) -> Option<Finding> {
    let is_one_of = |kind| declared.get("").and_then(|all| all.get(kind)?.get(PATTERN)).is_some();
    let is_declared = is_one_of("entityTypes") || is_one_of("commonTypes");
    let generated = document.manifest.servers.values().any(|server| !server.resources.is_empty());
    (is_declared && generated).then(|| {
        let message = format!("the schema declares `{PATTERN}`, the type of `resources`");
        let help = "remove it: it is there as soon as a server has `resources`";
        Finding::new(Code::Schema, Site::Schema, message).with_help(help)
    })
}

fn in_namespace(namespace: &str, declared: &Value) -> Vec<Finding> {
    let full = |name: &str| match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}::{name}"),
    };
    let members = |kind: &str| declared.get(kind).and_then(Value::as_object).into_iter().flatten();
    let actions = members("actions").map(|(action, _)| {
        let message = format!("the schema declares the action `{}::{action:?}`", full("Action"));
        let finding = Finding::new(Code::DeclaredAction, Site::Schema, message);
        finding.with_help("remove it: tools, methods, servers and classes are actions without that")
    });
    let tagged = members("entityTypes").filter(|(_, declared)| has_tags(declared.as_object()));
    let tags = tagged.map(|(name, _)| {
        let message = format!("the schema gives `{}` tags, and no entity can have any", full(name));
        let finding = Finding::new(Code::DeclaredTags, Site::Schema, message);
        finding.with_help("use attributes: claims and `entities.yaml` can fill those")
    });
    actions.chain(tags).collect()
}

fn has_tags(declared: Option<&Map<String, Value>>) -> bool {
    declared.is_some_and(|declared| declared.contains_key("tags"))
}
