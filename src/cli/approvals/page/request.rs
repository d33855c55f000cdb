//! One request: everything that is known about it, and the decision.

use maud::{Markup, html};

use super::super::decision::LONGEST_REASON;
use super::super::ledger::Entry;
use super::history::outcome;
use super::list::link;
use super::text::{value, visible};
use super::time::time;
use super::view::View;
use crate::approval::{Binding, Request};

/// The most earlier requests that are shown.
const EARLIER: usize = 20;

/// What can be decided on the page.
pub(in super::super) enum Form<'a> {
    /// The request does not wait.
    None,
    /// Somebody who takes part in it looks at it.
    OwnRequest,
    /// The form, with what was wrong with the last one.
    Open { token: &'a str, reason: &'a str, problem: Option<&'a str> },
}

/// The page of a request.
pub(in super::super) fn request<'a>(
    entry: &'a Entry,
    earlier: impl Iterator<Item = &'a Entry>,
    form: &Form<'_>,
    view: View<'_>,
) -> Markup {
    let request = &entry.request.claims;
    html! {
        p.eyebrow { "Request for approval" }
        h1 { (visible(&request.binding.action.name)) }
        p.lead { (sentence(&request.binding)) }
        (outcome(entry, view))
        (policy(request))
        (call(&request.binding))
        (people(&request.binding))
        (decision(entry, form))
        (earlier_requests(earlier, view))
        (origin(entry, view))
    }
}

fn sentence(binding: &Binding) -> Markup {
    let principal = visible(&binding.subject.id);
    html! {
        @match binding.context.chain.first() {
            Some(agent) => { strong { (visible(agent)) } " asks on behalf of " strong { (principal) } "." },
            None => { strong { (principal) } " asks." },
        }
    }
}

fn policy(request: &Request) -> Markup {
    let details = &request.details;
    html! {
        section aria-labelledby="policy" {
            h2 id="policy" { "Why it needs approval" }
            @if details.reasons.is_empty() { p { "The policies give no reason." } }
            @for reason in &details.reasons { p.reason { span.text { (visible(reason)) } } }
            dl.facts {
                div { dt { "Policies" } dd { (listed(&details.policies)) } }
                div { dt { "For the groups" } dd { (listed(&details.groups)) } }
            }
        }
    }
}

fn call(binding: &Binding) -> Markup {
    let resource = &binding.resource;
    html! {
        section aria-labelledby="call" {
            h2 id="call" { "The call" }
            dl.facts {
                div { dt { "Tool" } dd { (visible(&binding.action.name)) } }
                div {
                    dt { "Resource" }
                    dd { (visible(&resource.id)) " " span.kind { (visible(&resource.type_name)) } }
                }
            }
            h3 { "Arguments" }
            (value(&binding.context.arguments))
        }
    }
}

fn people(binding: &Binding) -> Markup {
    let context = &binding.context;
    let agent_type = context.agent_type.as_deref().unwrap_or("agent");
    html! {
        section aria-labelledby="people" {
            h2 id="people" { "Who asks" }
            dl.facts {
                div {
                    dt { "On behalf of" }
                    dd {
                        (visible(&binding.subject.id)) " "
                        span.kind { (visible(&binding.subject.type_name)) }
                    }
                }
                div {
                    dt { "Tenant" }
                    dd { (visible(context.tenant.as_deref().unwrap_or("none"))) }
                }
            }
            @if !context.chain.is_empty() {
                h3 { "Delegated to" }
                ol.chain {
                    @for (place, agent) in context.chain.iter().enumerate().rev() {
                        li {
                            (visible(agent)) " " span.kind { (visible(agent_type)) }
                            @if place == 0 { ", which makes the call" }
                        }
                    }
                }
            }
        }
    }
}

fn decision(entry: &Entry, form: &Form<'_>) -> Markup {
    html! {
        @match form {
            Form::None => {},
            Form::OwnRequest => section.decision aria-labelledby="decision" {
                h2 id="decision" { "Your decision" }
                p.notice role="note" {
                    "You take part in this request, so somebody else has to decide it."
                }
            },
            Form::Open { token, reason, problem } => section.decision aria-labelledby="decision" {
                h2 id="decision" { "Your decision" }
                @if let Some(problem) = problem {
                    p.problem role="alert" id="problem" { (visible(problem)) }
                }
                form method="post" action=(format!("/requests/{}", entry.id)) {
                    input type="hidden" name="token" value=(token);
                    label for="reason" { "Reason" }
                    p.hint id="hint" {
                        "Needed to deny. It is signed and recorded with your decision."
                    }
                    textarea id="reason" name="reason" rows="3" maxlength=(LONGEST_REASON) required
                        aria-describedby="hint" { (reason) }
                    div.buttons {
                        button.approve name="decision" value="approved" formnovalidate {
                            "Approve this call, once"
                        }
                        button.deny name="decision" value="denied" { "Deny" }
                    }
                }
            },
        }
    }
}

fn earlier_requests<'a>(earlier: impl Iterator<Item = &'a Entry>, view: View<'_>) -> Markup {
    let mut earlier = earlier.take(EARLIER).peekable();
    html! {
        section aria-labelledby="earlier" {
            h2 id="earlier" { "Other requests of the same principal and agent" }
            @if earlier.peek().is_none() { p.empty { "This service has seen none." } }
            ul.rows { @for entry in earlier { li { (link(entry)) (outcome(entry, view)) } } }
        }
    }
}

fn origin(entry: &Entry, view: View<'_>) -> Markup {
    let request = &entry.request.claims;
    let context = &request.binding.context;
    let txn = request.details.txn.as_deref();
    html! {
        section aria-labelledby="origin" {
            h2 id="origin" { "Where it comes from" }
            dl.facts {
                div { dt { "Since" } dd { (time(entry.asked_at, view.now)) } }
                div { dt { "Environment" } dd { (visible(&context.environment)) } }
                @if let Some(proxy) = &context.proxy {
                    div { dt { "Proxy" } dd { (visible(proxy)) } }
                }
                div { dt { "Gate" } dd { (visible(&request.iss)) } }
                div {
                    dt { "Bundle" }
                    dd { (visible(&context.bundle)) " " code.digest { (context.bundle_digest.as_str()) } }
                }
                div { dt { "Transaction" } dd { (visible(txn.unwrap_or("none"))) } }
                div { dt { "Id of the decision" } dd { code.digest { (visible(&request.jti)) } } }
                div { dt { "Hash of what is approved" } dd { code.digest { (request.binding_hash) } } }
            }
        }
    }
}

fn listed(names: &[String]) -> Markup {
    html! {
        @if names.is_empty() { "none" }
        @for (place, name) in names.iter().enumerate() {
            @if place > 0 { ", " }
            code { (visible(name)) }
        }
    }
}
