//! What a tool server offers: from its answers in files, from an OpenAPI document, or from the
//! running server.

mod answer;
mod arguments;
mod capabilities;
mod captures;
mod events;
mod live;
mod openapi;
mod propose;
mod usable;

pub(in crate::cli) use arguments::{Offer, OfferArguments};
pub(in crate::cli) use captures::name;
pub(in crate::cli) use propose::{Proposal, proposals, scalar};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::bundle::ServerNotes;
use crate::tool::Pin;

/// Names of tools on the wire, by class.
pub(in crate::cli) type Classes = BTreeMap<String, BTreeSet<String>>;

/// The content of a tools file: the tools, their pins, and the classes that patterns give them.
pub(in crate::cli) fn locked(tools: &[Value], notes: &ServerNotes) -> Value {
    let pins = tools.iter().filter_map(|tool| {
        Some((name(tool)?.to_owned(), Value::from(Pin::of(tool).digest().as_str())))
    });
    let mut file = json!({ "pins": pins.collect::<Value>(), "tools": tools });
    if let (false, Some(members)) = (notes.classes.is_empty(), file.as_object_mut()) {
        members.insert("classes".to_owned(), json!(classes(tools, notes)));
    }
    file
}

/// The tools that patterns put into each class.
pub(in crate::cli) fn classes(tools: &[Value], notes: &ServerNotes) -> Classes {
    let entries = notes.entries();
    let mut found: Classes =
        notes.classes.keys().map(|class| (class.clone(), BTreeSet::new())).collect();
    for tool in tools.iter().filter_map(name) {
        for class in notes.classes_of(entries.name_of(tool)) {
            found.entry(class).or_default().insert(tool.to_owned());
        }
    }
    found
}
