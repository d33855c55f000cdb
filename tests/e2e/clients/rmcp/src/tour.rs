//! What the tour visits. Much of it is written as JSON, as the protocol has it.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams,
    GetPromptResponse, InputRequiredResult, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ResourceUpdatedNotificationParam, ServerCapabilities, ServerConfig, ServerRequest,
    SubscribeRequestParams, UnsubscribeRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

type Context = RequestContext<RoleServer>;

const PAGE: usize = 4;

/// A server of one session or request.
#[derive(Clone, Default)]
pub struct Tour {
    /// The calls of `wait` that were cancelled, by their keys.
    pub cancelled: Arc<Mutex<HashSet<String>>>,
}

/// The value that this JSON is.
fn from<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("it is written as the protocol has it")
}

fn tool(name: &str, members: &[(&str, &str)]) -> Value {
    let properties: Value = members
        .iter()
        .map(|(member, kind)| ((*member).to_owned(), json!({ "type": kind })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let required: Vec<&str> = members.iter().map(|(member, _)| *member).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "name": name, "description": format!("The tool {name}."), "inputSchema": schema })
}

fn tools() -> Vec<Value> {
    vec![
        tool("add", &[("a", "integer"), ("b", "integer")]),
        tool("find_person", &[("id", "string")]),
        tool("count", &[("to", "integer")]),
        tool("wait", &[("key", "string")]),
        tool("was_cancelled", &[("key", "string")]),
        tool("ask_person", &[]),
        tool("ask_model", &[]),
        tool("touch", &[("uri", "string")]),
        tool("fail", &[]),
        tool("erase", &[]),
    ]
}

fn text(words: impl Into<String>) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(words)]).into()
}

fn failed(error: impl Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

async fn progress(context: &Context, number: u32, total: u32, message: Option<String>) {
    if let Some(token) = context.meta.get_progress_token() {
        let mut note =
            ProgressNotificationParam::new(token, f64::from(number)).with_total(f64::from(total));
        note.message = message;
        // A client that has gone needs no news.
        let _ = context.peer.notify_progress(note).await;
    }
}

fn is_modern(context: &Context) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

fn form() -> Value {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    json!({ "mode": "form", "message": "What is your name?", "requestedSchema": schema })
}

fn question() -> Value {
    let content = json!({ "type": "text", "text": "Write a greeting." });
    json!({ "messages": [{ "role": "user", "content": content }], "maxTokens": 100 })
}

/// The answer to a question, or the result that asks it.
async fn answer(
    request: &CallToolRequestParams,
    context: &Context,
    method: &str,
) -> Result<Result<Value, CallToolResponse>, ErrorData> {
    let params = if method == "elicitation/create" { form() } else { question() };
    if is_modern(context) {
        let given = request.input_responses.as_ref().and_then(|given| given.get("asked"));
        let asked = json!({ "asked": { "method": method, "params": params } });
        return Ok(given.cloned().ok_or_else(|| {
            CallToolResponse::InputRequired(InputRequiredResult::from_input_requests(from(asked)))
        }));
    }
    let request = json!({ "method": method, "params": params });
    let answer = context.peer.send_request(from::<ServerRequest>(request)).await.map_err(failed)?;
    Ok(Ok(serde_json::to_value(answer).map_err(failed)?))
}

impl Tour {
    async fn run(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
        let word = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| {
            arguments[name]
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or_default()
        };
        Ok(match request.name.as_ref() {
            "add" => {
                CallToolResult::structured(json!({ "result": number("a") + number("b") })).into()
            }
            "find_person" => {
                progress(&context, 1, 2, None).await;
                let person = json!({ "id": word("id"), "email": "ada@example.org" });
                CallToolResult::structured(person).into()
            }
            "count" => {
                let to = number("to");
                for each in 1..=to {
                    progress(&context, each, to, Some(format!("{each} of {to}"))).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                text("counted")
            }
            "wait" => {
                let patience = tokio::time::sleep(Duration::from_secs(20));
                tokio::select! {
                    () = patience => text("nobody cancelled"),
                    () = context.ct.cancelled() => {
                        self.cancelled.lock().expect("no thread panics").insert(word("key"));
                        text("cancelled")
                    }
                }
            }
            "was_cancelled" => {
                let cancelled = self.cancelled.lock().expect("no thread panics");
                text(cancelled.contains(&word("key")).to_string())
            }
            "ask_person" => match answer(&request, &context, "elicitation/create").await? {
                Ok(given) => text(format!("Hello, {}!", given["content"]["name"])),
                Err(asked) => asked,
            },
            "ask_model" => match answer(&request, &context, "sampling/createMessage").await? {
                Ok(given) => text(given["content"].to_string()),
                Err(asked) => asked,
            },
            "touch" => {
                let note = ResourceUpdatedNotificationParam::new(word("uri"));
                context.peer.notify_resource_updated(note).await.map_err(failed)?;
                text("touched")
            }
            _ => CallToolResult::error(vec![ContentBlock::text("it failed")]).into(),
        })
    }
}

// Resources are subscribed to in this way before 2026-07-28.
#[allow(deprecated)]
impl ServerHandler for Tour {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            json!({ "tools": {}, "resources": { "subscribe": true }, "prompts": {} });
        ServerConfig::new(from::<ServerCapabilities>(capabilities))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let start = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let tools = tools();
        let end = tools.len().min(start + PAGE);
        let mut page = ListToolsResult::with_all_items(from(tools[start..end].into()));
        page.next_cursor = (end < tools.len()).then(|| end.to_string());
        Ok(page)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        self.run(request, context).await
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let first = json!({ "uri": "note://desk/first", "name": "first" });
        let secret = json!({ "uri": "note://safe/secret", "name": "secret" });
        Ok(ListResourcesResult::with_all_items(from(json!([first, secret]))))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let note = json!({ "uriTemplate": "note://desk/{id}", "name": "note" });
        Ok(ListResourceTemplatesResult::with_all_items(from(json!([note]))))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let Some(id) = request.uri.strip_prefix("note://desk/") else {
            return Err(ErrorData::resource_not_found("there is no such note", None));
        };
        let contents = json!([{ "uri": request.uri, "text": format!("note {id}") }]);
        Ok(rmcp::model::ReadResourceResult::new(from(contents)).into())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        let topic = json!([{ "name": "topic", "required": true }]);
        let prompts = json!([{ "name": "summary", "arguments": topic }, { "name": "confession" }]);
        Ok(ListPromptsResult::with_all_items(from(prompts)))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let content = json!({ "type": "text", "text": format!("Prompt {}.", request.name) });
        let messages = json!([{ "role": "user", "content": content }]);
        Ok(rmcp::model::GetPromptResult::new(from(messages)).into())
    }
}
