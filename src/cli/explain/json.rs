//! Prints an explanation as JSON. The Cedar request is in Cedar's own JSON format.

use cedar_policy::{Effect, Entities, EntityUid};
use serde_json::{Value, json};

use super::account::{Author, ExplainedCall, Explanation};
use super::parties::Party;
use super::{remembered, value};
use crate::cli::input::directory::SourceMap;
use crate::cli::output::source::Location;
use crate::decide::CedarRequest;
use crate::gate::Gate;

pub(super) fn tell(explanation: &Explanation, gate: &Gate, map: &SourceMap) -> Value {
    let calls = explanation.calls.iter().map(|call| self::call(call, gate, map));
    let recorded = explanation.recorded.as_ref().map(|(recorded, differing)| {
        json!({
            "id": recorded.id,
            "decision": recorded.decision(),
            "reason": recorded.reason,
            "policies": recorded.policies,
            "detail": recorded.detail,
            "bundle": recorded.bundle,
            "same": differing.as_ref().map(Vec::is_empty),
            "differing": differing,
        })
    });
    let outcome = explanation.outcome.as_ref();
    let reply = outcome.and_then(|outcome| {
        let reply = outcome.reply.as_ref()?;
        Some(json!({ "status": reply.status, "body": outcome.reply_json() }))
    });
    let replacement = outcome.and_then(|outcome| outcome.replacement.as_ref());
    let replacement = replacement.and_then(|it| serde_json::from_slice::<Value>(it.body()).ok());
    json!({
        "bundle": gate.bundle.id,
        "decision": explanation.decision,
        "reason": explanation.reason,
        "calls": calls.collect::<Vec<_>>(),
        "reply": reply,
        "replacement": replacement,
        "recorded": recorded,
        "notes": explanation.notes,
    })
}

fn call(call: &ExplainedCall, gate: &Gate, map: &SourceMap) -> Value {
    let record = &call.record;
    let policies = record.policies.iter().map(|id| policy(id, gate, map));
    let layers = call
        .layers
        .iter()
        .map(|(layer, answer)| json!({ "layer": layer, "answer": answer.as_str() }));
    let nearest = call.nearest.iter().map(|near| {
        let mut value = policy(&near.policy, gate, map);
        if let Some(members) = value.as_object_mut() {
            members.insert("misses".to_owned(), json!(near.misses));
        }
        value
    });
    json!({
        "tool": record.tool,
        "revealed": record.revealed,
        "masked": record.masked,
        "budgets": record.budgets,
        "tool_name": record.tool_name,
        "method": record.method,
        "decision": record.decision,
        "reason": record.reason,
        "detail": record.detail,
        "shadow_decision": record.shadow_decision,
        "shadow": record.shadow,
        "resource": record.resource,
        "policies": policies.collect::<Vec<_>>(),
        "nearest": nearest.collect::<Vec<_>>(),
        "layers": layers.collect::<Vec<_>>(),
        "parties": call.parties.iter().map(Party::json).collect::<Vec<_>>(),
        "unread": call.unread,
        "request": call.question.as_ref().map(request),
        "read": read(call, gate),
        "inner": record.inner.as_ref().map(|inner| json!({
            "tool": inner.tool,
            "tool_name": inner.tool_name,
            "resource": inner.resource,
            "request": call.inner.as_ref().map(request),
        })),
    })
}

fn policy(id: &str, gate: &Gate, map: &SourceMap) -> Value {
    let author = Author::of(&gate.bundle, id);
    let place = author.as_ref().and_then(|author| map.policy(author.layer, id));
    json!({
        "id": id,
        "layer": author.as_ref().map(|author| author.layer),
        "effect": author.as_ref().map(|author| match author.effect {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        }),
        "reason": author.as_ref().and_then(|author| author.reason),
        "file": place.map(|place| &place.file.name),
        "line": place.and_then(Location::lines).map(|[(line, _), _]| line),
    })
}

/// What policies have read of earlier calls.
fn read(call: &ExplainedCall, gate: &Gate) -> Value {
    let read = remembered::read(&gate.bundle, call).into_iter();
    let read = read.map(|(place, value)| (place, value::json(&value)));
    Value::Object(read.collect())
}

fn request(question: &CedarRequest) -> Value {
    let request = question.request();
    let entities = question.entities();
    let part = |uid: Option<&EntityUid>| uid.map(|uid| entity(uid, entities));
    json!({
        "principal": part(request.principal()),
        "action": part(request.action()),
        "resource": part(request.resource()),
        "context": request.context().and_then(|context| context.to_json_value().ok()),
    })
}

/// The entity with its attributes and all its ancestors.
fn entity(uid: &EntityUid, entities: &Entities) -> Value {
    let json = |uid: &EntityUid| json!({ "type": uid.type_name().to_string(), "id": uid.id().unescaped() });
    let known = entities.get(uid).and_then(|entity| entity.to_json_value().ok());
    let attributes = known.as_ref().and_then(|entity| entity.get("attrs")).cloned();
    let mut parents: Vec<&EntityUid> = entities.ancestors(uid).into_iter().flatten().collect();
    parents.sort_unstable();
    json!({
        "uid": json(uid),
        "attrs": attributes.unwrap_or_else(|| json!({})),
        "parents": parents.into_iter().map(json).collect::<Vec<_>>(),
    })
}
