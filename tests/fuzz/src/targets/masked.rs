//! Results with labels: whatever form a server gives them, nothing labelled gets out.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Map, Value, json};

use crate::upstream::{CALL, Response, asked, received};

/// What nobody may see.
const CANARY: &str = "canary-4711";

pub(super) fn run(data: &[u8]) {
    // What is left over when the input ends is all zeros.
    if let Ok(answer) = Answer::arbitrary(&mut Unstructured::new(data)) {
        answer.check();
    }
}

/// An answer of a server to a call.
#[derive(Debug)]
struct Answer {
    content_type: &'static str,
    status: &'static str,
    body: Vec<u8>,
    cuts: u8,
}

impl Answer {
    fn check(&self) {
        let Self { content_type, status, body, cuts } = self;
        let response = Response { status, content_type, body, cuts: *cuts };
        let got = received(asked(CALL), &response);
        assert!(!got.passed);
        let (shown, sent) = (String::from_utf8_lossy(&got.body), String::from_utf8_lossy(body));
        assert!(!shown.contains(CANARY), "{sent}\n=> {shown}");
        assert!(!format!("{:?}", got.headers).contains(CANARY));
    }
}

impl<'a> Arbitrary<'a> for Answer {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let cuts = input.arbitrary()?;
        let status = input.choose(&["200", "500"])?;
        let types = ["application/json", "text/event-stream", "text/plain"];
        let content_type = *input.choose(&types)?;
        let body = if content_type == "text/event-stream" { stream(input)? } else { body(input)? };
        Ok(Self { content_type, status, body: body.into_bytes(), cuts })
    }
}

/// Events, some of which are messages.
fn stream(input: &mut Unstructured<'_>) -> Result<String> {
    let end = *input.choose(&["\n", "\r\n", "\r"])?;
    let mut stream = String::new();
    for _ in 0..=input.int_in_range(0..=2)? {
        stream.push_str(input.choose(&[
            "",
            "\u{feff}",
            "\n",
            "\r",
            "id: 1\n",
            ": canary-4711\n",
            "canary-4711: 1\n",
        ])?);
        stream.push_str(input.choose(&[
            "",
            "event: message\n",
            "event: canary-4711\n",
            "event: endpoint\n",
            "event\n",
        ])?);
        for line in body(input)?.split('\n') {
            stream.push_str(input.choose(&["data: ", "data:"])?);
            stream.push_str(line);
            stream.push_str(end);
        }
        stream.push_str(input.choose(&["", "event: endpoint", "event: message", "data"])?);
        stream.push_str(end);
        stream.push_str(end);
    }
    Ok(stream)
}

/// A message, a batch, or neither.
fn body(input: &mut Unstructured<'_>) -> Result<String> {
    let message = match input.int_in_range(0..=5)? {
        0..=3 => message(input)?,
        4 => json!([message(input)?, message(input)?, CANARY]),
        _ => json!(CANARY),
    };
    let text = if input.arbitrary()? { format!("{message:#}") } else { message.to_string() };
    Ok(match input.int_in_range(0..=7)? {
        0 => format!("{text},"),
        1 => text.replacen('{', r#"{"id":"y","#, 1),
        2 => text.replace(CANARY, "\\u0063anary-4711").replace("\"a\":", "\"a\\u0062\":"),
        _ => text,
    })
}

fn message(input: &mut Unstructured<'_>) -> Result<Value> {
    let mut message = json!({ "jsonrpc": "2.0", "id": "x" });
    match input.int_in_range(0..=5)? {
        0..=3 => message["result"] = result(input)?,
        4 => message["error"] = json!({ "code": -1, "message": CANARY, "data": odd(input)? }),
        _ => {
            let methods = [
                "notifications/progress",
                "notifications/message",
                "sampling/createMessage",
                "elicitation/create",
                "ping",
            ];
            message["method"] = json!(input.choose(&methods)?);
            message["params"] = json!({ "message": odd(input)?, "data": CANARY, "a": CANARY });
        }
    }
    if input.arbitrary()? {
        message["more"] = odd(input)?;
    }
    Ok(message)
}

fn result(input: &mut Unstructured<'_>) -> Result<Value> {
    let mut result = Map::new();
    let data = data(input)?;
    if input.arbitrary()? {
        result.insert("structuredContent".to_owned(), data.clone());
    }
    let mut content = Vec::new();
    for _ in 0..input.int_in_range(0..=3)? {
        content.push(item(input, &data)?);
    }
    if input.arbitrary()? {
        result.insert("content".to_owned(), content.into());
    }
    for name in ["isError", "resultType", "_meta", "task", "tools", "capabilities", "toolResult"] {
        if input.ratio(1, 6)? {
            result.insert(name.to_owned(), odd(input)?);
        }
    }
    Ok(if input.ratio(1, 12)? { odd(input)? } else { result.into() })
}

/// Structured data, with the canary only in parts that have labels.
fn data(input: &mut Unstructured<'_>) -> Result<Value> {
    let mut data = json!({ "id": "p" });
    if input.arbitrary()? {
        data["email"] = odd(input)?;
    }
    if input.arbitrary()? {
        let people =
            [json!({ "email": odd(input)?, "name": "a" }), json!({ "email": odd(input)? })];
        data["people"] = match input.int_in_range(0..=3)? {
            0 => odd(input)?,
            // Members that no label names would be shown.
            1 => json!([CANARY, [CANARY], null]),
            _ => json!(people),
        };
    }
    if input.arbitrary()? {
        data["notes"] = json!({ "a": odd(input)?, "b": odd(input)? });
    }
    if input.arbitrary()? {
        let card = json!({ "number": odd(input)?, "type": "x" });
        data["card"] = if input.arbitrary()? { card } else { json!([CANARY]) };
    }
    Ok(data)
}

/// An item of content, which may repeat the data or a part of it.
fn item(input: &mut Unstructured<'_>, data: &Value) -> Result<Value> {
    let text = |text: String| json!({ "type": "text", "text": text });
    Ok(match input.int_in_range(0..=7)? {
        0 => text(data.to_string()),
        1 => text(format!("{data:#}")),
        2 => text(format!("It is {CANARY}.")),
        3 => text(self::data(input)?.to_string()),
        4 => text(odd(input)?.to_string()),
        5 => json!({ "type": "image", "data": CANARY, "text": CANARY }),
        6 => json!({ "type": "text", "text": data.to_string(), "annotations": odd(input)? }),
        _ => odd(input)?,
    })
}

/// A value with the canary somewhere, or a usual one without it.
fn odd(input: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match input.int_in_range(0..=7)? {
        0 | 1 => json!(CANARY),
        2 => json!([CANARY]),
        3 => json!({ "a": CANARY }),
        4 => json!({ CANARY: 1 }),
        5 => json!(true),
        6 => json!([{ "email": CANARY }]),
        _ => Value::Null,
    })
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut dice = crate::pieces::Dice::new(4711);
    let seed = |_| (0..160).map(|_| dice.below(256).to_le_bytes()[0]).collect();
    (0..200).map(seed).collect()
}
