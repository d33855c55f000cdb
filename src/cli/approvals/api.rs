//! The requests of gates.

use std::time::Duration;

use hyper::header::HeaderMap;
use serde_json::json;

use super::asked::accept;
use super::audit;
use super::service::{Approvals, now};
use crate::approval::{Answer, Asked, Binding, Status};
use crate::cli::http::{Refused, Request, Response, json, json_body};

/// The longest time for which an answer is held back, in seconds.
const LONGEST_WAIT: u64 = 60;

/// Answers a gate.
pub(super) async fn answer(service: &Approvals, request: &Request) -> Response {
    match decided(service, request).await {
        Ok(answer) => json(if answer.status == Status::Pending { 202 } else { 200 }, &answer),
        Err(refused) => {
            audit::refused("access-request", refused.status, &refused.detail, None);
            refused.answer()
        }
    }
}

async fn decided(service: &Approvals, request: &Request) -> Result<Answer, Refused> {
    let asked: Asked = json_body(request)?;
    let binding = asked.binding.clone();
    let (settings, now, patience) = (&service.settings, now(), wait(request.headers()));
    let signed = accept(asked, &settings.gates, &settings.name, now)?;
    let (id, mut answer) = service.ask(signed, now)?;
    if answer.status == Status::Pending && !patience.is_zero() {
        answer = service.wait(&id, patience).await?.unwrap_or(answer);
    }
    tell(&id, &binding, &answer);
    Ok(answer)
}

fn tell(id: &str, binding: &Binding, answer: &Answer) {
    audit::line(&json!({
        "event": "access_request",
        "id": id,
        "status": answer.status,
        "principal": binding.subject,
        "chain": binding.context.chain,
        "tool": binding.action.name,
        "binding_hash": binding.hash(),
    }));
}

/// How long a gate prefers to wait: `wait` of RFC 7240.
fn wait(headers: &HeaderMap) -> Duration {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    let seconds = preferences.find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().parse::<u64>().ok())?
    });
    Duration::from_secs(seconds.unwrap_or_default().min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_bounded() {
        for (value, seconds) in [
            ("wait=10", 10),
            ("respond-async, Wait = 5", 5),
            ("wait=61", 60),
            ("wait=99999999999999999999", 0),
            ("wait=-1", 0),
            ("wait", 0),
            ("", 0),
        ] {
            let headers = HeaderMap::from_iter([(
                hyper::header::HeaderName::from_static("prefer"),
                value.parse().unwrap(),
            )]);
            assert_eq!(wait(&headers), Duration::from_secs(seconds), "{value}");
        }
    }
}
