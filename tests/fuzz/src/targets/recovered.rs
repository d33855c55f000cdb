//! Ids that are recovered from a body: however it arrives, and those that it has.

use arbitrary::Unstructured;
use toolgate::json;
use toolgate::mcp::{self, Id, Message, Recovery, StandardHeaders};

use crate::bundles;
use crate::pieces::pieces;

/// As much as is held of one value, and of all of them.
const LONGEST: usize = 512;
const LARGEST: usize = 8192;

pub(super) fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let cuts = input.arbitrary().unwrap_or_default();
    let body = input.take_rest();
    let whole = recovered(&[body]);
    assert_eq!(recovered(&pieces(body, cuts)), whole);
    if let Some((messages, _)) = &whole {
        let texts = messages.iter().flat_map(|(id, method, tool)| {
            let id = match id {
                Some(Id::Text(text)) => Some(text),
                Some(Id::Number(_)) | None => None,
            };
            [id, method.as_ref(), tool.as_ref()].into_iter().flatten()
        });
        assert!(texts.map(String::len).sum::<usize>() <= LARGEST);
    }
    // Names of members are recovered as they are usually written.
    if body.len() <= LONGEST && !body.contains(&b'\\') {
        readable(body, whole);
    }
}

type Found = (Vec<(Option<Id>, Option<String>, Option<String>)>, bool);

fn recovered(pieces: &[&[u8]]) -> Option<Found> {
    let mut recovery = Recovery::default();
    for piece in pieces {
        recovery.push(piece);
    }
    let (messages, is_batch) = recovery.finish()?;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let messages = messages
        .iter()
        .map(|it| (it.request_id().cloned(), owned(it.method()), owned(it.tool())))
        .collect();
    Some((messages, is_batch))
}

/// In a body that can be read, the ids and methods are those of its requests.
fn readable(body: &[u8], found: Option<Found>) {
    let Ok(value) = json::read_body(body, 32, usize::MAX) else { return };
    let Ok(read) = mcp::read(&value, &StandardHeaders::default(), 64) else { return };
    let ids = |messages: &[Message<'_>]| -> Vec<Option<Id>> {
        messages.iter().map(|message| message.request_id().cloned()).collect()
    };
    let expected = ids(read.messages());
    if expected.iter().all(Option::is_none) {
        assert!(found.is_none_or(|(messages, _)| messages.iter().all(|(id, ..)| id.is_none())));
        return;
    }
    let (messages, is_batch) = found.expect("a request has an id");
    assert_eq!(is_batch, read.is_batch());
    let found: Vec<Option<Id>> = messages.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(found, expected);
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let cases = bundles::all().iter().flat_map(|bundle| {
        let files = bundle.cases.iter().flat_map(|file| &file.cases);
        files.map(|case| case.arrival(None, &bundle.gate.bundle).1)
    });
    cases.map(|body| [&[2], body.as_slice()].concat()).collect()
}
