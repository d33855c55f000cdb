//! Prints an explanation as text.

use std::fmt::Write as _;

use cedar_policy::{Entities, EntityUid, EvalResult};

use super::account::{Author, ExplainedCall, Explanation};
use super::nearest::Near;
use super::{remembered, value};
use crate::cli::input::directory::SourceMap;
use crate::cli::output::report::{Tone, tinted};
use crate::decide::CedarRequest;
use crate::gate::Gate;
use crate::memory::Spending;
use crate::reason::{Decision, Reason};
use crate::record::Record;

/// The width of the longest label.
const LABEL: usize = "context.delegation".len();
/// The column where the content of a line starts.
const COLUMN: usize = LABEL + 3;

/// The members of `context` in reading order.
const CONTEXT: [&str; 6] = ["input", "actor", "delegation", "token", "capabilities", "request"];

pub(super) fn tell(explanation: &Explanation, gate: &Gate, map: &SourceMap) -> String {
    let teller = Teller { gate, map };
    let mut text = format!("{}\n", headline(explanation.decision, explanation.reason));
    if let Some((recorded, _)) = &explanation.recorded {
        line(&mut text, "call", &format!("{}, {}", recorded.id, recorded.time));
        line(&mut text, "by", &recorded.who());
        if let Some(detail) = &recorded.detail {
            line(&mut text, "recorded detail", detail);
        }
    }
    for note in &explanation.notes {
        line(&mut text, "note", note);
    }
    text.push('\n');
    // The decision about a single call is the headline, unless the record's reason is explained.
    let alone = explanation.calls.len() == 1
        && explanation.outcome.as_ref().is_some_and(|outcome| outcome.reason == explanation.reason);
    for call in &explanation.calls {
        let title = title(&call.record, alone);
        text.push_str(&tinted(Tone::Heading, &title));
        text.push('\n');
        text.push_str(&teller.call(call));
    }
    if explanation.outcome.as_ref().is_some_and(|outcome| outcome.reason == Reason::Lifecycle) {
        text.push_str("the message runs no tool, and no policy is asked about it\n\n");
    }
    text.push_str(&ending(explanation, gate));
    text
}

fn headline(decision: Decision, reason: Reason) -> String {
    let tone = match decision {
        Decision::Permit => Tone::Good,
        Decision::Deny | Decision::Silence | Decision::Escalate => Tone::Bad,
    };
    format!("{} {}", tinted(tone, decision.as_str()), reason.as_str())
}

/// `  label     content`
fn line(text: &mut String, label: &str, content: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "  {label:LABEL$} {content}");
}

fn ending(explanation: &Explanation, gate: &Gate) -> String {
    let mut text = String::new();
    if let Some((recorded, differing)) = &explanation.recorded {
        let was = format!(
            "{} {} {}",
            recorded.decision().as_str(),
            recorded.reason,
            recorded.policies.join(" ")
        );
        let verdict = match differing.as_deref() {
            Some([]) => tinted(Tone::Good, "the record says the same"),
            Some(members) => {
                let members = members.join("`, `");
                let was = was.trim_end();
                tinted(Tone::Bad, &format!("the record says otherwise in `{members}`: {was}"))
            }
            None if explanation.outcome.is_some() => {
                let was = was.trim_end();
                tinted(
                    Tone::Odd,
                    &format!("not decided again without what is missing; recorded: {was}"),
                )
            }
            None => format!("recorded: {}", was.trim_end()),
        };
        let _ = writeln!(text, "{verdict}");
    }
    if let Some(reply) = explanation.outcome.as_ref().and_then(|outcome| outcome.reply.as_ref()) {
        let body = String::from_utf8_lossy(&reply.body);
        let _ = writeln!(text, "reply {}: {body}", reply.status);
    }
    let outcome = explanation.outcome.as_ref();
    if let Some(replacement) = outcome.and_then(|outcome| outcome.replacement.as_ref()) {
        let body = String::from_utf8_lossy(replacement.body());
        let _ = writeln!(text, "the server gets: {body}");
    }
    let _ = writeln!(text, "{}", gate.bundle.id);
    text
}

struct Teller<'a> {
    gate: &'a Gate,
    map: &'a SourceMap,
}

