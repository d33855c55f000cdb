//! Calls that a person must approve.

mod across_proxies;
mod asked;
mod parties;

use super::*;
use crate::approval::{self, APPROVAL, Approval, HEADER, Heard, Request, Ruling};
use crate::fixture::key;
use crate::jose;
use crate::memory::{Secret, Store};
use crate::reason::Decision;

const GATE: &str = "https://gate.acme.example";
const SERVICE: &str = "https://approvals.acme.example";

/// Who signs approvals.
const SIGNER: u8 = 9;

/// A refund over 500 needs finance, and one over 5,000 is for nobody.
const POLICIES: [(&str, &str); 4] = [
    (
        "limit",
        r#"@id("limit") @escalate("finance") @reason("Refunds over 500 need finance.") forbid (principal, action == Action::"pay/refund", resource) when { context.input.amount > 500 } unless { context has approval };"#,
    ),
    (
        "never",
        r#"@id("never") forbid (principal, action == Action::"pay/refund", resource) when { context.input.amount > 5000 };"#,
    ),
    (
        "finance",
        r#"@id("finance") permit (principal in Role::"finance", action == Action::"pay/refund/approve", resource) when { context.escalation.groups.contains("finance") && context.input.amount <= 2000 };"#,
    ),
    (
        "refunds",
        r#"@id("refunds") permit (principal in Role::"rep", action == Action::"pay/refund", resource);"#,
    ),
];

fn document(cluster: Option<&str>) -> Value {
    let mut document = fixture::document_json();
    let manifest = &mut document["manifest"];
    manifest["issuer"] = json!(GATE);
    let keys = [key(SIGNER).public().text()];
    manifest["approvals"] = json!({ "service": SERVICE, "keys": keys });
    if let Some(cluster) = cluster {
        manifest["approvals"]["cluster"] = json!(cluster);
    }
    let policies = POLICIES.map(|(id, source)| json!({ "id": id, "source": source }));
    document["layers"]["org"] = json!(policies);
    document
}

fn gate_of(document: Value) -> Gate {
    let document = serde_json::from_value(document).unwrap();
    let loaded = crate::bundle::load(&document);
    let bundle = loaded.unwrap_or_else(|it| panic!("{it:#?}")).bundle;
    let gate = Gate::new(bundle, "test".to_owned()).storing_by(&Secret::new([3; 32]));
    gate.signing_with(jose_signer(1))
}

fn jose_signer(number: u8) -> jose::Signer {
    let text = key(number).text();
    text.parse().unwrap()
}

fn gate(cluster: Option<&str>) -> Gate {
    gate_of(document(cluster))
}

/// A request, and what the approval service answers to each question.
struct Sent<'a> {
    fields: Vec<(&'a str, &'a str)>,
    claims: Value,
    body: String,
    answers: Vec<Heard>,
}

impl Sent<'_> {
    fn refund(amount: u32) -> Self {
        let body = call("refund", &json!({ "amount": amount, "note": "n" }).to_string());
        Self { fields: POST.to_vec(), claims: fixture::claims(), body, answers: Vec::new() }
    }

    /// Decides, and returns the questions.
    fn to(&self, gate: &Gate, store: &mut Store) -> (Step, Vec<approval::Query>) {
        let mut exchange = Exchange::default();
        let first = Event::Headers(&arrival(&self.fields, Some(self.claims.clone())));
        if let step @ Step::Done(_) = exchange.step(gate, first) {
            return (step, Vec::new());
        }
        let (mut asked, mut left) = (Vec::new(), self.answers.iter());
        loop {
            let slots = exchange.recalls();
            if !slots.is_empty() {
                let recalled = std::rc::Rc::new(store.recall(&slots, 1000, Vec::new()));
                exchange.step(gate, Event::Recalled(&recalled));
            }
            match exchange.step(gate, Event::End(self.body.as_bytes())) {
                Step::Consult(Consult::Approval(query)) => {
                    asked.push(query);
                    let answer = Consulted::Approval(left.next().expect("an answer").clone());
                    exchange.step(gate, Event::Consulted(&answer));
                }
                Step::Done(effects) => {
                    assert!(effects.memory.iter().all(|write| store.write(write)));
                    return (Step::Done(effects), asked);
                }
                other @ (Step::AwaitBody | Step::Drain | Step::Consult(_)) => panic!("{other:?}"),
            }
        }
    }

    fn reason(&self, gate: &Gate, store: &mut Store) -> Reason {
        let (Step::Done(effects), _) = self.to(gate, store) else { panic!() };
        let is_forward = matches!(effects.ending, Ending::Forward(_));
        assert_eq!(is_forward, effects.records[0].reason == Reason::Permitted);
        effects.records[0].reason
    }
}

