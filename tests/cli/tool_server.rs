//! A small MCP server: it answers `initialize` and `tools/list` in the ways that servers do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// How a server answers.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// The revisions that it speaks.
    pub(super) revisions: &'static [&'static str],
    /// As an event stream, which stays open.
    pub(super) streams: bool,
    /// What `Authorization` must be.
    pub(super) authorization: Option<&'static str>,
    /// The tools on each page, for clients without and with capabilities.
    pub(super) pages: fn(able: bool) -> Vec<Value>,
    /// What it says that it can do.
    pub(super) capabilities: fn() -> Value,
}

/// A running server.
#[derive(Debug)]
pub(super) struct ToolServer {
    pub(super) url: String,
    /// The messages so far, each with the headers of its request.
    pub(super) log: Arc<Mutex<Vec<(String, Value)>>>,
}

impl ToolServer {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notes/mcp?tenant=a", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, log) = (manner.clone(), Arc::clone(&shared));
                std::thread::spawn(move || manner.serve(stream, &log));
            }
        });
        Self { url, log }
    }

    /// The methods that were called, without repetitions in a row.
    pub(super) fn methods(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        let mut methods: Vec<String> =
            log.iter().map(|(_, message)| message["method"].as_str().unwrap().to_owned()).collect();
        methods.dedup();
        methods
    }
}

impl Manner {
    fn serve(&self, stream: TcpStream, log: &Mutex<Vec<(String, Value)>>) {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some((head, body)) = request(&mut reader) {
            let answer = if head.starts_with("delete ") {
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()
            } else {
                let message: Value = serde_json::from_slice(&body).unwrap();
                log.lock().unwrap().push((head.clone(), message.clone()));
                self.answer(&head, &message)
            };
            if writer.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, head: &str, message: &Value) -> String {
        if let Some(expected) = self.authorization
            && !head.contains(&format!("authorization: {expected}\r\n"))
        {
            return "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned();
        }
        let id = &message["id"];
        let params = &message["params"];
        let meta = &params["_meta"]["io.modelcontextprotocol/protocolVersion"];
        match message["method"].as_str().unwrap() {
            "notifications/initialized" => {
                "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            "initialize" => {
                let asked = params["protocolVersion"].as_str().unwrap();
                let spoken = self.revisions.iter().find(|known| **known == asked);
                let spoken = spoken.or(self.revisions.last());
                let able = params["capabilities"].get("elicitation").is_some();
                let result = json!({ "protocolVersion": spoken, "capabilities": (self.capabilities)(),
                    "serverInfo": { "name": "Ward's Notes", "version": "1" } });
                self.message(&json!({ "jsonrpc": "2.0", "id": id, "result": result }), able)
            }
            "server/discover"
                if meta.as_str().is_some_and(|meta| self.revisions.contains(&meta)) =>
            {
                let result = json!({ "resultType": "complete", "supportedVersions": self.revisions,
                    "capabilities": (self.capabilities)() });
                self.message(&json!({ "jsonrpc": "2.0", "id": id, "result": result }), true)
            }
            "tools/list" if meta.as_str().is_none_or(|meta| self.revisions.contains(&meta)) => {
                let of_client = &params["_meta"]["io.modelcontextprotocol/clientCapabilities"];
                let able = of_client.get("elicitation").is_some()
                    || head.contains("mcp-session-id: able\r\n");
                let pages = (self.pages)(able);
                let page: usize = params["cursor"].as_str().map_or(0, |it| it.parse().unwrap());
                let next = Some(page + 1).filter(|next| *next < pages.len());
                let result =
                    json!({ "tools": pages[page], "nextCursor": next.map(|it| it.to_string()) });
                self.message(&json!({ "jsonrpc": "2.0", "id": id, "result": result }), able)
            }
            _ => {
                let body = json!({ "jsonrpc": "2.0", "id": id,
                    "error": { "code": -32600, "message": "no session\u{1b}[2J" } });
                let body = body.to_string();
                format!(
                    "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
                     content-length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        }
    }

    fn message(&self, message: &Value, able: bool) -> String {
        let session = if able { "able" } else { "unable" };
        let (kind, body) = if self.streams {
            let first =
                json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": {} });
            // Of no declared length, since the stream stays open.
            let body = format!(
                ": hello\n\nid: 1\ndata:\n\nevent: message\ndata: {first}\n\ndata: {message}\n\n"
            );
            (
                "text/event-stream",
                format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len()),
            )
        } else {
            let body = message.to_string();
            ("application/json", format!("content-length: {}\r\n\r\n{body}", body.len()))
        };
        format!("HTTP/1.1 200 OK\r\nmcp-session-id: {session}\r\ncontent-type: {kind}\r\n{body}")
    }
}

/// The head of a request in lower case except for its values, and its body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
            head.extend([&*name.to_lowercase(), ":", value]);
        } else {
            head.push_str(&line.to_lowercase());
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}
