//! Who approves for whom, where several groups or parties ask.

use super::*;

/// Calls over 100 also need legal.
const LEGAL: [(&str, &str); 2] = [
    (
        "legal-too",
        r#"@id("legal-too") @escalate("legal") forbid (principal, action == Action::"pay/refund", resource) when { context.input.amount > 100 } unless { context has approval };"#,
    ),
    (
        "legal",
        r#"@id("legal") permit (principal in Role::"lawyer", action == Action::"pay/refund/approve", resource) when { context.escalation.groups.contains("legal") };"#,
    ),
];

/// The reason when somebody with these roles approves the refund.
fn approved_by(gate: &Gate, roles: &[&str], more: &Value) -> Reason {
    let mut approval = approval_of(&asked(gate, &Sent::refund(600)));
    approval.approver.insert("roles".to_owned(), json!(roles));
    approval.approver.extend(more.as_object().unwrap().clone());
    let jws = signed(&approval);
    with_approval(Sent::refund(600), &jws).reason(gate, &mut Store::default())
}

fn with_policies(more: &[(&str, &str)], change: impl FnOnce(&mut Value)) -> Gate {
    let mut document = document(None);
    let policies = POLICIES.iter().chain(more);
    let policies: Vec<_> =
        policies.map(|(id, source)| json!({ "id": id, "source": source })).collect();
    document["layers"]["org"] = json!(policies);
    change(&mut document["manifest"]);
    gate_of(document)
}

#[test]
fn an_approver_must_be_permitted_for_each_group() {
    let gate = with_policies(&LEGAL, |_| ());
    let nothing = json!({});
    assert_eq!(approved_by(&gate, &["finance"], &nothing), Reason::ApproverNotPermitted);
    assert_eq!(approved_by(&gate, &["lawyer"], &nothing), Reason::ApproverNotPermitted);
    assert_eq!(approved_by(&gate, &["finance", "lawyer"], &nothing), Reason::Permitted);
}

#[test]
fn what_each_party_must_have_approved_is_asked_together() {
    let agents = [
        (
            "agents-ask-legal",
            r#"@id("agents-ask-legal") @escalate("legal") forbid (principal is Agent, action == Action::"pay/refund", resource) unless { context has approval };"#,
        ),
        (
            "agents",
            r#"@id("agents") permit (principal is Agent, action == Action::"pay/refund", resource);"#,
        ),
        LEGAL[1],
    ];
    let gate = with_policies(&agents, |manifest| {
        manifest["identity"]["mode"] = json!("intersection");
    });
    let request: Request =
        jose_signer(1).verify(approval::REQUEST, &asked(&gate, &Sent::refund(600))).unwrap();
    assert_eq!(request.details.groups, ["finance", "legal"]);
    assert_eq!(request.details.policies, ["agents-ask-legal", "limit"]);
    let nothing = json!({});
    assert_eq!(approved_by(&gate, &["lawyer"], &nothing), Reason::ApproverNotPermitted);
    assert_eq!(approved_by(&gate, &["finance"], &nothing), Reason::ApproverNotPermitted);
    assert_eq!(approved_by(&gate, &["finance", "lawyer"], &nothing), Reason::Permitted);
}

#[test]
fn an_agent_of_the_call_does_not_approve_with_the_token_of_a_person() {
    let gate = with_policies(&[], |manifest| {
        manifest["identity"]["actor"]["claim"] = json!(["azp", "client_id"]);
    });
    let by = |claims: Value| approved_by(&gate, &["finance"], &claims);
    assert_eq!(by(json!({ "azp": "approvals-page" })), Reason::Permitted);
    assert_eq!(by(json!({ "azp": "bot" })), Reason::SelfApproval);
    for odd in [json!({ "azp": "page", "client_id": "bot" }), json!({ "azp": ["bot"] })] {
        assert_eq!(by(odd), Reason::ApproverNotPermitted);
    }
}
