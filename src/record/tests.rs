use std::collections::BTreeSet;

use std::net::IpAddr;

use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::memory::{Amount, Spending};
use crate::timestamp::timestamp;

/// A record with empty fields.
pub(crate) fn sample() -> Record {
    Record {
        schema: SCHEMA,
        time: timestamp(DateTime::UNIX_EPOCH),
        id: decision_id(DateTime::UNIX_EPOCH, 7, 0),
        event_class: EventClass::PolicyDecision,
        decision: Decision::Permit,
        reason: Reason::Permitted,
        detail: None,
        policies: Vec::new(),
        layer: None,
        party: None,
        mode: Mode::Enforce,
        bundle: Shared::new(BundleId::new("acme", 1, Digest::of_bytes(b""))),
        shadow_decision: None,
        shadow: None,
        candidate_decision: None,
        candidate: None,
        principal: None,
        actor: None,
        token: None,
        capabilities: None,
        authority: String::new(),
        path: String::new(),
        server: None,
        tool: None,
        tool_name: None,
        method: None,
        classes: Arc::default(),
        data_class: None,
        operation: None,
        cost: None,
        arguments: None,
        arguments_digest: None,
        resource: None,
        revealed: Arc::default(),
        masked: Arc::default(),
        approval: None,
        budgets: Vec::new(),
        inner: None,
        txn: None,
        trace_id: None,
        source_ip: None,
        environment: Arc::default(),
        gate: Shared::new(GateId::default()),
        known: false,
    }
}

fn text() -> impl Strategy<Value = String> {
    "[ -~]{0,12}|.{0,4}|[\"\\\\\n\u{0}\u{1f}\u{7f}é😀]{0,4}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 0..3)
}

fn reason() -> impl Strategy<Value = Reason> {
    prop::sample::select(Reason::ALL)
}

fn digest() -> impl Strategy<Value = Digest> {
    text().prop_map(|text| Digest::of_bytes(text.as_bytes()))
}

