//! Finds the ids of requests in a body that the gate does not accept as JSON.
//!
//! A refusal with the id of its request reaches the caller as a tool's error does; without one, some
//! clients end their session. What is recovered here appears only in refusals and their records: no
//! decision depends on it.

use super::Id;

/// The longest key or scalar that is recovered, in bytes.
const LONGEST: usize = 512;

/// The maximum number of messages of a batch that are recovered.
const MOST: usize = 64;

/// The maximum number of bytes of all ids, methods and names that are recovered.
const LARGEST: usize = 8192;

/// What could be recovered of one message.
#[derive(Debug, Default)]
pub struct Recovered {
    id: Field<Id>,
    method: Field<String>,
    name: Field<String>,
}

/// A member of a message.
#[derive(Debug, Default)]
enum Field<T> {
    #[default]
    Absent,
    Found(T),
    /// It occurs twice, or its value is not of the expected type.
    Unusable,
}

impl<T> Field<T> {
    fn set(&mut self, value: Option<T>) {
        *self = match (&self, value) {
            (Self::Absent, Some(value)) => Self::Found(value),
            _ => Self::Unusable,
        };
    }

    fn found(&self) -> Option<&T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Absent | Self::Unusable => None,
        }
    }
}

impl Recovered {
    /// The id, if the message is a request, which expects a response.
    pub fn request_id(&self) -> Option<&Id> {
        self.method.found().and_then(|_| self.id.found())
    }

    /// The method.
    pub fn method(&self) -> Option<&str> {
        self.method.found().map(String::as_str)
    }

    /// The tool's name, empty if it could not be recovered; `None` if the message is not a call.
    pub fn tool(&self) -> Option<&str> {
        let called = self.method() == Some("tools/call");
        called.then(|| self.name.found().map_or("", String::as_str))
    }
}

/// Scans a body in pieces. It holds no more than three scalars and 8 KiB of what it has recovered.
#[derive(Debug, Default)]
pub struct Recovery {
    depth: usize,
    /// The depth of the members of a message: 1, or 2 in a batch; 0 before the body has begun.
    level: usize,
    in_string: bool,
    escaped: bool,
    /// The bytes of the latest scalar, or too many of them.
    scalar: Vec<u8>,
    /// The open keys: of a message, and of its `params`.
    keys: [Vec<u8>; 2],
    messages: Vec<Recovered>,
    /// Whether there are more messages.
    has_more: bool,
    /// The bytes of what was recovered.
    size: usize,
}

impl Recovery {
    /// Scans the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// The recovered messages, and whether they are a batch; `None` unless all were recovered and a
    /// request among them has an id of its own.
    pub fn finish(self) -> Option<(Vec<Recovered>, bool)> {
        let mut ids: Vec<&Id> = self.messages.iter().filter_map(Recovered::request_id).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        let (distinct, is_batch) = (all > 0 && ids.len() == all, self.level == 2);
        let complete = !self.has_more && (is_batch || self.messages.len() == 1);
        (distinct && complete).then_some((self.messages, is_batch))
    }

    fn byte(&mut self, byte: u8) {
        if self.in_string {
            self.capture(byte);
            self.in_string = byte != b'"' || self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            return;
        }
        match byte {
            b'"' => {
                self.scalar.clear();
                self.capture(byte);
                self.in_string = true;
            }
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => {
                self.member();
                self.depth = self.depth.saturating_sub(1);
            }
            b':' => {
                let key = std::mem::take(&mut self.scalar);
                if let Some(open) = self.key() {
                    *open = key;
                }
            }
            b',' => self.member(),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => self.capture(byte),
        }
    }

    fn capture(&mut self, byte: u8) {
        if self.scalar.len() <= LONGEST {
            self.scalar.push(byte);
        }
    }

    fn open(&mut self, byte: u8) {
        if self.level == 0 {
            self.level = if byte == b'[' { 2 } else { 1 };
        }
        self.scalar.clear();
        self.depth = self.depth.saturating_add(1);
        if let Some(key) = self.key() {
            key.clear();
        }
        if self.depth == self.level && byte == b'{' {
            self.has_more = self.messages.len() >= MOST;
            if !self.has_more {
                self.messages.push(Recovered::default());
            }
        }
    }

    /// The key of the open member, if its object is a message or an object in one.
    fn key(&mut self) -> Option<&mut Vec<u8>> {
        let below = self.depth.checked_sub(self.level)?;
        self.keys.get_mut(below)
    }

