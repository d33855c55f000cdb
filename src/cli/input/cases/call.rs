//! A call in the usual form: of a tool, or of another method that policies decide.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bundle::Bundle;
use crate::head::Head;
use crate::mcp::{Method, Revision};
use crate::tool::Tool;

/// A call as sent by a current client.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Call {
    /// The path of the channel.
    pub path: String,
    /// The authority.
    pub authority: String,
    /// What is called.
    pub called: Called,
    /// The arguments.
    pub arguments: Option<Value>,
}

/// What is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Called {
    /// A tool by its name: in files that of the bundle, in requests that on the wire.
    Tool(String),
    /// Another method; the arguments are its params.
    Method(String),
}

/// A call as files have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: String,
    #[serde(default = "authority")]
    authority: String,
    tool: Option<String>,
    method: Option<String>,
    arguments: Option<Value>,
}

impl TryFrom<Written> for Call {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { path, authority, tool, method, arguments } = written;
        let called = match (tool, method) {
            (Some(tool), None) => Called::Tool(tool),
            (None, Some(method)) => Called::Method(method),
            (None, None) | (Some(_), Some(_)) => {
                return Err("a call has one of `tool` and `method`");
            }
        };
        Ok(Self { path, authority, called, arguments })
    }
}

pub(super) fn authority() -> String {
    Call::AUTHORITY.to_owned()
}

impl Called {
    /// What a call of this tool or method calls, by its name in the bundle.
    pub fn of(tool: &Tool) -> Self {
        let name = tool.name().to_owned();
        if tool.is_method() { Self::Method(name) } else { Self::Tool(name) }
    }

    /// The key in files.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Tool(_) => "tool",
            Self::Method(_) => "method",
        }
    }

    /// The name of the tool, or the method.
    pub fn name(&self) -> &str {
        match self {
            Self::Tool(name) | Self::Method(name) => name,
        }
    }
}

impl Call {
    /// The default authority of a call.
    pub const AUTHORITY: &str = "tools.example";

    /// The call with the tool's name on the wire in place of that in the bundle. Any other name stays
    /// as it is.
    #[must_use]
    pub fn on_the_wire(&self, bundle: &Bundle) -> Self {
        let Called::Tool(name) = &self.called else { return self.clone() };
        let channel = bundle.channel(&self.authority, &self.path);
        let tool = channel.and_then(|channel| bundle.named(&channel.server, name));
        let called = Called::Tool(tool.map_or(&**name, Tool::wire_name).to_owned());
        Self { called, ..self.clone() }
    }

    /// The call as an HTTP request.
    pub fn http(&self) -> (Head, Vec<u8>) {
        (Head::new(self.fields()), self.body())
    }

    /// The header fields that a client of MCP 2025-11-25 sends, or of the next revision, if only that
    /// has the method.
    pub fn fields(&self) -> Vec<(String, Vec<u8>)> {
        let fields = [
            (":method", "POST"),
            (":path", &self.path),
            (":authority", &self.authority),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", self.revision().as_str()),
        ];
        let standard = self.modern().into_iter().flat_map(|method| {
            let named =
                method.name_member().and_then(|member| self.arguments.as_ref()?.get(member));
            let named = named.and_then(Value::as_str).map(|name| ("mcp-name", name));
            std::iter::once(("mcp-method", method.name)).chain(named)
        });
        let fields = fields.into_iter().chain(standard);
        fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
    }

    /// The method, if only the newest revision has it.
    fn modern(&self) -> Option<&'static Method> {
        let Called::Method(name) = &self.called else { return None };
        Method::named(name).filter(|method| !method.is_in(Some(Revision::V2025November)))
    }

    fn revision(&self) -> Revision {
        if self.modern().is_some() { Revision::V2026July } else { Revision::V2025November }
    }

    fn body(&self) -> Vec<u8> {
        let (method, mut params) = match &self.called {
            Called::Tool(name) => {
                let mut params = Map::from_iter([("name".to_owned(), json!(name))]);
                params.extend(self.arguments.clone().map(|value| ("arguments".to_owned(), value)));
                ("tools/call", Value::Object(params))
            }
            Called::Method(name) => (&**name, self.arguments.clone().unwrap_or_else(|| json!({}))),
        };
        if let (Some(_), Some(params)) = (self.modern(), params.as_object_mut()) {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": self.revision().as_str(),
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            params.insert("_meta".to_owned(), meta);
        }
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        message.to_string().into_bytes()
    }
}