impl Teller<'_> {
    fn call(&self, call: &ExplainedCall) -> String {
        let record = &call.record;
        let mut text = String::new();
        if let Some(detail) = &record.detail {
            line(&mut text, "detail", detail);
        }
        for policy in &record.policies {
            text.push_str(&self.policy(policy));
        }
        for near in &call.nearest {
            text.push_str(&self.near(near));
        }
        for (layer, answer) in &call.layers {
            line(&mut text, "layer", &format!("{layer}: {}", answer.as_str()));
        }
        for party in &call.parties {
            line(&mut text, "party", &party.told());
        }
        for (what, labels) in [("revealed", &record.revealed), ("masked", &record.masked)] {
            if !labels.is_empty() {
                line(&mut text, what, &labels.join(", "));
            }
        }
        for Spending { budget, used, amount, limit } in &record.budgets {
            let told = format!("{budget}: {used} used, {amount} for this call, {limit} at most");
            line(&mut text, "budget", &told);
        }
        if let (Some(decision), Some(shadow)) = (record.shadow_decision, &record.shadow) {
            let policies = shadow.policies.join(" ");
            let told = format!("{} {policies}", headline(decision, shadow.reason));
            line(&mut text, "in shadow", told.trim_end());
        }
        match (&call.question, &record.resource) {
            (Some(question), _) => text.push_str(&request(question)),
            (None, Some(resource)) => line(&mut text, "resource", resource),
            (None, None) => {}
        }
        for (place, read) in remembered::read(&self.gate.bundle, call) {
            line(&mut text, "read", &format!("{place} = {}", value::text(&read, COLUMN)));
        }
        if let Some(inner) = &record.inner {
            line(&mut text, "inner call", &named(&inner.tool, inner.tool_name.as_deref()));
            text.push_str(&call.inner.as_ref().map(request).unwrap_or_default());
        }
        if !call.unread.is_empty() {
            let names: Vec<&str> = call.unread.iter().map(String::as_str).collect();
            line(&mut text, "unread", &format!("{}: no policy sees them", names.join(", ")));
        }
        text.push('\n');
        text
    }

    fn policy(&self, id: &str) -> String {
        let author = Author::of(&self.gate.bundle, id);
        let effect = author.as_ref().map(|author| author.effect.to_string()).unwrap_or_default();
        let mut text = String::new();
        line(&mut text, "policy", &format!("{id} ({effect}), {}", self.place(author.as_ref(), id)));
        if let Some(reason) = author.as_ref().and_then(|author| author.reason) {
            line(&mut text, "", reason);
        }
        text
    }

    fn near(&self, near: &Near) -> String {
        let author = Author::of(&self.gate.bundle, &near.policy);
        let misses = match near.misses.as_slice() {
            ["conditions"] => "its conditions do not hold".to_owned(),
            scope => format!("not this {}", scope.join(", not this ")),
        };
        let mut text = String::new();
        let place = self.place(author.as_ref(), &near.policy);
        line(&mut text, "near", &format!("{} (permit), {place}: {misses}", near.policy));
        text
    }

    fn place(&self, author: Option<&Author<'_>>, id: &str) -> String {
        let place = author.and_then(|author| self.map.policy(author.layer, id));
        place.map(ToString::to_string).unwrap_or_default()
    }
}

/// The requested tool and, if several calls were decided, the decision about this one.
fn title(record: &Record, alone: bool) -> String {
    let what = record.tool.as_deref().or(record.method.as_deref()).unwrap_or("the request");
    let what = named(what, record.tool_name.as_deref());
    if alone {
        what
    } else {
        format!("{what}: {} {}", record.decision.as_str(), record.reason.as_str())
    }
}

fn named(tool: &str, wire_name: Option<&str>) -> String {
    let wire_name = wire_name.map(|name| format!(", called `{name}`"));
    format!("{tool}{}", wire_name.unwrap_or_default())
}

fn request(question: &CedarRequest) -> String {
    let request = question.request();
    let entities = question.entities();
    let mut text = String::new();
    let parts = [
        ("principal", request.principal()),
        ("action", request.action()),
        ("resource", request.resource()),
    ];
    for (label, uid) in parts.into_iter().filter_map(|(label, uid)| Some((label, uid?))) {
        entity(&mut text, label, uid, entities);
    }
    let Some(context) = request.context() else { return text };
    for name in CONTEXT {
        let label = format!("context.{name}");
        match context.get(name) {
            Some(EvalResult::EntityUid(uid)) => entity(&mut text, &label, &uid, entities),
            Some(value) => line(&mut text, &label, &value::text(&value, COLUMN)),
            None => {}
        }
    }
    text
}

/// An entity with its attributes and all its ancestors.
fn entity(text: &mut String, label: &str, uid: &EntityUid, entities: &Entities) {
    line(text, label, &uid.to_string());
    let ancestors = entities.ancestors(uid).into_iter().flatten();
    let mut ancestors: Vec<String> = ancestors.map(ToString::to_string).collect();
    ancestors.sort_unstable();
    if !ancestors.is_empty() {
        line(text, "", &format!("  in {}", ancestors.join(", ")));
    }
    let mut attributes: Vec<(&str, EvalResult)> = entities
        .get(uid)
        .into_iter()
        .flat_map(|entity| entity.attrs().filter_map(|(name, value)| Some((name, value.ok()?))))
        .collect();
    attributes.sort_by_key(|(name, _)| *name);
    for (name, attribute) in attributes {
        let column = COLUMN.saturating_add(name.len()).saturating_add("  : ".len());
        line(text, "", &format!("  {name}: {}", value::text(&attribute, column)));
    }
}
