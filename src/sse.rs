//! Server-sent events (WHATWG HTML, section 9.2): a stream split into events, whose bytes stay as
//! they are.

use std::borrow::Cow;

/// The name of events that have none.
const MESSAGE: &str = "message";

/// The name of the event with the path for messages, as in the transport of 2024-11-05.
const ENDPOINT: &str = "endpoint";

/// U+FEFF, of which the first one in a stream is no part of it. Not all clients know, so that it is
/// left out.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Characters that end lines in Unicode, and not in a stream of events.
const OTHER_ENDS: [char; 8] =
    ['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Splits a stream. It holds at most one event, the one that is not complete.
#[derive(Debug)]
pub struct Splitter {
    held: Vec<u8>,
    /// Whether the current line is empty so far.
    line_is_empty: bool,
    /// Whether the last byte was a carriage return: a line feed after it ends no other line.
    after_return: bool,
    /// Whether nothing but a byte order mark has arrived.
    is_new: bool,
}

/// One event with the blank line that ends it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event(Vec<u8>);

/// What a client reads in an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Data<'a> {
    /// Nothing: comments, or fields without data.
    None,
    /// A message.
    Message(Cow<'a, str>),
    /// The data of an event with another name, which clients of MCP should ignore.
    Other(Cow<'a, str>),
}

impl Default for Splitter {
    fn default() -> Self {
        Self { held: Vec::new(), line_is_empty: true, after_return: false, is_new: true }
    }
}

impl Splitter {
    /// Adds bytes, and returns the events that are complete with them.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in bytes {
            let is_second_half = *byte == b'\n' && self.after_return;
            let ends_line = *byte == b'\r' || (*byte == b'\n' && !is_second_half);
            self.after_return = *byte == b'\r';
            if is_second_half && self.held.is_empty() {
                // Clients wait for it, so it goes at once, also alone.
                match events.last_mut() {
                    Some(Event(before)) => before.push(*byte),
                    None => events.push(Event(vec![*byte])),
                }
                continue;
            }
            self.held.push(*byte);
            if self.is_new && self.held == BYTE_ORDER_MARK {
                self.held.clear();
                (self.is_new, self.line_is_empty) = (false, true);
                continue;
            }
            self.is_new &= BYTE_ORDER_MARK.starts_with(&self.held);
            if ends_line && self.line_is_empty {
                events.push(Event(std::mem::take(&mut self.held)));
            } else if !is_second_half {
                self.line_is_empty = ends_line;
            }
        }
        events
    }

    /// The number of bytes held.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

impl Event {
    /// An event with a message.
    pub fn of(message: &str) -> Self {
        Self(format!("event: {MESSAGE}\ndata: {message}\n\n").into_bytes())
    }

    /// The bytes of the event.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What a client reads in it; `None` if it is not UTF-8.
    pub fn data(&self) -> Option<Data<'_>> {
        Some(match self.named()? {
            (_, None) => Data::None,
            (name, Some(data)) if name.is_empty() || name == MESSAGE => Data::Message(data),
            (_, Some(data)) => Data::Other(data),
        })
    }

    /// The name and the data; `None` if the event is not UTF-8.
    fn named(&self) -> Option<(&str, Option<Cow<'_, str>>)> {
        let (mut name, mut data) = ("", None::<Cow<'_, str>>);
        for line in self.lines()? {
            match field(line) {
                ("event", value) => name = value,
                ("data", value) => {
                    data = Some(match data {
                        None => value.into(),
                        Some(before) => Cow::Owned([&*before, "\n", value].concat()),
                    });
                }
                _ => {}
            }
        }
        Some((name, data))
    }

    /// The event with another message, which has no line ends. Its other fields stay.
    #[must_use]
    pub fn with_message(&self, message: &str) -> Self {
        let mut event = String::new();
        for line in self.lines().into_iter().flatten() {
            // No client has a field that begins with U+FEFF, but one that reads it as the beginning of
            // a stream would have the rest.
            let is_kept = field(line).0 != "data" && !line.starts_with('\u{feff}');
            if !line.is_empty() && is_kept {
                event.push_str(line);
                event.push('\n');
            }
        }
        event.push_str("data: ");
        event.push_str(&escaped(message));
        event.push_str("\n\n");
        Self(event.into_bytes())
    }

    /// The event with this message, or without data, of which nothing else stays but what a client
    /// needs to resume the stream.
    #[must_use]
    pub fn plain(&self, message: Option<&str>) -> Self {
        let mut event = String::new();
        for line in self.lines().into_iter().flatten() {
            let is_plain = line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
            if matches!(field(line).0, "id" | "retry") && is_plain {
                event.push_str(line);
                event.push('\n');
            }
        }
        if let Some(message) = message {
            event.push_str("data: ");
            event.push_str(&escaped(message));
            event.push('\n');
        }
        event.push('\n');
        Self(event.into_bytes())
    }

    /// Whether some clients read other lines in it: those that end lines where Unicode does.
    pub fn has_other_lines(&self) -> bool {
        std::str::from_utf8(&self.0).is_ok_and(|text| text.contains(OTHER_ENDS))
    }

    /// The event without anything else, if it names the path for messages.
    pub fn endpoint(&self) -> Option<Self> {
        let (name, path) = self.named()?;
        let path = path.filter(|path| name == ENDPOINT && is_address(path))?;
        Some(Self(format!("event: {ENDPOINT}\ndata: {path}\n\n").into_bytes()))
    }

    /// The lines without their ends; `None` if the event is not UTF-8.
    fn lines(&self) -> Option<impl Iterator<Item = &str>> {
        let text = std::str::from_utf8(&self.0).ok()?;
        // `\r\n` leaves an empty line more, which has no field.
        Some(text.split(['\r', '\n']))
    }
}

/// A message without characters that end lines for some clients. JSON has them in strings only.
fn escaped(message: &str) -> Cow<'_, str> {
    if !message.contains(OTHER_ENDS) {
        return message.into();
    }
    let escape = |letter: char| {
        let is_end = OTHER_ENDS.contains(&letter);
        if is_end { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() }
    };
    message.chars().map(escape).collect::<String>().into()
}

