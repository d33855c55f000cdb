//! Event streams: however the bytes arrive, the events are those that a client reads.

use arbitrary::Unstructured;
use toolgate::sse::{Data, Event, Splitter};

use crate::client;
use crate::pieces::pieces;

pub(super) fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let cuts = input.arbitrary().unwrap_or_default();
    let arrived = input.take_rest();
    let (whole, held) = split(&[arrived]);
    let (parts, held_in_parts) = split(&pieces(arrived, cuts));
    let stream = arrived.strip_prefix("\u{feff}".as_bytes()).unwrap_or(arrived);
    assert_eq!(held, held_in_parts);
    let bytes = |events: &[Event]| events.iter().map(Event::as_bytes).collect::<Vec<_>>().concat();
    assert_eq!(bytes(&whole).len() + held, stream.len());
    assert!(stream.starts_with(&bytes(&whole)));
    assert_eq!(bytes(&whole), bytes(&parts));
    assert_eq!(read(&whole), read(&parts));
    if let Ok(text) = std::str::from_utf8(arrived) {
        as_a_client(text, &read(&whole));
    }
    whole.iter().for_each(rewritten);
}

fn split(pieces: &[&[u8]]) -> (Vec<Event>, usize) {
    let mut splitter = Splitter::default();
    let events = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
    (events, splitter.held())
}

/// The data of the events that have any, and whether they are messages.
fn read(events: &[Event]) -> Vec<Option<(bool, String)>> {
    let data = events.iter().map(|event| match event.data() {
        None => Some(None),
        Some(Data::None) => None,
        Some(Data::Message(data)) => Some(Some((true, data.into_owned()))),
        Some(Data::Other(data)) => Some(Some((false, data.into_owned()))),
    });
    data.flatten().collect()
}

/// A client that follows the standard reads the same.
fn as_a_client(stream: &str, events: &[Option<(bool, String)>]) {
    let expected = client::dispatched(stream.as_bytes()).into_iter();
    let expected: Vec<_> =
        expected.map(|event| Some((event.name == "message", event.data))).collect();
    assert_eq!(events, expected, "{stream:?}");
}

/// An event with another message is one event with this message.
fn rewritten(event: &Event) {
    for changed in [event.with_message("{}"), event.plain(Some("{}"))] {
        let (events, held) = split(&[changed.as_bytes()]);
        assert_eq!((events.len(), held), (1, 0), "{changed:?}");
        assert!(matches!(events[0].data(), Some(Data::Message(_) | Data::Other(_))));
    }
    let (events, held) = split(&[event.plain(None).as_bytes()]);
    assert_eq!((events.len(), held), (1, 0));
    assert_eq!(events[0].data(), Some(Data::None));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let streams = [
        ": open\n\nid: 1\r\ndata: a\r\ndata:b\r\n\r\nevent: endpoint\rdata: /x\r\rdata: c\n\n\n",
        "\u{feff}data: a\n\ndata\n\ndata: a\r\n\r\n",
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}\n\nretry: 5\n\n",
        "event: x\nevent\ndata: a\n\n:\n\n data: a\n\ndata:  a\r\r\n",
    ];
    let seed = |stream: &str, cuts: u8| [&[cuts], stream.as_bytes()].concat();
    streams.iter().flat_map(|stream| [0, 1, 3].map(|cuts| seed(stream, cuts))).collect()
}
