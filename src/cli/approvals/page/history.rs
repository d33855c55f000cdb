//! What was decided, and what nobody decided in time.

use maud::{Markup, html};

use super::super::ledger::Entry;
use super::list::{link, parties};
use super::text::visible;
use super::time::time;
use super::view::View;
use crate::approval::{Approval, Ruling};

/// The most entries that are shown.
const SHOWN: usize = 200;

/// What is finished, the last one asked first.
pub(in super::super) fn history<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    view: View<'_>,
) -> Markup {
    let mut entries = entries.take(SHOWN).peekable();
    html! {
        h1 { "History" }
        @if entries.peek().is_none() { p.empty { "Nothing was decided yet." } }
        ol.cards {
            @for entry in entries {
                li.card {
                    h2 { (link(entry)) }
                    (outcome(entry, view))
                    dl.facts {
                        (parties(entry))
                        div { dt { "Asked" } dd { (time(entry.asked_at, view.now)) } }
                    }
                }
            }
        }
    }
}

/// What became of an entry.
pub(super) fn outcome(entry: &Entry, view: View<'_>) -> Markup {
    html! {
        @match &entry.decided {
            Some(approval) => (decided(&approval.claims, entry.handed_out, view)),
            None if entry.is_pending(view.now) => p.outcome {
                strong.badge { "Waiting" } " until " (time(entry.request.claims.exp, view.now))
            },
            None => p.outcome { strong.badge { "Expired" } " Nobody decided in time." },
        }
    }
}

fn decided(approval: &Approval, handed_out: bool, view: View<'_>) -> Markup {
    let (class, word) = match approval.decision {
        Ruling::Approved => ("badge approved", "Approved"),
        Ruling::Denied => ("badge denied", "Denied"),
    };
    let by = approval.approver.get(view.claim).and_then(|name| name.as_str());
    html! {
        p.outcome {
            strong class=(class) { (word) }
            " by " (visible(by.unwrap_or("somebody"))) ", " (time(approval.iat, view.now))
            @if !handed_out && approval.exp <= view.now { ". The gate did not ask again in time." }
            @else if !handed_out { ". The gate gets it when the call is repeated." }
        }
        @if let Some(reason) = &approval.reason {
            blockquote.reason { span.text { (visible(reason)) } }
        }
    }
}