/// Whether a text can be a path or a URL, and so no JSON with a name or a text in it.
fn is_address(text: &str) -> bool {
    let is_usual =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte);
    let is_absolute = ["/", "http://", "https://"].iter().any(|start| text.starts_with(start));
    is_absolute && text.bytes().all(is_usual)
}

/// The name and the value of a line.
fn field(line: &str) -> (&str, &str) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name, value.strip_prefix(' ').unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": open\n\nid: 1\r\ndata: a\r\ndata:b\r\n\r\nevent: endpoint\rdata: /x\r\rdata: c\n\n\n";

    fn split(stream: &str, size: usize) -> (Vec<String>, usize) {
        let mut splitter = Splitter::default();
        let events = stream.as_bytes().chunks(size).flat_map(|chunk| splitter.push(chunk));
        let events = events.map(|event| String::from_utf8(event.0).unwrap()).collect();
        (events, splitter.held())
    }

    #[test]
    fn events_are_those_of_the_standard_however_they_arrive() {
        let events = [
            ": open\n\n",
            "id: 1\r\ndata: a\r\ndata:b\r\n\r\n",
            "event: endpoint\rdata: /x\r\r",
            "data: c\n\n",
            "\n",
        ];
        for size in 1..=STREAM.len() {
            let (found, held) = split(STREAM, size);
            assert_eq!((found.concat().as_str(), held), (STREAM, 0), "{size}");
            // The second half of a line end can arrive by itself.
            let whole: Vec<&String> = found.iter().filter(|event| *event != "\n").collect();
            let ends = |event: &str| event.trim_end_matches('\n').to_owned();
            let expected: Vec<String> = events.iter().take(4).map(|event| ends(event)).collect();
            assert_eq!(
                whole.iter().map(|event| ends(event)).collect::<Vec<_>>(),
                expected,
                "{size}"
            );
        }
        assert_eq!(split(STREAM, STREAM.len()).0, events);
        assert_eq!(split("data: a\n", 1), (Vec::new(), 8));
        // Nothing of a complete event waits for the next one.
        assert_eq!(split("data: a\r\n\r\n", 99), (vec!["data: a\r\n\r\n".to_owned()], 0));
    }

    #[test]
    fn the_data_is_what_a_client_reads() {
        let message = |text: &'static str| Some(Data::Message(text.into()));
        for (event, expected) in [
            ("data: a\r\ndata:b\r\n\r\n", message("a\nb")),
            ("\ndata\n\n", message("")),
            ("data:  a\n\n", message(" a")),
            ("\u{feff}data: a\n\n", Some(Data::None)),
            ("event: message\ndata: a\n\n", message("a")),
            ("event: message\nevent: x\ndata: a\n\n", Some(Data::Other("a".into()))),
            ("event: x\nevent\ndata: a\n\n", message("a")),
            ("event: endpoint\rdata: /x\r\r", Some(Data::Other("/x".into()))),
            ("Data: a\n\n", Some(Data::None)),
            (": data: a\n\n", Some(Data::None)),
            (" data: a\n\n", Some(Data::None)),
        ] {
            let event = Event(event.as_bytes().to_vec());
            assert_eq!(event.data(), expected, "{event:?}");
        }
        assert_eq!(Event(b"data: \xff\n\n".to_vec()).data(), None);
    }

    #[test]
    fn a_byte_order_mark_is_left_out_where_a_stream_begins() {
        for size in 1..9 {
            let (events, held) = split("\u{feff}data: a\n\n\u{feff}data: b\n\n", size);
            assert_eq!(events, ["data: a\n\n", "\u{feff}data: b\n\n"]);
            assert_eq!(held, 0);
            assert_eq!(split("\u{feff}\u{feff}\n\n", size).0, ["\u{feff}\n\n"]);
            let mut splitter = Splitter::default();
            let events = b"\xEF\n\n".chunks(size).flat_map(|chunk| splitter.push(chunk));
            assert_eq!(events.map(|event| event.0).collect::<Vec<_>>(), [b"\xEF\n\n"]);
        }
    }

    #[test]
    fn an_endpoint_is_an_address() {
        let endpoint = |event: &str| {
            let endpoint = Event(event.as_bytes().to_vec()).endpoint();
            endpoint.map(|event| String::from_utf8(event.0).unwrap())
        };
        let expected = Some("event: endpoint\ndata: /m?a=b%20c\n\n".to_owned());
        assert_eq!(endpoint("id: 1\n: x\ndata:/m?a=b%20c\revent:endpoint\r\r"), expected);
        for event in [
            "event: endpoint\n\n",
            "event: endpoint\ndata\n\n",
            "event: endpoint\ndata: {\"a\":1}\n\n",
            "event: endpoint\ndata: /a\ndata: /b\n\n",
            "event: endpoint\nevent: x\ndata: /m\n\n",
            "\u{feff}event: endpoint\ndata: /m\n\n",
        ] {
            assert_eq!(endpoint(event), None, "{event:?}");
        }
    }

    #[test]
    fn another_message_leaves_the_other_fields() {
        let event = Event(b"id: 1\r\ndata: a\r\n: b\r\ndata: c\r\nretry: 5\r\n\r\n".to_vec());
        let changed = event.with_message("{}");
        assert_eq!(changed.0, b"id: 1\n: b\nretry: 5\ndata: {}\n\n");
        assert_eq!(changed.data(), Some(Data::Message("{}".into())));
        let event = Event("data: a\n\u{feff}data: b\nid: 1\n\n".as_bytes().to_vec());
        assert_eq!(event.with_message("{}").0, b"id: 1\ndata: {}\n\n");
    }
}
