//! The list of what waits.

use maud::{Markup, html};

use super::super::ledger::Entry;
use super::text::visible;
use super::time::time;
use super::view::View;

/// What waits, the first one asked first.
pub(in super::super) fn list<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    view: View<'_>,
) -> Markup {
    let mut entries = entries.peekable();
    html! {
        h1 { "Waiting for a decision" }
        @if entries.peek().is_none() {
            p.empty { "Nothing waits. Requests appear here when a call needs approval." }
        }
        ol.cards {
            @for entry in entries {
                li.card {
                    h2 { (link(entry)) }
                    dl.facts {
                        (parties(entry))
                        div { dt { "Since" } dd { (time(entry.asked_at, view.now)) } }
                        div { dt { "Until" } dd { (time(entry.request.claims.exp, view.now)) } }
                    }
                }
            }
        }
    }
}

/// The way to the page of an entry.
pub(super) fn link(entry: &Entry) -> Markup {
    let page = format!("/requests/{}", entry.id);
    html! { a href=(page) { (visible(&entry.binding().action.name)) } }
}

/// Who asks, and for whom.
pub(super) fn parties(entry: &Entry) -> Markup {
    let binding = entry.binding();
    html! {
        div {
            dt { "Asked by" }
            dd { (visible(binding.context.chain.first().unwrap_or(&binding.subject.id))) }
        }
        div { dt { "On behalf of" } dd { (visible(&binding.subject.id)) } }
    }
}
