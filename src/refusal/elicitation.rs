//! Asks the client of a call to have a page opened where a person approves it.

use serde_json::{Value, json};

use crate::approval::{Challenge, Form};
use crate::mcp::Id;

/// MCP 2025-11-25: a URL must be opened before the call can be made.
const URL_REQUIRED: i32 = -32042;

/// The name of the request for input.
const APPROVAL: &str = "dev.toolgate/approval";

/// The answer that has the client open the page, if it can; with the words of the refusal, and its
/// account.
pub(super) fn elicitation(
    challenge: &Challenge,
    id: Option<&Id>,
    (words, account): (&str, &Value),
) -> Option<Value> {
    let url = challenge.url.as_deref()?;
    match challenge.form {
        Form::InputRequired => {
            let params = json!({ "mode": "url", "url": url, "message": words });
            let asked = json!({ APPROVAL: { "method": "elicitation/create", "params": params } });
            let meta = json!({ "dev.toolgate/refusal": account });
            let result =
                json!({ "resultType": "input_required", "inputRequests": asked, "_meta": meta });
            Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
        }
        Form::Error => {
            let page = json!({ "mode": "url", "elicitationId": challenge.id, "url": url, "message": words });
            let data = json!({ "elicitations": [page], "dev.toolgate/refusal": account });
            let error = json!({ "code": URL_REQUIRED, "message": words, "data": data });
            Some(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
        }
        Form::Text => None,
    }
}

/// A request for approval in the account of a refusal.
pub(super) fn approval(challenge: &Challenge) -> Value {
    match (&challenge.url, &challenge.token) {
        (Some(url), _) => json!({ "id": challenge.id, "url": url }),
        (None, token) => json!({ "id": challenge.id, "request": token }),
    }
}
