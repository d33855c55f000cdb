//! Calls that a person must approve.

use chrono::DateTime;
use serde_json::Value;

use super::asking::Asking;
use super::fields;
use super::inner::Watch;
use super::memory::refuse;
use super::pending::Pending;
use super::presented::Presented;
use crate::approval::{
    self, Accepted, Action, Binding, BoundContext, Challenge, Details, Entity, Form, Heard, Hold,
    LONGEST_REQUEST, Query, REQUEST, Ruling, Unaccepted,
};
use crate::bundle::Approvals;
use crate::decide::{
    self, ApprovalField, Approver, Denial, Escalation, Next, Question, UsedApproval, Verdict,
};
use crate::digest::Digest;
use crate::gate::Gate;
use crate::identity::{self, Person, PrincipalField};
use crate::json::{Object, Shared};
use crate::mcp::Call;
use crate::memory::{Answer, Span, Unusable, Write};
use crate::reason::Reason;
use crate::record::decision_id;
use crate::timestamp::timestamp;
use crate::tool::Tool;

/// How much longer than it lets a service wait the gate waits for its answer, in milliseconds.
const AFTER_WAIT: u64 = 1000;

impl Pending {
    /// Puts a call that policies escalate to a person, or decides it again with the approval.
    pub(super) fn escalate(
        &self,
        gate: &Gate,
        (tool, call): (&Tool, &Call<'_>),
        question: &Question<'_>,
        verdict: Verdict,
        watch: Watch<'_>,
    ) -> Verdict {
        // In shadow, and in a batch, nobody is asked.
        let asks = watch.is_alone && gate.bundle.shadow.is_none();
        let (Err(denial), Some(approvals)) = (&verdict.outcome, &gate.bundle.approvals) else {
            return verdict;
        };
        let Some(escalation) = denial.escalation().filter(|_| asks) else {
            return verdict;
        };
        let of = Escalated { gate, approvals, tool, call, question, denial, escalation };
        let accepted = self.accepted(&of).and_then(|it| Ok((approver(gate, approvals, &it)?, it)));
        let (person, accepted) = match accepted {
            Ok(known) => known,
            Err(denial) => return Verdict { outcome: Err(denial), ..verdict },
        };
        let mut used =
            UsedApproval { field: field(&person, &accepted), write: None, first_use: None };
        let decided = self.decide_approved(&of, (&person, &accepted), watch, &mut used);
        let decided = decided.unwrap_or_else(|denial| Verdict { outcome: Err(denial), ..verdict });
        Verdict { approval: Some(Box::new(used)), ..decided }
    }

    /// Decides an escalated call with what an approver has decided.
    fn decide_approved(
        &self,
        of: &Escalated<'_>,
        (person, accepted): (&Person, &Accepted),
        watch: Watch<'_>,
        used: &mut UsedApproval,
    ) -> Result<Verdict, Denial> {
        let (bundle, identity) = (&of.gate.bundle, &self.sender.identity);
        let reason = accepted.reason.as_deref();
        if accepted.ruling == Ruling::Denied {
            let detail = Some(reason.unwrap_or("without a reason").to_owned());
            return Err(Denial { detail, ..Denial::because(Reason::ApprovalDenied) });
        }
        let at = DateTime::from_timestamp(accepted.at, 0).ok_or_else(Denial::unfit)?;
        let approver = Approver { person, at, reason };
        let about = (of.question, of.escalation);
        let granted = decide::approve(bundle, identity, of.tool, about, approver)?;
        used.field.policies.clone_from(&granted.policies);
        used.write = self.used(of)?;
        // Of an approval that an edge gives, nobody remembers that it is used.
        let counter = of.approvals.use_counter.as_ref().filter(|_| used.write.is_some());
        used.first_use = counter.map(|service| service.first_use(&accepted.nonce));
        let question = granted.question(of.question);
        watch.asked(identity, &question);
        let mut verdict = decide::decide_revealing(bundle, identity, of.tool, &question);
        // Nobody is asked again for what an approval does not change.
        verdict.outcome = verdict.outcome.map_err(|denial| denial.then(None));
        Ok(verdict)
    }

    /// The approval of a call; else the denial, which says what must be asked, or where.
    fn accepted(&self, of: &Escalated<'_>) -> Result<Accepted, Denial> {
        let unaccepted = |it: &Unaccepted| Denial {
            detail: Some(it.detail.clone()),
            ..Denial::because(it.reason)
        };
        match &self.approval {
            Some(Presented::Given(accepted)) => Ok(accepted.clone()),
            Some(Presented::Unaccepted(why)) => Err(unaccepted(why)),
            Some(Presented::Signed(signed, _)) => {
                let binding = self.binding(of)?;
                let now = self.request.facts.time.timestamp();
                // A person may have decided while the call was held.
                let hold = of.approvals.settings.hold.map_or(0, |hold| hold.millis() / 1000);
                let latest = now.saturating_add(i64::try_from(hold).unwrap_or_default());
                signed.accept(of.parties(), &binding, (now, latest)).map_err(|why| unaccepted(&why))
            }
            None => Err(self.asking(of)?),
        }
    }

    /// What is to be remembered, so that the approval is used once.
    fn used(&self, of: &Escalated<'_>) -> Result<Option<Write>, Denial> {
        let Some(Presented::Signed(_, once)) = &self.approval else { return Ok(None) };
        let valid = of.approvals.settings.valid_for.millis();
        match once.used(self.recalled.as_deref(), valid) {
            Ok(write) => Ok(Some(write)),
            Err(Unusable::Used) => Err(Denial::because(Reason::ApprovalUsed)),
            Err(Unusable::NotRemembered) => {
                let detail = Some("it cannot be remembered that the approval is used".to_owned());
                Err(Denial { detail, ..Denial::because(Reason::ApprovalUnavailable) })
            }
        }
    }

    /// The denial of a call that nobody has approved yet, and what the approval service must be asked
    /// before it holds.
    fn asking(&self, of: &Escalated<'_>) -> Result<Denial, Denial> {
        let (id, token, binding) = self.signed_request(of)?;
        let (service, denial) = (&of.approvals.settings.service, of.denial.clone());
        let Some(cluster) = &of.approvals.settings.cluster else {
            let challenge = Challenge { id, url: None, token: Some(token), form: Form::Text };
            return Ok(denial.then(Some(Next::Told(challenge))));
        };
        match &self.answers.approval {
            Some(Heard::Unavailable(why)) => Ok(Denial {
                detail: Some(why.clone()),
                ..Denial::because(Reason::ApprovalUnavailable)
            }),
            Some(Heard::Pending | Heard::Decided(_)) => {
                let url = Some(service.page(&id));
                let challenge =
                    Challenge { id, url, token: None, form: self.challenge_form(of.call) };
                Ok(denial.then(Some(Next::Told(challenge))))
            }
            None => {
                let settings = &of.approvals.settings;
                let hold = settings.hold.map(Span::millis).map(|wait| Hold {
                    wait: wait / 1000,
                    timeout_ms: wait.saturating_add(AFTER_WAIT),
                    at_most: settings.hold_at_most,
                });
                let query = Query {
                    cluster: cluster.clone(),
                    authority: service.authority().to_owned(),
                    path: service.path(),
                    timeout_ms: settings.timeout_ms.into(),
                    hold,
                    body: Query::body(binding, token).ok_or_else(Denial::unfit)?,
                };
                Ok(denial.then(Some(Next::Ask(query))))
            }
        }
    }

    /// How a client is asked to open a page: as its revision and its capabilities allow. One that has
    /// opened it before is not asked again.
    fn challenge_form(&self, call: &Call<'_>) -> Form {
        match self.revision() {
            Some(revision) if revision.is_modern() => {
                if call.elicits_urls() && !call.has_answers() {
                    Form::InputRequired
                } else {
                    Form::Text
                }
            }
            Some(revision) if revision.has_url_elicitation() => Form::Error,
            Some(_) | None => Form::Text,
        }
    }

    /// The id of a request for approval, the request with the gate's signature, and what it is bound to.
    fn signed_request(&self, of: &Escalated<'_>) -> Result<(String, String, Binding), Denial> {
        // Edges without keys ask nobody.
        let keys = of.gate.signer.as_ref().ok_or_else(|| of.denial.clone())?;
        let (facts, binding) = (&self.request.facts, self.binding(of)?);
        let iat = facts.time.timestamp();
        let seconds = of.approvals.settings.valid_for.millis() / 1000;
        let id = decision_id(facts.time, self.request.entropy, 0);
        let (gate, service) = of.parties();
        let request = approval::Request {
            iss: gate.to_owned(),
            aud: service.to_owned(),
            iat,
            exp: iat.saturating_add(i64::try_from(seconds).unwrap_or_default()),
            jti: id.clone(),
            binding_hash: binding.hash(),
            binding: binding.clone(),
            details: Details {
                groups: of.escalation.groups.clone(),
                policies: of.denial.policies.clone(),
                reasons: of.escalation.reasons.clone(),
                txn: self.sender.identity.txn().map(str::to_owned),
            },
        };
        let signed = keys.sign(REQUEST, &request).map_err(|_| Denial::unfit())?;
        if signed.len() > LONGEST_REQUEST {
            return Err(of.too_long());
        }
        Ok((id, signed, binding))
    }

    /// What an approval of the call is bound to.
    fn binding(&self, of: &Escalated<'_>) -> Result<Binding, Denial> {
        let identity = &self.sender.identity;
        let (principal, arguments) = (&identity.principal, of.call.arguments);
        let shown = of.tool.redacted(arguments, None, fields::LONGEST_FIELD);
        let shown = shown.and_then(|shown| serde_json::from_str(shown.as_str()).ok());
        // Nobody approves what cannot be seen.
        let shown = shown.ok_or_else(|| of.too_long())?;
        let canonical = arguments.map_or_else(|| "{}".into(), Object::canonical);
        let resource = of.question.resource();
        Ok(Binding {
            subject: Entity { type_name: principal.type_name.clone(), id: principal.id.clone() },
            action: Action { name: of.tool.qualified_name().to_owned() },
            resource: Entity {
                type_name: resource.entity_type().to_string(),
                id: AsRef::<str>::as_ref(resource.eid()).to_owned(),
            },
            context: BoundContext {
                tenant: principal.tenant.clone(),
                agent_type: identity.actor.as_ref().map(|it| it.uid.type_name().to_string()),
                chain: identity.actor.as_ref().map(|it| it.chain.clone()).unwrap_or_default(),
                arguments: shown,
                arguments_digest: Digest::of_bytes(canonical.as_bytes()),
                bundle: of.gate.bundle.id.name.clone(),
                bundle_digest: of.gate.bundle.id.digest.clone(),
                environment: of.gate.environment.to_string(),
                proxy: of.approvals.use_counter.is_none().then(|| of.gate.secret.proxy()),
            },
        })
    }
}

/// The question to the rate limit service whether an approval is used for the first time. With the
/// answer, refuses the call that uses it again.
pub(super) fn ask_first_use(verdicts: &mut [Verdict], answer: Option<&Answer>) -> Option<Asking> {
    if verdicts.iter().any(|verdict| verdict.outcome.is_err()) {
        return None;
    }
    for verdict in verdicts {
        let Some(query) = verdict.approval.as_ref().and_then(|used| used.first_use.clone()) else {
            continue;
        };
        let denial = match answer {
            None => return Some(Asking::FirstUse(query)),
            Some(Answer::Within) => continue,
            Some(Answer::Over(_) | Answer::Never) => Denial::because(Reason::ApprovalUsed),
            // Edges without services accept no signed approvals.
            Some(Answer::CountHere) => Denial::because(Reason::ApprovalUnavailable),
            Some(Answer::Unavailable(why)) => Denial {
                detail: Some(format!("the rate limit service: {why}")),
                ..Denial::because(Reason::ApprovalUnavailable)
            },
        };
        refuse(verdict, &denial);
    }
    None
}

/// Who has decided, of verified claims.
fn approver(gate: &Gate, approvals: &Approvals, accepted: &Accepted) -> Result<Person, Denial> {
    let claims = Value::Object(accepted.approver.clone());
    let person = identity::identify_person(&gate.bundle.identity, &approvals.token, &claims);
    person.map_err(|error| Denial {
        detail: Some(format!("the approver: {error}")),
        ..Denial::because(Reason::ApproverNotPermitted)
    })
}

/// An approval in the record. Which policies permit the approver is not decided yet.
fn field(person: &Person, accepted: &Accepted) -> ApprovalField {
    let Person { identity, client } = person;
    let at = DateTime::from_timestamp(accepted.at, 0).unwrap_or_default();
    ApprovalField {
        id: accepted.id.clone(),
        request: accepted.nonce.clone(),
        approver: Shared::new(PrincipalField::from(&identity.principal)),
        issuer: identity.token.as_ref().and_then(|token| token.issuer.clone()),
        client: client.clone(),
        policies: Vec::new(),
        reason: accepted.reason.clone(),
        time: timestamp(at),
    }
}

/// A call that policies escalate.
struct Escalated<'a> {
    gate: &'a Gate,
    approvals: &'a Approvals,
    tool: &'a Tool,
    call: &'a Call<'a>,
    question: &'a Question<'a>,
    /// The denial that holds if nobody approves.
    denial: &'a Denial,
    escalation: &'a Escalation,
}

impl Escalated<'_> {
    /// The denial of a call of which a person could not see everything.
    fn too_long(&self) -> Denial {
        let detail = Some("the arguments are too long to be put before a person".to_owned());
        Denial { detail, ..self.denial.clone() }.then(None)
    }

    /// The gate and the approval service, by the names that both have in what they sign.
    fn parties(&self) -> (&str, &str) {
        (self.approvals.gate.as_str(), self.approvals.settings.service.as_str())
    }
}
