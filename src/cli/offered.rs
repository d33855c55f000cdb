//! What a tool server offers: from its answers in files, from an OpenAPI document, or from the
//! running server.

mod answer;
mod arguments;
mod captures;
mod events;
mod live;
mod openapi;
mod propose;
mod usable;

pub(in crate::cli) use arguments::{Offer, OfferArguments};
pub(in crate::cli) use captures::name;
pub(in crate::cli) use propose::{Proposal, proposal, proposals, scalar};

use serde_json::{Value, json};

use crate::tool;

/// The content of a tools file.
pub(in crate::cli) fn pinned(tools: &[Value]) -> Value {
    let pins = tools
        .iter()
        .filter_map(|tool| Some((name(tool)?.to_owned(), Value::from(tool::pin(tool).as_str()))));
    json!({ "pins": pins.collect::<Value>(), "tools": tools })
}
