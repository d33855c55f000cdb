//! Asks the client of a call to have a page opened where a person approves it.

use serde_json::{Value, json};

use super::{Form, Refused};
use crate::approval::{self, Challenge};
use crate::bundle::{RefusalSettings, RefusalStyle};

/// MCP 2025-11-25: a URL must be opened before the call can be made.
const URL_REQUIRED: i32 = -32042;

/// The name of the request for input.
const APPROVAL: &str = "dev.toolgate/approval";

/// The answer that has the client open the page, if it can and the bundle hides nothing.
pub(super) fn elicited(
    refused: &Refused<'_>,
    form: Form,
    settings: &RefusalSettings,
) -> Option<Value> {
    let challenge = refused.challenge?;
    let url = challenge.url.as_deref()?;
    if form.streamed || settings.style == RefusalStyle::Conceal {
        return None;
    }
    let message = super::words(refused, settings);
    let account = super::account(refused);
    match challenge.form {
        approval::Form::InputRequired => {
            let params = json!({ "mode": "url", "url": url, "message": message });
            let asked = json!({ APPROVAL: { "method": "elicitation/create", "params": params } });
            Some(json!({
                "jsonrpc": "2.0",
                "id": refused.id,
                "result": {
                    "resultType": "input_required",
                    "inputRequests": asked,
                    "_meta": { "dev.toolgate/refusal": account },
                },
            }))
        }
        approval::Form::Error => {
            let page = json!({
                "mode": "url", "elicitationId": challenge.id, "url": url, "message": message,
            });
            let data = json!({ "elicitations": [page], "dev.toolgate/refusal": account });
            let error = json!({ "code": URL_REQUIRED, "message": message, "data": data });
            Some(json!({ "jsonrpc": "2.0", "id": refused.id, "error": error }))
        }
        approval::Form::Text => None,
    }
}

/// A request for approval in the account of a refusal.
pub(super) fn approval(challenge: &Challenge) -> Value {
    match (&challenge.url, &challenge.token) {
        (Some(url), _) => json!({ "id": challenge.id, "url": url }),
        (None, token) => json!({ "id": challenge.id, "request": token }),
    }
}
