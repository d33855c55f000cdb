//! Arguments of tools: what a schema and its call become has the type that policies are checked
//! with, and records hold nothing that is redacted.

use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{Context, EntityUid, Request, Schema};
use cedar_policy_core::ast;
use serde_json::{Value as Model, json};
use toolgate::json::{self, Object, REDACTED};
use toolgate::tool::{Marks, Surroundings, Tool, ToolDescription, read_tools};

use crate::bundles;

const DEPTH: usize = 32;
const VALUES: usize = 2000;
const CANARY: &str = "canary-4711";

pub(super) fn run(data: &[u8]) {
    let Ok(value) = json::read(data, DEPTH) else { return };
    let Ok(model) = serde_json::to_value(&value) else { return };
    let Some(tool) = tool(&model) else { return };
    let schema = schema(&tool);
    redacted(&tool, &model["arguments"]);
    let arguments = match value.as_object().and_then(|it| it.get("arguments")) {
        Some(json::Value::Object(arguments)) => Some(arguments),
        _ => None,
    };
    typed(&tool, arguments, &schema);
}

/// The tool of an input `{ "inputSchema": …, "marks": …, "arguments": … }`, if it is one.
fn tool(input: &Model) -> Option<Tool> {
    let marks = input.get("marks").cloned().unwrap_or_else(|| json!({}));
    let marks: Marks = serde_json::from_value(marks).ok()?;
    let list = json!([{ "name": "do-it", "inputSchema": input.get("inputSchema")? }]);
    let tools = read_tools(&list).ok()?;
    let surroundings =
        Surroundings { types: ["User".to_owned()].into(), ..Surroundings::default() };
    Tool::new("crm", "do-it", tools.first()?, marks, &surroundings).ok()
}

/// The Cedar schema of a tool, which is one whatever the server's schema has.
fn schema(tool: &Tool) -> Schema {
    let text = format!(
        "entity User;\n{}action \"{}\" appliesTo {{ principal: User, resource: User, context: {{ input: {} }} }};",
        tool.declarations(),
        tool.qualified_name(),
        tool.input_type(),
    );
    match Schema::from_cedarschema_str(&text) {
        Ok((schema, _)) => schema,
        Err(error) => panic!("{error:?}\n{text}"),
    }
}

/// Arguments that are accepted have the type of the schema.
fn typed(tool: &Tool, arguments: Option<&Object<'_>>, schema: &Schema) {
    let Ok(input) = tool.arguments(arguments, VALUES) else { return };
    if !input.inexact.is_empty() {
        return;
    }
    let value = input.value.in_cedar().expect("Cedar has every value");
    let members = std::iter::once(("input".into(), value)).collect();
    let context: Context = ast::Context::Value(Arc::new(members)).into();
    let entity = |text: &str| EntityUid::from_str(text).expect("an entity");
    let user = entity("User::\"alice\"");
    let action = entity(&format!("Action::\"{}\"", tool.qualified_name()));
    let request = Request::new(user.clone(), action, user, context, Some(schema));
    assert!(request.is_ok(), "{:?}", request.err());
}

/// Records are JSON and hold no argument that is redacted, whether it is valid or not.
fn redacted(tool: &Tool, arguments: &Model) {
    let mut arguments = arguments.clone();
    if arguments.to_string().contains(CANARY) {
        return;
    }
    let Some(members) = arguments.as_object_mut() else { return };
    for path in tool.marks().redact.iter().filter(|path| !path.contains(['.', '[', '*'])) {
        members.insert(path.clone(), json!([CANARY, { "a": CANARY }]));
    }
    let text = arguments.to_string().replace("\\u0000", "");
    let Ok(value) = json::read_body(text.as_bytes(), DEPTH, usize::MAX) else { return };
    let Some(shown) = tool.redacted(value.as_object(), None, usize::MAX) else { return };
    serde_json::from_str::<Model>(shown.as_str()).expect("a record is JSON");
    let hides = text.contains(CANARY) && !shown.as_str().contains(CANARY);
    assert!(
        !text.contains(CANARY) || hides && shown.as_str().contains(REDACTED),
        "{text}: {shown:?}"
    );
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for bundle in bundles::all() {
        for (server, tools) in &bundle.document.tools {
            let entries = bundle.gate.bundle.tools_of(server);
            for tool in entries {
                let described = tools.iter().find(|it| it.name() == tool.wire_name());
                let calls = bundle.cases.iter().flat_map(|file| &file.cases);
                let calls = calls.filter_map(|case| case.call.as_ref());
                let calls = calls.filter(|call| matches!(&call.called, toolgate::cli::input::cases::Called::Tool(name) if name == tool.name())).take(4);
                for arguments in calls.map(|call| &call.arguments).chain([&None]) {
                    let seed = json!({
                        "inputSchema": described.map(ToolDescription::input_schema),
                        "marks": tool.marks(),
                        "arguments": arguments.clone().unwrap_or_else(|| json!({})),
                    });
                    seeds.push(seed.to_string().into_bytes());
                }
            }
        }
    }
    seeds
}
