//! What a client reads in an event stream, by the standard (WHATWG HTML, section 9.2), written
//! independently of the gate.

/// An event that a client dispatches.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Dispatched {
    /// Its name, `message` if it has none.
    pub(crate) name: String,
    pub(crate) data: String,
}

/// The events of a whole stream. Bytes that are not UTF-8 are replaced.
pub(crate) fn dispatched(stream: &[u8]) -> Vec<Dispatched> {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut name, mut data) = (Vec::new(), String::new(), None::<Vec<&str>>);
    // What follows the last line end is no line, and an event without a blank line is not sent.
    let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    for line in complete.split('\n').take(if text.contains('\n') { usize::MAX } else { 0 }) {
        if line.is_empty() {
            let name = std::mem::take(&mut name);
            if let Some(data) = data.take() {
                let name = if name.is_empty() { "message".to_owned() } else { name };
                events.push(Dispatched { name, data: data.join("\n") });
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.get_or_insert_default().push(value),
            _ => {}
        }
    }
    events
}

/// The texts of the messages that a client of MCP reads in a body.
pub(crate) fn messages(body: &[u8], is_stream: bool) -> Vec<String> {
    if !is_stream {
        return vec![String::from_utf8_lossy(body).into_owned()];
    }
    let messages = dispatched(body).into_iter().filter(|event| event.name == "message");
    messages.map(|event| event.data).collect()
}
