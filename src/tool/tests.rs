//! Helpers for the tests: a tool from a schema, a call from JSON text, and checks with Cedar.

use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, Schema,
    ValidationError, ValidationMode, Validator,
};
use serde_json::{Value, json};

use super::{Marks, Surroundings, Tool, ToolError, read_tools};
use crate::json;
use crate::policy::value::Value as CedarValue;

mod arguments;
mod descriptions;
mod given;
pub(crate) mod model;
pub(crate) mod properties;
mod records;
mod resources;
mod root;
mod sdk;
mod texts;
mod values;
mod wraps;

pub(crate) fn marks(redact: &[&str], opaque: &[&str]) -> Marks {
    let owned = |paths: &[&str]| paths.iter().map(ToString::to_string).collect();
    Marks { redact: owned(redact), opaque: owned(opaque), ..Marks::default() }
}

/// The marks with these entries in `schemas`.
pub(crate) fn given(schemas: &Value) -> Marks {
    serde_json::from_value(json!({ "schemas": schemas })).expect("marks")
}

/// Parses one tool named `do-it` of the server `crm`, in a bundle that declares `User` and `Role`.
fn try_tool(schema: Value, marks: Marks) -> Result<Tool, Vec<ToolError>> {
    let mut list = json!({ "tools": [{ "name": "do-it" }] });
    list["tools"][0]["inputSchema"] = schema;
    let descriptions = read_tools(&list)?;
    let surroundings = Surroundings {
        types: ["User", "Role"].map(str::to_owned).into(),
        ignored: ["toolCallId", "sessionToken"].map(str::to_owned).into(),
    };
    Tool::new("crm", "do-it", &descriptions[0], marks, &surroundings)
}

#[track_caller]
pub(crate) fn tool(schema: Value, marks: Marks) -> Tool {
    try_tool(schema, marks).unwrap_or_else(|errors| panic!("{}", lines(&errors)))
}

fn lines(errors: &[impl ToString]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The messages about a tool that does not parse, without its name.
fn problems(schema: Value, marks: Marks) -> String {
    let errors = try_tool(schema, marks).err().unwrap_or_default();
    lines(&errors).replace("tool `crm/do-it`: ", "")
}

/// A schema with one optional argument `x`.
fn one(schema: Value) -> Value {
    let mut object = json!({ "type": "object", "properties": {} });
    object["properties"]["x"] = schema;
    object
}

pub(crate) fn build(tool: &Tool, arguments: &str) -> Result<CedarValue, String> {
    let value =
        json::read_body(arguments.as_bytes(), 64, usize::MAX).map_err(|error| error.to_string())?;
    let object = value.as_object().expect("arguments are an object");
    let input = tool.arguments(Some(object), usize::MAX).map_err(|error| error.to_string())?;
    if let Some(inexact) = input.inexact.first() {
        return Err(format!("policies cannot read it: {}", inexact.error));
    }
    Ok(input.value.in_cedar().expect("Cedar has every value"))
}

fn cedar_schema(tool: &Tool) -> Schema {
    let text = format!(
        "entity User, Role;\n{}action \"{}\" appliesTo {{\n  principal: User, resource: User,\n  \
         context: {{ input: {} }} }};",
        tool.declarations(),
        tool.qualified_name(),
        tool.input_type(),
    );
    let parsed = Schema::from_cedarschema_str(&text);
    let (schema, warnings) = parsed.unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    assert_eq!(warnings.map(|warning| warning.to_string()).collect::<Vec<_>>(), [""; 0], "{text}");
    schema
}

/// A context that holds only the arguments.
pub(crate) fn context(input: CedarValue) -> Context {
    let members = std::iter::once(("input".into(), input)).collect();
    cedar_policy_core::ast::Context::Value(Arc::new(members)).into()
}

/// Creates a request whose context fits the tool's Cedar schema.
pub(crate) fn request(tool: &Tool, input: CedarValue) -> Result<Request, String> {
    let user = EntityUid::from_str("User::\"alice\"").expect("an entity");
    let action = EntityUid::from_str(&format!("Action::\"{}\"", tool.qualified_name()));
    let context = context(input);
    Request::new(user.clone(), action.expect("an action"), user, context, Some(&cedar_schema(tool)))
        .map_err(|error| error.to_string())
}

/// Checks that arguments are accepted, fit the Cedar schema, and satisfy a policy's condition.
#[track_caller]
fn check_in(tool: &Tool, arguments: &str, condition: &str) {
    let input = build(tool, arguments).unwrap_or_else(|error| panic!("{arguments}: {error}"));
    let request = request(tool, input).unwrap_or_else(|error| panic!("{arguments}: {error}"));
    let policy = format!("permit(principal, action, resource) when {{ {condition} }};");
    let policies = PolicySet::from_str(&policy).unwrap_or_else(|error| panic!("{error:?}"));
    let validation = Validator::new(cedar_schema(tool)).validate(&policies, ValidationMode::Strict);
    // The conditions here read optional attributes without `has`.
    let presence = |error: &&ValidationError| {
        matches!(error, ValidationError::UnsafeOptionalAttributeAccess(_))
    };
    let errors: Vec<_> = validation.validation_errors().filter(|error| !presence(error)).collect();
    assert!(errors.is_empty(), "{validation}");
    let response = Authorizer::new().is_authorized(&request, &policies, &Entities::empty());
    assert_eq!(response.diagnostics().errors().count(), 0, "{response:?}");
    assert_eq!(response.decision(), Decision::Allow, "{condition} with {arguments}");
}

/// Checks one value of the argument `x`, which policies read as `context.input.x`.
#[track_caller]
fn check(schema: Value, value: &str, condition: &str) {
    let tool = tool(one(schema), Marks::default());
    check_in(&tool, &format!("{{\"x\": {value}}}"), condition);
}

/// Checks that a value of the argument `x` fits the schema, but that policies cannot read it.
#[track_caller]
fn check_inexact(schema: Value, value: &str, words: &str) {
    let tool = tool(one(schema), Marks::default());
    let refused = build(&tool, &format!("{{\"x\": {value}}}")).err();
    let expected = format!("policies cannot read it: argument `x` must be {words}");
    assert_eq!(refused, Some(expected), "{value}");
}

/// Checks that a value of the argument `x` is refused with this message.
#[track_caller]
fn check_refused(schema: Value, value: &str, words: &str) {
    let tool = tool(one(schema), Marks::default());
    let refused = build(&tool, &format!("{{\"x\": {value}}}")).err();
    assert_eq!(refused.as_deref(), Some(words), "{value}");
}