    /// Takes the member that ends here, if its value is a scalar.
    fn member(&mut self) {
        let scalar = std::mem::take(&mut self.scalar);
        let [own, inner] = &self.keys;
        let Some(message) = self.messages.last_mut() else { return };
        if scalar.is_empty() || self.has_more {
            return;
        }
        let mut fits = || {
            self.size = self.size.saturating_add(scalar.len());
            self.size <= LARGEST
        };
        if self.depth == self.level {
            match own.as_slice() {
                b"\"id\"" => message.id.set(id(&scalar).filter(|_| fits())),
                b"\"method\"" => message.method.set(text(&scalar).filter(|_| fits())),
                _ => {}
            }
        } else if self.depth == self.level.saturating_add(1)
            && own == b"\"params\""
            && inner == b"\"name\""
        {
            message.name.set(text(&scalar).filter(|_| fits()));
        }
    }
}

fn id(scalar: &[u8]) -> Option<Id> {
    match text(scalar) {
        Some(text) => Some(Id::Text(text)),
        None => short(scalar).map(Id::Number),
    }
}

fn text(scalar: &[u8]) -> Option<String> {
    short(scalar)
}

fn short<T: serde::de::DeserializeOwned>(scalar: &[u8]) -> Option<T> {
    if scalar.len() > LONGEST { None } else { serde_json::from_slice(scalar).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovered(body: &str) -> Option<String> {
        let mut whole = Recovery::default();
        whole.push(body.as_bytes());
        let mut pieces = Recovery::default();
        body.as_bytes().chunks(3).for_each(|piece| pieces.push(piece));
        let [whole, pieces] = [whole, pieces].map(|recovery| {
            let (messages, is_batch) = recovery.finish()?;
            let ids: Vec<_> = messages.iter().map(|it| (it.request_id(), it.tool())).collect();
            Some(format!("{} {is_batch}", serde_json::to_string(&ids).unwrap()))
        });
        assert_eq!(whole, pieces);
        whole
    }

    fn check(body: &str, expected: &str) {
        assert_eq!(recovered(body).as_deref(), Some(expected), "{body}");
    }

    #[test]
    fn ids_are_found_in_bodies_that_are_refused() {
        let call = |argument: &str| {
            format!(
                r#"{{"method":"tools/call","params":{{"name":"get","arguments":{{"id":8,"x":{argument}}}}},"jsonrpc":"2.0","id":7}}"#
            )
        };
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        for argument in
            ["1152921504606846976", "1e999", r#""\u0000""#, r#""\ud800""#, "[1,,]", &deep]
        {
            check(&call(argument), r#"[[7,"get"]] false"#);
        }
        check(&call(r#"{"a":1,"a":2}"#), r#"[[7,"get"]] false"#);
        check(&call(r#"",\"id\":9,{""#), r#"[[7,"get"]] false"#);
        check(r#"{ "id" : "a\"\u00e9" , "method":"ping", "#, r#"[["a\"é",null]] false"#);
        check(r#"{"id":-3,"method":"tools/call","params":{"n"#, r#"[[-3,""]] false"#);
        check(
            r#"[{"id":1,"method":"ping"},{"method":"tools/call","params":{"name":"x","y":[{}]},"id":"2"},{"id":3,"result":{}}]"#,
            r#"[[1,null],["2","x"],[null,null]] true"#,
        );
    }

    #[test]
    fn what_is_no_id_of_a_request_is_not_answered() {
        for body in [
            "",
            "7",
            "}",
            r#"{"id":7"#,
            r#"{"id":7,"result":{}}"#,
            r#"{"id":7,"id":8,"method":"ping"}"#,
            r#"{"id":null,"method":"ping"}"#,
            r#"{"id":7.5,"method":"ping"}"#,
            r#"{"id":[7],"method":"ping"}"#,
            r#"{"params":{"id":7},"method":"ping"}"#,
            r#"{"method":"ping","a":"id","7":7}"#,
            r#"[{"id":1,"method":"ping"},{"id":1,"method":"ping"}]"#,
            r#"[[{"id":1,"method":"ping"}]]"#,
            r#"{"id":1,"method":"ping"}{"id":2,"method":"ping"}"#,
        ] {
            assert_eq!(recovered(body), None, "{body}");
        }
        let long = format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(LONGEST));
        assert_eq!(recovered(&long), None);
        for more in [1, 2, 3, 1000] {
            let many: Vec<String> =
                (0..MOST + more).map(|id| format!(r#"{{"id":{id},"method":"ping"}}"#)).collect();
            assert_eq!(recovered(&format!("[{}]", many.join(","))), None);
        }
        let large: Vec<String> = (0..MOST)
            .map(|id| format!(r#"{{"id":"{id}{}","method":"ping"}}"#, "x".repeat(200)))
            .collect();
        let (messages, _) = {
            let mut recovery = Recovery::default();
            recovery.push(format!("[{}]", large.join(",")).as_bytes());
            recovery.finish().unwrap()
        };
        let kept = messages.iter().filter_map(Recovered::request_id).count();
        assert!((20..MOST).contains(&kept), "{kept}");
    }
}
