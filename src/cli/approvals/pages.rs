//! The requests of people.

use hyper::Method;
use serde_json::json;

use super::approver::Approver;
use super::audit;
use super::decision::{Ruled, reason};
use super::form::{self, Sent, Tokens};
use super::page::{self, Form, View, notice};
use super::service::{Approvals, now, takes_part};
use crate::cli::http::{Refused, Request, Response, is_for, with_header};

/// Answers a person.
pub(super) fn answer(service: &Approvals, tokens: &Tokens, request: &Request) -> Response {
    let settings = &service.settings;
    if !is_for(request.headers(), settings.listen, &settings.authority) {
        return refuse(421, None, "This service does not know the host that was asked for.");
    }
    match request.uri().path() {
        "/style.css" => return page::style(),
        "/icon.svg" => return page::icon(),
        _ => {}
    }
    let who = match Approver::of(request.headers(), settings) {
        Ok(who) => who,
        Err(why) => {
            let text = format!(
                "The proxy in front of this page signs people in and says who they are. It has not: \
                 {why}."
            );
            return refuse(401, None, &text);
        }
    };
    let id = request.uri().path().strip_prefix("/requests/");
    match (request.method(), request.uri().path(), id) {
        (&Method::GET | &Method::HEAD, "/", _) => list(service, &who),
        (&Method::GET | &Method::HEAD, "/history", _) => history(service, &who),
        (&Method::GET | &Method::HEAD, _, Some(id)) => show(service, tokens, id, &who, None),
        (&Method::POST, _, Some(id)) => decide(service, tokens, request, id, &who),
        (&Method::GET | &Method::HEAD, _, None) => {
            refuse(404, Some(&who), "There is no such page.")
        }
        _ => {
            let response = refuse(405, Some(&who), "Pages are read, and decisions are posted.");
            with_header(
                response,
                "allow",
                if id.is_some() { "GET, HEAD, POST" } else { "GET, HEAD" },
            )
        }
    }
}

fn list(service: &Approvals, who: &Approver) -> Response {
    let view = view(service);
    let (count, main) = service.look(|ledger| {
        (ledger.pending(view.now).count(), page::list(ledger.pending(view.now), view))
    });
    let title = if count == 0 { "Waiting".to_owned() } else { format!("({count}) Waiting") };
    page::page(200, &title, Some(who), &main)
}

fn history(service: &Approvals, who: &Approver) -> Response {
    let view = view(service);
    let main = service.look(|ledger| page::history(ledger.finished(view.now), view));
    page::page(200, "History", Some(who), &main)
}

/// The page of a request, with what was wrong with a form.
fn show(
    service: &Approvals,
    tokens: &Tokens,
    id: &str,
    who: &Approver,
    wrong: Option<(&Sent, &str)>,
) -> Response {
    // Gates tell callers the id of the request, of which an entry can have several.
    if let Some(id) = service.look(|ledger| Some(ledger.of_request(id)?.id.clone())) {
        return page::see(&id);
    }
    let view = view(service);
    let main = service.look(|ledger| {
        let entry = ledger.get(id)?;
        let token = tokens.of(id, who);
        let form = if !entry.is_pending(view.now) {
            Form::None
        } else if takes_part(entry, who.names()) {
            Form::OwnRequest
        } else {
            let reason = wrong.map(|(sent, _)| &*sent.reason).unwrap_or_default();
            Form::Open { token: &token, reason, problem: wrong.map(|(_, problem)| problem) }
        };
        let title = entry.binding().action.name.clone();
        Some((title, page::request(entry, ledger.of_pair(entry), &form, view)))
    });
    let status = if wrong.is_some() { 400 } else { 200 };
    match main {
        Some((title, main)) => page::page(status, &title, Some(who), &main),
        None => refuse(404, Some(who), "There is no such request any more."),
    }
}

fn decide(
    service: &Approvals,
    tokens: &Tokens,
    request: &Request,
    id: &str,
    who: &Approver,
) -> Response {
    let settings = &service.settings;
    let now = now();
    if !form::is_own(request.headers(), settings) {
        return refuse(403, Some(who), "The decision was not sent by a page of this service.");
    }
    let Some(sent) = form::read(request) else {
        return refuse(400, Some(who), "The form cannot be read.");
    };
    if !tokens.fits(&sent, id, who) {
        let text = "The form is not valid any more. Open the request again.";
        return refuse(403, Some(who), text);
    }
    let reason = match reason(&sent.reason, sent.ruling) {
        Ok(reason) => reason,
        Err(problem) => return show(service, tokens, id, who, Some((&sent, problem))),
    };
    if service.look(|ledger| ledger.get(id).is_some_and(|entry| takes_part(entry, who.names()))) {
        return refuse(403, Some(who), "You take part in this request: somebody else decides it.");
    }
    let ruled = Ruled { ruling: sent.ruling, approver: who.claims.clone(), reason };
    match service.decide(id, ruled, now) {
        Ok(()) => {
            tell(service, id, who);
            page::see(id)
        }
        Err(Refused { status: 409, .. }) => refuse(
            409,
            Some(who),
            "The request does not wait any more: somebody has decided it, or it has expired.",
        ),
        Err(Refused { status, detail }) => refuse(status, Some(who), &detail),
    }
}

fn tell(service: &Approvals, id: &str, who: &Approver) {
    service.look(|ledger| {
        let Some(entry) = ledger.get(id) else { return };
        let Some(approval) = &entry.decided else { return };
        audit::line(&json!({
            "event": "decision",
            "id": id,
            "decision": approval.claims.decision,
            "approver": who.name,
            "reason": approval.claims.reason,
            "approval": approval.claims.jti,
            "request": entry.request.claims.jti,
            "principal": entry.binding().subject,
            "chain": entry.binding().context.chain,
            "tool": entry.binding().action.name,
            "binding_hash": entry.request.claims.binding_hash,
        }));
    });
}

fn view(service: &Approvals) -> View<'_> {
    View { now: now(), claim: &service.settings.approver_claim }
}

fn refuse(status: u16, who: Option<&Approver>, text: &str) -> Response {
    audit::refused("page", status, text, who.map(|who| &*who.name));
    let title = match status {
        401 => "Not signed in",
        404 => "Not found",
        409 => "Decided already",
        403 => "Not allowed",
        _ => "This did not work",
    };
    notice(status, title, who, text)
}