/// The request for approval of a call that is refused without an approval service.
fn asked(gate: &Gate, sent: &Sent<'_>) -> String {
    let (step, questions) = sent.to(gate, &mut Store::default());
    assert!(questions.is_empty());
    let (refusal, body) = refused(step);
    assert_eq!(refusal.records[0].reason, Reason::ApprovalRequired);
    assert_eq!(refusal.records[0].decision, Decision::Escalate);
    let account = &body["result"]["_meta"]["dev.toolgate/refusal"];
    assert_eq!(account["approval"]["id"], json!(refusal.records[0].id));
    account["approval"]["request"].as_str().unwrap().to_owned()
}

/// The approval of a request by somebody in finance.
fn approval_of(request: &str) -> Approval {
    let approver =
        json!({ "iss": "https://id", "sub": "carol", "roles": ["finance"], "tenant": "acme" });
    Approval {
        iss: SERVICE.to_owned(),
        aud: GATE.to_owned(),
        iat: NOW,
        exp: NOW + 300,
        jti: "a-1".to_owned(),
        request: request.to_owned(),
        decision: Ruling::Approved,
        approver: approver.as_object().unwrap().clone(),
        reason: Some("agreed on the phone".to_owned()),
    }
}

const NOW: i64 = 1_795_219_200;

fn signed(approval: &Approval) -> String {
    jose::sign(APPROVAL, approval, &key(SIGNER)).unwrap()
}

fn with_approval<'a>(sent: Sent<'a>, jws: &'a str) -> Sent<'a> {
    let mut fields = sent.fields.clone();
    fields.push((HEADER, jws));
    Sent { fields, ..sent }
}

#[test]
fn a_refusal_names_who_has_decided() {
    let gate = gate(None);
    let request = asked(&gate, &Sent::refund(600));
    let approval = approval_of(&request);
    let denied = Approval { decision: Ruling::Denied, ..approval.clone() };
    let mut own = approval.clone();
    own.approver.insert("sub".to_owned(), json!("alice"));
    let mut clerk = approval;
    clerk.approver.insert("roles".to_owned(), json!([]));
    for (approval, reason, approver) in [
        (denied, Reason::ApprovalDenied, "carol"),
        (own, Reason::SelfApproval, "alice"),
        (clerk, Reason::ApproverNotPermitted, "carol"),
    ] {
        let jws = signed(&approval);
        let sent = with_approval(Sent::refund(600), &jws);
        let (refusal, _) = refused(sent.to(&gate, &mut Store::default()).0);
        let record = &refusal.records[0];
        assert_eq!(record.reason, reason);
        let field = record.approval.as_deref().unwrap();
        assert_eq!((field.approver.id.as_str(), field.policies.len()), (approver, 0));
    }
}

