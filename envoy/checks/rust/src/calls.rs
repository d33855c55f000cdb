//! Compares the calls of a body with those that were decided.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Refused, unique};

/// A call that was decided.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// The method, such as `tools/call`.
    pub method: String,
    /// The name of the tool on this server.
    pub tool_name: String,
    /// SHA-256 of the canonical JSON of its arguments; `None` if it has none.
    pub arguments_digest: Option<String>,
}

/// Compares the calls of tools in a body with those that were decided, in their order.
pub(crate) fn same(asserted: &[Call], body: &[u8]) -> Result<(), Refused> {
    let read = if body.is_empty() {
        Value::Array(Vec::new())
    } else {
        unique::read(body).map_err(Refused)?
    };
    let messages = if let Value::Array(messages) = read { messages } else { vec![read] };
    if !messages.iter().all(Value::is_object) {
        return Err(Refused("the body has no messages"));
    }
    let sent: Vec<&Value> =
        messages.iter().filter(|message| message["method"] == "tools/call").collect();
    let decided: Vec<&Call> = asserted.iter().filter(|call| call.method == "tools/call").collect();
    if sent.len() != decided.len() {
        return Err(Refused("it is about another number of calls"));
    }
    for (message, call) in sent.into_iter().zip(decided) {
        let params = &message["params"];
        if params["name"] != call.tool_name {
            return Err(Refused("it is about another tool"));
        }
        if digest(&params["arguments"])? != call.arguments_digest {
            return Err(Refused("it is about other arguments"));
        }
    }
    Ok(())
}

/// The digest of the arguments of a call.
fn digest(arguments: &Value) -> Result<Option<String>, Refused> {
    if arguments.is_null() {
        return Ok(None);
    }
    let canonical = serde_json_canonicalizer::to_vec(arguments);
    let canonical = canonical.map_err(|_| Refused("the arguments have no canonical form"))?;
    let digits =
        Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(Some(format!("sha256:{digits}")))
}
