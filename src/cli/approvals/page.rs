//! The pages: HTML from the server, without scripts.

mod history;
mod list;
mod request;
mod text;
mod time;
mod view;

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use maud::{DOCTYPE, Markup, html};

use super::approver::Approver;
use crate::cli::http::{Response, with_header};

pub(super) use history::history;
pub(super) use list::list;
pub(super) use request::{Form, request};
pub(super) use view::View;

/// What the pages look like.
const STYLE: &str = include_str!("page/style.css");

/// A page's tab icon.
const ICON: &str = include_str!("page/icon.svg");

/// What a page is allowed to do: show itself and its style, and send its form back.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A page for whoever is signed in.
pub(super) fn page(status: u16, title: &str, who: Option<&Approver>, main: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Approvals" }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header {
                    a.brand href="/" { "Approvals" }
                    @if let Some(who) = who {
                        nav aria-label="Pages" {
                            a href="/" { "Waiting" }
                            a href="/history" { "History" }
                        }
                        p.who { "Signed in as " strong { (text::visible(&who.name)) } }
                    }
                }
                main id="main" tabindex="-1" { (main) }
                footer {
                    p {
                        "Sign-in is that of the proxy in front of this page. "
                        "What you decide is signed for the gate that asks, and holds for one call."
                    }
                }
            }
        }
    };
    guarded(answer(status, "text/html; charset=utf-8", page.into_string()))
}

/// A page that only says something.
pub(super) fn notice(status: u16, title: &str, who: Option<&Approver>, text: &str) -> Response {
    let main = html! {
        h1 { (title) }
        p { (text::visible(text)) }
        @if who.is_some() { p { a href="/" { "What waits" } } }
    };
    page(status, title, who, &main)
}

/// The style sheet.
pub(super) fn style() -> Response {
    guarded(answer(200, "text/css; charset=utf-8", STYLE.to_owned()))
}

/// The icon.
pub(super) fn icon() -> Response {
    guarded(answer(200, "image/svg+xml", ICON.to_owned()))
}

/// Leads to the page of a request.
pub(super) fn see(id: &str) -> Response {
    let response = guarded(answer(303, "text/plain; charset=utf-8", String::new()));
    with_header(response, "location", &format!("/requests/{id}"))
}

fn answer(status: u16, kind: &str, text: String) -> Response {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_header(response, "content-type", kind)
}

fn guarded(response: Response) -> Response {
    let headers = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // With `no-referrer`, forms would come without their origin.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    headers.into_iter().fold(response, |response, (name, value)| with_header(response, name, value))
}
