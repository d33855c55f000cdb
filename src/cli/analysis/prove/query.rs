//! The schema and the policies that the solver gets.

use std::collections::BTreeSet;

use cedar_policy::{EvalResult, PolicySet, RequestEnv, Schema, SchemaFragment};
use cedar_policy_core::ast::Expr;
use cedar_policy_symcc::Env;
use serde_json::{Value, json};

use super::syntax::{UNSEEN, quoted};

/// Extends the schema's context by the tenant and teams that select layers.
///
/// # Errors
///
/// The schema cannot be rewritten; the message is Cedar's.
pub(super) fn schema(text: &str) -> Result<Schema, String> {
    let (fragment, _) =
        SchemaFragment::from_cedarschema_str(text).map_err(|error| error.to_string())?;
    let mut json = fragment.to_json_value().map_err(|error| error.to_string())?;
    let text = |required| json!({ "type": "String", "required": required });
    let unseen = json!({
        "type": "Record",
        "attributes": {
            "tenant": text(false),
            "teams": { "type": "Set", "element": { "type": "String" } },
        },
    });
    let namespaces = json.as_object_mut().into_iter().flat_map(|all| all.values_mut());
    let actions = namespaces.filter_map(|namespace| namespace.get_mut("actions")?.as_object_mut());
    for action in actions.flat_map(|actions| actions.values_mut()) {
        let attributes = action.pointer_mut("/appliesTo/context/attributes");
        if let Some(attributes) = attributes.and_then(Value::as_object_mut) {
            attributes.insert(UNSEEN.to_owned(), unseen.clone());
        }
    }
    Schema::from_json_value(json).map_err(|error| error.to_string())
}

/// One policy that permits the requests that fulfil all facts and the condition.
///
/// # Errors
///
/// Cedar does not parse it.
pub(super) fn policies(facts: &BTreeSet<String>, condition: &Expr) -> Result<PolicySet, String> {
    let facts = facts.iter().map(|fact| format!(" when {{ {fact} }}"));
    let facts: String = facts.collect();
    let text = format!("permit(principal, action, resource){facts} when {{ {condition} }};");
    text.parse().map_err(|error: cedar_policy::ParseErrors| error.to_string())
}

/// The request environments of an action in a schema.
pub(super) fn environments<'a>(
    schema: &'a Schema,
    action: &'a str,
) -> impl Iterator<Item = RequestEnv> + 'a {
    schema.request_envs().filter(move |env| {
        env.action().type_name().to_string() == "Action" && env.action().id().unescaped() == action
    })
}

/// Whether a schema has a request environment.
pub(super) fn has(schema: &Schema, env: &RequestEnv) -> bool {
    let parts =
        |env: &RequestEnv| (env.principal().clone(), env.action().clone(), env.resource().clone());
    schema.request_envs().any(|known| parts(&known) == parts(env))
}

/// Holds for requests that differ from a found one in some plain value.
pub(super) fn other_than(found: &Env) -> String {
    let mut same = Vec::new();
    if let Some(principal) = found.request.principal() {
        same.push(format!("principal == {principal}"));
    }
    if let Some(resource) = found.request.resource() {
        same.push(format!("resource == {resource}"));
    }
    for name in ["input", "actor", UNSEEN] {
        let value = found.request.context().and_then(|context| context.get(name));
        same.extend(value.into_iter().flat_map(|value| plain("context", name, &value)));
    }
    format!("!({})", same.join(" && "))
}

/// Every plain value of a record member.
fn plain(path: &str, name: &str, value: &EvalResult) -> Vec<String> {
    let name = quoted(name);
    let place = format!("{path}[{name}]");
    let has = format!("{path} has {name}");
    match value {
        EvalResult::Record(members) => {
            let members = members.iter().flat_map(|(name, value)| plain(&place, name, value));
            std::iter::once(has).chain(members).collect()
        }
        EvalResult::String(text) => vec![format!("({has} && {place} == {})", quoted(text))],
        EvalResult::Bool(_) | EvalResult::Long(_) | EvalResult::EntityUid(_) => {
            vec![format!("({has} && {place} == {value})")]
        }
        EvalResult::Set(_) | EvalResult::ExtensionValue(_) => Vec::new(),
    }
}