#[test]
fn an_approved_call_passes_once() {
    let (gate, mut store) = (gate(None), Store::default());
    let request = asked(&gate, &Sent::refund(600));
    let jws = signed(&approval_of(&request));
    let sent = with_approval(Sent::refund(600), &jws);
    let forward = forwarded(sent.to(&gate, &mut store).0);
    let record = &forward.records[0];
    assert_eq!(record.policies, ["refunds"]);
    let approval = record.approval.as_deref().unwrap();
    assert_eq!(
        json!(approval),
        json!({
            "id": "a-1",
            "request": record.id,
            "approver": { "type": "User", "id": "carol", "tenant": "acme", "teams": [],
                "parents": [r#"Role::"finance""#], "attributes": { "tenant": "acme" } },
            "issuer": "https://id",
            "client": null,
            "policies": ["finance"],
            "reason": "agreed on the phone",
            "time": "2026-11-21T00:00:00.000Z",
        })
    );
    assert!(
        forward.headers.contains(&HeaderChange::Remove(HEADER.to_owned())) || {
            let mut exchange = Exchange::default();
            exchange.step(&gate, Event::Headers(&arrival(&sent.fields, Some(sent.claims.clone()))));
            exchange.removed.contains(&HEADER.to_owned())
        }
    );
    assert_eq!(sent.reason(&gate, &mut store), Reason::ApprovalUsed);
    assert_eq!(Sent::refund(600).reason(&gate, &mut store), Reason::ApprovalRequired);
}

#[test]
fn the_request_says_what_an_approver_must_know() {
    let gate = gate(None);
    let request = asked(&gate, &Sent::refund(600));
    let request: Request = jose::verify(approval::REQUEST, &request, [key(1).public()]).unwrap();
    assert_eq!((request.iss.as_str(), request.aud.as_str()), (GATE, SERVICE));
    assert_eq!((request.iat, request.exp), (NOW, NOW + 600));
    assert_eq!(request.details.groups, ["finance"]);
    assert_eq!(request.details.policies, ["limit"]);
    assert_eq!(request.details.reasons, ["Refunds over 500 need finance."]);
    let binding = &request.binding;
    assert_eq!(
        (binding.subject.id.as_str(), binding.action.name.as_str()),
        ("alice", "pay/refund")
    );
    assert_eq!(binding.context.arguments, json!({ "amount": 600, "note": "[redacted]" }));
    assert_eq!(binding.context.chain, ["bot"]);
    assert_eq!(request.binding_hash, binding.hash());
}

#[test]
fn an_approval_is_for_one_call_of_one_caller() {
    let gate = gate(None);
    let request = asked(&gate, &Sent::refund(600));
    let jws = signed(&approval_of(&request));
    let claims = |member: &str, value: Value| {
        let mut claims = fixture::claims();
        claims[member] = value;
        with_approval(Sent { claims, ..Sent::refund(600) }, &jws)
    };
    let note = call("refund", r#"{"amount":600,"note":"other"}"#);
    for (what, sent) in [
        ("another amount", with_approval(Sent::refund(601), &jws)),
        ("a redacted argument", with_approval(Sent { body: note, ..Sent::refund(600) }, &jws)),
        ("another principal", claims("sub", json!("bob"))),
        ("another agent", claims("act", json!({ "sub": "other" }))),
        ("a longer chain", claims("act", json!({ "sub": "bot", "act": { "sub": "other" } }))),
        ("another tenant", claims("tenant", json!("globex"))),
    ] {
        assert_eq!(sent.reason(&gate, &mut Store::default()), Reason::ApprovalMismatch, "{what}");
    }
    // An older and a newer version of the bundle, another environment, another proxy.
    let mut newer = document(None);
    newer["manifest"]["version"] = json!(4);
    let others = [
        gate_of(newer),
        Gate { environment: "other".into(), ..self::gate(None) },
        self::gate(None).storing_by(&Secret::new([4; 32])),
    ];
    for other in others {
        let sent = with_approval(Sent::refund(600), &jws);
        assert_eq!(sent.reason(&other, &mut Store::default()), Reason::ApprovalMismatch);
    }
    // Writing the arguments in another order changes nothing.
    let body = call("refund", r#"{ "note": "n", "amount": 600 }"#);
    let sent = with_approval(Sent { body, ..Sent::refund(600) }, &jws);
    assert_eq!(sent.reason(&gate, &mut Store::default()), Reason::Permitted);
}

#[test]
fn an_approval_that_is_not_as_it_must_be_is_refused() {
    let gate = gate(None);
    let request = asked(&gate, &Sent::refund(600));
    let good = approval_of(&request);
    let change = |change: &dyn Fn(&mut Approval)| {
        let mut approval = good.clone();
        change(&mut approval);
        signed(&approval)
    };
    let approver = |member: &'static str, value: Value| {
        change(&|it| _ = it.approver.insert(member.to_owned(), value.clone()))
    };
    let unsigned = signed(&good).rsplit_once('.').map(|(text, _)| format!("{text}.")).unwrap();
    let forged: Request = jose::verify(approval::REQUEST, &request, [key(1).public()]).unwrap();
    let forged = jose::sign(approval::REQUEST, &forged, &key(2)).unwrap();
    let session = jose::sign("JWT", &good, &key(SIGNER)).unwrap();
    for (what, jws, reason) in [
        ("expired", change(&|it| it.exp = NOW), Reason::ApprovalExpired),
        ("not yet valid", change(&|it| it.iat = NOW + 31), Reason::ApprovalExpired),
        ("denied", change(&|it| it.decision = Ruling::Denied), Reason::ApprovalDenied),
        ("by another service", change(&|it| it.iss = GATE.to_owned()), Reason::ApprovalMismatch),
        ("for another gate", change(&|it| it.aud = SERVICE.to_owned()), Reason::ApprovalMismatch),
        (
            "of a forged request",
            change(&|it| it.request = forged.clone()),
            Reason::ApprovalUnverified,
        ),
        ("of no request", change(&|it| it.request = String::new()), Reason::ApprovalUnverified),
        ("unknown key", jose::sign(APPROVAL, &good, &key(8)).unwrap(), Reason::ApprovalUnverified),
        (
            "the gate's key",
            jose::sign(APPROVAL, &good, &key(1)).unwrap(),
            Reason::ApprovalUnverified,
        ),
        ("a session token", session, Reason::ApprovalUnverified),
        ("the request itself", request.clone(), Reason::ApprovalUnverified),
        ("unsigned", unsigned, Reason::ApprovalUnverified),
        ("empty", String::new(), Reason::ApprovalUnverified),
        ("the requester", approver("sub", json!("alice")), Reason::SelfApproval),
        ("the agent", approver("sub", json!("bot")), Reason::SelfApproval),
        ("an issuer's agent", approver("sub", json!("https://id|bot")), Reason::SelfApproval),
        ("no role", approver("roles", json!([])), Reason::ApproverNotPermitted),
        ("another tenant", approver("tenant", json!("globex")), Reason::ApproverNotPermitted),
        ("no tenant", approver("tenant", json!(null)), Reason::ApproverNotPermitted),
        (
            "an agent of somebody",
            approver("act", json!({ "sub": "x" })),
            Reason::ApproverNotPermitted,
        ),
        ("an ill-typed claim", approver("roles", json!(7)), Reason::ApproverNotPermitted),
    ] {
        let sent = with_approval(Sent::refund(600), &jws);
        assert_eq!(sent.reason(&gate, &mut Store::default()), reason, "{what}");
    }
    let jws = signed(&good);
    let twice = with_approval(with_approval(Sent::refund(600), &jws), &jws);
    assert_eq!(twice.reason(&gate, &mut Store::default()), Reason::ApprovalUnverified);
}

#[test]
fn nobody_is_asked_for_what_nobody_can_approve() {
    let gate = gate(Some("approvals"));
    let mut store = Store::default();
    // Another policy forbids it, nothing permits it, or it needs no approval.
    assert_eq!(Sent::refund(5001).reason(&gate, &mut store), Reason::Forbidden);
    let mut claims = fixture::claims();
    claims["roles"] = json!([]);
    let nobody = Sent { claims, ..Sent::refund(600) };
    assert_eq!(nobody.reason(&gate, &mut store), Reason::Forbidden);
    assert_eq!(Sent::refund(500).reason(&gate, &mut store), Reason::Permitted);
    // The approver has a limit too.
    let gate = self::gate(None);
    let jws = signed(&approval_of(&asked(&gate, &Sent::refund(2001))));
    let sent = with_approval(Sent::refund(2001), &jws);
    assert_eq!(sent.reason(&gate, &mut store), Reason::ApproverNotPermitted);
}

#[test]
fn an_approver_is_a_party_under_any_type_and_issuer() {
    let mut document = document(None);
    let manifest = &mut document["manifest"];
    let session = manifest["identity"]["principal"].clone();
    let mut staff = session.clone();
    (staff["tokens"], staff["type"]) = (json!(["staff"]), json!("Staff"));
    manifest["identity"]["principal"] = json!([session, staff]);
    manifest["identity"]["actor"]["qualify_by_issuer"] = json!(true);
    manifest["approvals"]["token"] = json!("staff");
    let schema = document["schema"].as_str().unwrap();
    document["schema"] = json!(format!("{schema} entity Staff in [Role] {{ tenant: String }};"));
    let gate = gate_of(document);
    let mut claims = fixture::claims();
    claims["act"] = json!({ "iss": "https://id", "sub": "bot" });
    let sent = || Sent { claims: claims.clone(), ..Sent::refund(600) };
    let request = asked(&gate, &sent());
    for (person, reason) in [
        ("alice", Reason::SelfApproval),
        ("bot", Reason::SelfApproval),
        ("carol", Reason::Permitted),
    ] {
        let mut approval = approval_of(&request);
        approval.approver.insert("sub".to_owned(), json!(person));
        let jws = signed(&approval);
        let sent = with_approval(sent(), &jws);
        assert_eq!(sent.reason(&gate, &mut Store::default()), reason, "{person}");
    }
}