fn layer() -> impl Strategy<Value = LayerName> {
    prop_oneof![
        Just(LayerName::Org),
        text().prop_map(LayerName::Tenant),
        text().prop_map(LayerName::Team),
        text().prop_map(LayerName::Agent),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    (reason(), texts(), of(layer()), of(text()), of(text())).prop_map(
        |(reason, policies, layer, detail, party)| Outcome {
            reason,
            policies,
            layer,
            detail,
            party,
        },
    )
}

fn bundle() -> impl Strategy<Value = Shared<BundleId>> {
    let id = (text(), any::<u32>(), digest());
    id.prop_map(|(name, version, digest)| Shared::new(BundleId::new(&name, version, digest)))
}

/// Records with random decisions: in force, shadow and candidate.
fn decided() -> impl Strategy<Value = Record> {
    let decided = (outcome(), bundle(), text(), any::<bool>());
    (decided, of(outcome()), of((bundle(), outcome()))).prop_map(
        |((decided, bundle, id, watched), shadow, candidate)| {
            let Outcome { reason, policies, layer, detail, party } = decided;
            let mut record = Record { id, detail, policies, layer, party, bundle, ..sample() };
            (record.reason, record.decision) = (reason, reason.decision());
            record.event_class = reason.event_class();
            record.mode = if watched { Mode::Shadow } else { Mode::Enforce };
            record.shadow_decision = shadow.as_ref().map(Outcome::decision);
            record.shadow = shadow;
            let candidate = candidate.map(|(bundle, outcome)| CandidateField { bundle, outcome });
            record.candidate_decision = candidate.as_ref().map(|it| it.outcome.decision());
            record.candidate = candidate;
            record
        },
    )
}

/// Records with random identities.
fn asked() -> impl Strategy<Value = Record> {
    let principal = (text(), text(), of(text()), texts(), texts(), text(), text());
    let principal = principal.prop_map(|(type_name, id, tenant, teams, parents, name, value)| {
        let attributes = [(name, json!([value, 1, 1.5, null]))].into();
        let entity = String::new();
        Shared::new(PrincipalField { type_name, id, tenant, teams, parents, attributes, entity })
    });
    let actor = (text(), text(), texts(), texts()).prop_map(|(type_name, id, chain, profiles)| {
        let profiles = vec![profiles.into_iter().collect()];
        Shared::new(ActorField { type_name, id, chain, profiles, entity: String::new() })
    });
    let token = (of(text()), texts(), of(text()), of(text()), digest());
    let token = token.prop_map(|(issuer, scopes, expires, jti, claims_digest)| {
        let profiles: BTreeSet<String> = scopes.iter().cloned().collect();
        let client_profiles = profiles.clone();
        Shared::new(TokenField {
            name: "session".to_owned(),
            issuer,
            scopes,
            profiles,
            client_profiles,
            txn: None,
            expires,
            jti,
            claims_digest,
        })
    });
    (of(principal), of(actor), of(token)).prop_map(|(principal, actor, token)| Record {
        principal,
        actor,
        token,
        ..sample()
    })
}

fn inner() -> impl Strategy<Value = InnerField> {
    (text(), of(text()), texts(), of(0..9_u32), of(text())).prop_map(
        |(tool, tool_name, classes, cost, resource)| InnerField {
            tool: tool.into(),
            tool_name: tool_name.map(Into::into),
            classes: classes.into(),
            data_class: resource.clone().map(Into::into),
            operation: None,
            cost,
            arguments: None,
            arguments_digest: None,
            resource: resource.map(Into::into),
        },
    )
}

fn spending() -> impl Strategy<Value = Spending> {
    let amount = || any::<u32>().prop_map(|units| Amount::of_units(units.into()));
    (text(), amount(), amount(), amount()).prop_map(|(budget, used, amount, limit)| Spending {
        budget: budget.into(),
        used,
        amount,
        limit,
    })
}

/// Records with random calls.
fn call() -> impl Strategy<Value = Record> {
    let names = (of(text()), of(text()));
    let tool = (of(text()), names, of(text()), texts(), of(text()), of(text()), of(0..9_u32));
    let arguments = (
        of((text(), text())),
        of(digest()),
        of(text()),
        texts(),
        texts(),
        (prop::collection::vec(spending(), 0..3), of(inner().prop_map(Box::new))),
    );
    let request = (text(), text(), of(text()), of(text()), any::<IpAddr>(), text(), text());
    (tool, arguments, request).prop_map(
        |(
            (server, (tool, tool_name), method, classes, data_class, operation, cost),
            (arguments, arguments_digest, resource, revealed, masked, (budgets, inner)),
            (authority, path, txn, trace_id, source_ip, environment, node),
        )| {
            let shown = |(name, value): (String, String)| json!({ name: value }).to_string();
            Record {
                server: server.map(Into::into),
                tool: tool.map(Into::into),
                tool_name: tool_name.map(Into::into),
                method: method.map(Into::into),
                classes: classes.into(),
                data_class: data_class.map(Into::into),
                operation: operation.map(Into::into),
                cost,
                arguments: arguments.map(shown).map(Rendered::new),
                arguments_digest,
                resource: resource.map(Into::into),
                revealed: revealed.into(),
                masked: masked.into(),
                budgets,
                inner,
                authority,
                path,
                txn,
                trace_id,
                source_ip: Some(source_ip),
                environment: environment.into(),
                gate: Shared::new(GateId { node, ..GateId::default() }),
                ..sample()
            }
        },
    )
}

/// The line of any record equals the serializer's output with hidden characters escaped.
fn check(record: &Record) -> Result<(), TestCaseError> {
    let line = record.to_line();
    let mut written = serde_json::to_string(record).expect("a record has JSON");
    let value: Value = serde_json::from_str(&written).expect("JSON");
    crate::json::escape_hidden(&mut written);
    prop_assert_eq!(&line, &written);
    prop_assert!(!line.contains(crate::json::is_hidden), "{}", line);
    let read: Value = serde_json::from_str(&line).expect("a line is JSON");
    prop_assert_eq!(&read, &value);
    let fields: Vec<&String> = read.as_object().expect("an object").keys().collect();
    prop_assert_eq!(fields, documented());
    Ok(())
}

/// The fields in the order of the documentation.
fn documented() -> Vec<&'static str> {
    let page = include_str!("../record.md").split("# Deciding again").next().expect("a table");
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

proptest! {
    #[test]
    fn a_line_is_the_json_of_the_record(decided in decided(), asked in asked(), call in call()) {
        check(&decided)?;
        check(&asked)?;
        check(&call)?;
        let lines = format!("{}\n{}", decided.to_line(), asked.to_line());
        prop_assert_eq!(to_lines(&[decided, asked]), lines);
    }
}
