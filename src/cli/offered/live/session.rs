//! One client of one revision, from the handshake to the last page of `tools/list`.

use serde_json::{Value, json};

use super::http::{Answer, Endpoint};
use crate::cli::output::escape::shown;
use crate::cli::output::report::Problem;
use crate::mcp::Revision;
use crate::tool;

/// The most pages of one list.
const PAGES: usize = 1000;

/// What a client says that it can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) name: &'static str,
    is_able: bool,
}

/// Some servers hide tools that need something of the client.
pub(super) const CLIENTS: [Client; 2] = [
    Client { name: "client with everything", is_able: true },
    Client { name: "client with nothing", is_able: false },
];

impl Client {
    fn capabilities(self) -> Value {
        if self.is_able {
            json!({
                "roots": { "listChanged": true },
                "sampling": {},
                "elicitation": { "form": {}, "url": {} },
            })
        } else {
            json!({})
        }
    }
}

/// What came of asking.
pub(super) enum Listed {
    /// All pages.
    Tools {
        tools: Vec<Value>,
        /// The server's name for itself.
        server: Option<String>,
        /// The revision that both sides use.
        negotiated: String,
        /// What the server says that it can do.
        capabilities: Value,
    },
    /// The server answers in another revision, which is asked for separately.
    OtherRevision,
    /// Why there is no list.
    Nothing(String),
}

/// Asks for the tools. An error means that asking in other ways is of no use.
pub(super) fn list(
    endpoint: &Endpoint,
    revision: Revision,
    client: Client,
) -> Result<Listed, Problem> {
    if revision.is_modern() {
        let session = Session::stateless(endpoint, revision, client);
        let listed = session.list()?;
        return match listed {
            Listed::Tools { tools, server, negotiated, .. } => {
                let capabilities = session.discovered()?;
                Ok(Listed::Tools { tools, server, negotiated, capabilities })
            }
            Listed::OtherRevision | Listed::Nothing(_) => Ok(listed),
        };
    }
    let initialize = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": revision.as_str(),
            "capabilities": client.capabilities(),
            "clientInfo": info(),
        },
    });
    let answer = endpoint.post(&initialize, &[])?;
    let result = match result(&answer) {
        Ok(result) => result,
        Err(why) => return Ok(Listed::Nothing(why)),
    };
    let negotiated = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    let session = Session {
        endpoint,
        negotiated: negotiated.to_owned(),
        id: answer.session.clone(),
        meta: None,
        server: server_name(result.get("serverInfo")),
        capabilities: result.get("capabilities").cloned().unwrap_or_default(),
    };
    let listed = if negotiated != revision.as_str() && Revision::parse(negotiated).is_some() {
        Ok(Listed::OtherRevision)
    } else {
        session.initialized().and_then(|()| session.list())
    };
    session.end();
    listed
}

fn info() -> Value {
    json!({ "name": "toolgate", "version": env!("CARGO_PKG_VERSION") })
}

struct Session<'a> {
    endpoint: &'a Endpoint,
    negotiated: String,
    id: Option<String>,
    /// What stands in for a handshake.
    meta: Option<Value>,
    server: Option<String>,
    /// What the server said in the handshake.
    capabilities: Value,
}

impl<'a> Session<'a> {
    fn stateless(endpoint: &'a Endpoint, revision: Revision, client: Client) -> Self {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": revision.as_str(),
            "io.modelcontextprotocol/clientCapabilities": client.capabilities(),
            "io.modelcontextprotocol/clientInfo": info(),
        });
        let negotiated = revision.as_str().to_owned();
        let capabilities = Value::Null;
        Self { endpoint, negotiated, id: None, meta: Some(meta), server: None, capabilities }
    }

    fn headers<'s>(&'s self, method: &'s str) -> Vec<(&'s str, &'s str)> {
        let mut headers = vec![("mcp-protocol-version", self.negotiated.as_str())];
        headers.extend(self.id.iter().map(|id| ("mcp-session-id", id.as_str())));
        headers.extend(self.meta.as_ref().map(|_| ("mcp-method", method)));
        headers
    }

    fn initialized(&self) -> Result<(), Problem> {
        let message = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.endpoint.post(&message, &self.headers("notifications/initialized")).map(drop)
    }

    fn list(&self) -> Result<Listed, Problem> {
        let mut tools = Vec::new();
        let (mut cursor, mut server) = (None::<String>, self.server.clone());
        for page in 1..=PAGES {
            let answer = self.page(page, cursor.as_deref())?;
            let result = match result(&answer) {
                Ok(result) => result,
                Err(why) => return Ok(Listed::Nothing(why)),
            };
            let Some(more) = tool::listed(result).filter(|_| result.get("tools").is_some()) else {
                return Ok(Listed::Nothing("the result has no `tools`".to_owned()));
            };
            tools.extend(more.iter().cloned());
            let meta = result.get("_meta");
            let named = meta.and_then(|meta| meta.get("io.modelcontextprotocol/serverInfo"));
            server = server.or_else(|| server_name(named));
            let next = result.get("nextCursor").and_then(Value::as_str);
            match next {
                None => {
                    let negotiated = self.negotiated.clone();
                    let capabilities = self.capabilities.clone();
                    return Ok(Listed::Tools { tools, server, negotiated, capabilities });
                }
                Some(next) if cursor.as_deref() == Some(next) => break,
                Some(next) => cursor = Some(next.to_owned()),
            }
        }
        let message = format!("{}: the list of tools has no end", self.endpoint.url());
        Err(Problem::new(message))
    }

    /// What the server says without a handshake; null if it does not.
    fn discovered(&self) -> Result<Value, Problem> {
        let params = json!({ "_meta": self.meta });
        let message =
            json!({ "jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": params });
        let answer = self.endpoint.post(&message, &self.headers("server/discover"))?;
        let capabilities = result(&answer).ok().and_then(|result| result.get("capabilities"));
        Ok(capabilities.cloned().unwrap_or_default())
    }

    fn page(&self, page: usize, cursor: Option<&str>) -> Result<Answer, Problem> {
        let mut params = json!({});
        if let Some(members) = params.as_object_mut() {
            members.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.into())));
            members.extend(self.meta.clone().map(|meta| ("_meta".to_owned(), meta)));
        }
        let message =
            json!({ "jsonrpc": "2.0", "id": page, "method": "tools/list", "params": params });
        self.endpoint.post(&message, &self.headers("tools/list"))
    }

    fn end(&self) {
        if self.id.is_some() {
            self.endpoint.end(&self.headers(""));
        }
    }
}

fn server_name(info: Option<&Value>) -> Option<String> {
    Some(info?.get("name")?.as_str()?.to_owned())
}

/// The result in an answer, or what stands in its place.
fn result(answer: &Answer) -> Result<&Value, String> {
    let message = answer.message.as_ref();
    if let Some(result) = message.and_then(|message| message.get("result")) {
        return Ok(result);
    }
    let error = message.and_then(|message| message.get("error"));
    let said = error.and_then(|error| error.get("message")?.as_str()).map(shown);
    let said = said.unwrap_or_else(|| answer.other.clone());
    let status = answer.status;
    Err(if said.is_empty() {
        format!("status {status}")
    } else {
        format!("status {status}, `{said}`")
    })
}
