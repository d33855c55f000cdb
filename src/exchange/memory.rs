//! What is remembered while the messages of one body are decided.

use super::asking::Asking;
use super::pending::Pending;
use super::response::Learning;
use crate::bundle::Bundle;
use crate::decide::{Denial, Question, Remembered, Verdict};
use crate::digest::Digest;
use crate::gate::Gate;
use crate::json::Object;
use crate::mcp::Message;
use crate::memory::{
    Anomaly, Answer, Asked, Charge, Due, Lessons, Name, Particulars, Signs, Spending, Working,
    Write,
};
use crate::reason::Reason;
use crate::record::{Draft, Outcome};
use crate::tool::Tool;

/// What is remembered while the messages of one body are decided: each sees the ones before it.
#[derive(Default)]
pub(super) struct Memory<'a> {
    /// `None` if the bundle has nothing remembered.
    working: Option<Working<'a>>,
    /// The calls that policies decided.
    asked: Vec<Asked>,
    /// What the responses to forwarded calls can change, by the position of the message.
    lessons: Vec<(usize, Lessons)>,
    /// What calls spend of budgets, or would spend, by the position of the message.
    spendings: Vec<(usize, Spending)>,
    /// Whether budgets are spent, and refused calls do not run: not in shadow.
    spends: bool,
    /// The signs of running away at the calls that policies decided.
    signs: Option<Signs>,
    /// What permitted calls must pay to global budgets.
    dues: Vec<(Place, Due)>,
}

/// The place of a call in a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The position of the message.
    pub(super) index: usize,
    /// Whether it is the inner call.
    pub(super) is_inner: bool,
}

impl Pending {
    /// What is remembered for the messages of the body.
    pub(super) fn memory<'a>(&'a self, gate: &'a Gate) -> Memory<'a> {
        let spends = gate.bundle.shadow.is_none();
        Memory { working: self.working(gate), spends, ..Memory::default() }
    }

    /// What changes when results of any calls of the server arrive.
    pub(super) fn of_any_call(&self, gate: &Gate) -> Lessons {
        match (&gate.bundle.memory, &self.sender.owners) {
            (Some(plan), Some(owners)) => {
                Lessons::of_any(plan, owners, gate.bundle.tools_behind(&self.server))
            }
            _ => Lessons::default(),
        }
    }

    /// Drafts about signs of running away; `messages` is how many the body has.
    pub(super) fn anomalies(&self, anomalies: &[Anomaly], messages: usize) -> Vec<Draft> {
        let draft = |(place, anomaly): (usize, &Anomaly)| {
            let reason = if anomaly.begins { Reason::RunawayBegan } else { Reason::RunawayEnded };
            let detail = Some(anomaly.sign.to_owned());
            Draft::new(&self.request, place, Outcome { detail, ..Outcome::because(reason) }, None)
        };
        (messages..).zip(anomalies).map(draft).collect()
    }

    fn working<'a>(&'a self, gate: &'a Gate) -> Option<Working<'a>> {
        let plan = gate.bundle.memory.as_ref()?;
        let owners = self.sender.owners.as_ref()?;
        Some(Working::open(plan, owners, self.recalled.as_deref()))
    }

    /// What is to be stored once the body is decided, and the signs of running away that begin or end;
    /// `None` if what is remembered was not read.
    pub(super) fn remembered(
        &self,
        gate: &Gate,
        memory: Memory<'_>,
        refused: usize,
    ) -> Option<(Vec<Write>, Vec<Anomaly>)> {
        let Some(mut decided) = memory.working else { return Some((Vec::new(), Vec::new())) };
        if refused == 0 {
            let anomalies = decided.notice(memory.signs);
            return Some((decided.into_writes()?, anomalies));
        }
        // None of the calls runs, or, in shadow, all of them do.
        let mut working = self.working(gate)?;
        if gate.bundle.shadow.is_some() {
            memory.asked.iter().for_each(|asked| working.forward(asked, false));
        }
        (0..refused).for_each(|_| working.refuse());
        let anomalies = working.notice(memory.signs);
        Some((working.into_writes()?, anomalies))
    }
}

impl Memory<'_> {
    /// What the responses to forwarded calls can change, by the id of the request, if they can be
    /// answered in reply.
    pub(super) fn lessons(
        &mut self,
        messages: &[Message<'_>],
        answers_on_stream: bool,
    ) -> Vec<Learning> {
        let id = |index: usize| messages.get(index)?.request_id().cloned();
        let lessons = std::mem::take(&mut self.lessons).into_iter();
        let lessons = lessons.map(|(index, lessons)| {
            (index, if answers_on_stream { lessons.without_result() } else { lessons })
        });
        lessons.map(|(index, lessons)| (id(index), lessons)).collect()
    }

    /// Adds what the response to another message can change.
    pub(super) fn learn(&mut self, index: usize, lessons: Lessons) {
        if !lessons.is_empty() {
            self.lessons.push((index, lessons));
        }
    }

    /// What the call of a message spends of budgets, or would spend.
    pub(super) fn take_spendings(&mut self, index: usize) -> Vec<Spending> {
        let of_call = self.spendings.extract_if(.., |(of, _)| *of == index);
        of_call.map(|(_, spending)| spending).collect()
    }

    /// A call as memory sees it, if the bundle has anything remembered.
    pub(super) fn ask(
        &self,
        bundle: &Bundle,
        tool: &Tool,
        question: &Question<'_>,
        arguments: Option<&Object<'_>>,
    ) -> Result<Option<Asked>, Denial> {
        let Some(working) = &self.working else { return Ok(None) };
        let (input, resource) = question.counted();
        let plan = working.plan();
        let digest = |arguments: Option<&Object<'_>>| {
            // No arguments are the same as none in an object.
            let canonical = arguments.map_or_else(|| "{}".into(), Object::canonical);
            Name::of(&Digest::of_bytes(canonical.as_bytes()))
        };
        let particulars = Particulars {
            resource: plan.counts_resources().then(|| Name::of(&resource.to_string())),
            arguments: plan.counts_repeats().then(|| digest(arguments)),
            tenant: plan.tenant(Some(resource.entity_type()), |attribute| {
                bundle.entity_store().text(resource, attribute)
            }),
        };
        let asked = working.ask(tool, input, &particulars);
        asked.map(Some).map_err(|uncountable| Denial::uncountable(&uncountable))
    }

    /// Adds what is remembered to the question about a call.
    pub(super) fn join<'q>(
        &'q self,
        question: Question<'q>,
        asked: Option<&'q Asked>,
    ) -> Result<Question<'q>, Denial> {
        let (Some(working), Some(asked)) = (&self.working, asked) else { return Ok(question) };
        let is_incomplete = working.has_incomplete_history() || working.is_incomplete(asked);
        let attributes = working.attributes(asked);
        question.remembering(Remembered { attributes, is_incomplete })
    }

    /// Refuses a call that exceeds a budget, and remembers it if it is permitted.
    pub(super) fn settle(
        &mut self,
        (place, tool): (Place, &Tool),
        verdict: &mut Verdict,
        asked: Option<Asked>,
    ) {
        let (Some(working), Some(mut asked)) = (&mut self.working, asked) else { return };
        if self.spends {
            asked.show(working.plan(), verdict.revealed.shown());
        } else {
            // In shadow, nothing is withheld.
            asked.show(working.plan(), tool.labels().iter().map(|label| &*label.name));
        }
        let signs = working.signs(&asked);
        self.signs = Some(self.signs.unwrap_or_default().or(signs));
        let spendings = working.spendings(&asked).map(|spending| (place.index, spending));
        let before = self.spendings.len();
        self.spendings.extend(spendings);
        let exceeds = |(_, spending): &(usize, Spending)| spending.exceeds();
        let denial = if working.is_incomplete(&asked) {
            Some(Denial::forgotten(None))
        } else if self.spendings.iter().skip(before).any(exceeds) {
            working.exceeded(&asked).as_ref().map(Denial::exceeding)
        } else {
            None
        };
        if let Some(denial) = denial {
            refuse(verdict, &denial);
        }
        if verdict.outcome.is_ok() {
            if self.spends {
                self.dues.extend(working.dues(&asked).into_iter().map(|due| (place, due)));
            }
            working.forward(&asked, self.spends);
        }
        if verdict.outcome.is_ok() || !self.spends {
            let lessons = working.lessons(&asked, tool, self.spends);
            // The result is that of the outer call, which says nothing of what it ran.
            let lessons = if place.is_inner { lessons.without_result() } else { lessons };
            self.learn(place.index, lessons);
        }
        self.asked.push(asked);
    }

    /// Pays what calls spend of global budgets, if all of them are permitted. Returns the next
    /// question to the rate limit service, or refuses the call that is not paid.
    pub(super) fn pay(
        &self,
        verdicts: &mut [Verdict],
        answers: &[(Charge, Answer)],
    ) -> Option<Asking> {
        if self.dues.is_empty() || verdicts.iter().any(|verdict| verdict.outcome.is_err()) {
            return None;
        }
        let plan = self.working.as_ref()?.plan();
        let mut answers: Vec<_> = answers.iter().collect();
        for (place, due) in &self.dues {
            // Equal charges are paid one by one.
            let known = answers.iter().position(|(charge, _)| *charge == due.charge);
            let paid = match known.map(|position| &answers.swap_remove(position).1) {
                Some(answer) => due.pay(answer),
                None => match plan.query(&due.charge) {
                    Ok(query) => return Some(Asking::RateLimit(due.charge.clone(), query)),
                    Err(answer) => due.pay(&answer),
                },
            };
            if let (Err(unpaid), Some(verdict)) = (paid, verdicts.get_mut(place.index)) {
                let denial = Denial::unpaid(&unpaid);
                refuse(verdict, &if place.is_inner { denial.of_inner() } else { denial });
                return None;
            }
        }
        None
    }
}

/// Refuses a call that policies permit, in force or in shadow.
pub(super) fn refuse(verdict: &mut Verdict, denial: &Denial) {
    let outcomes = [Some(&mut verdict.outcome), verdict.staged.as_mut()];
    for outcome in outcomes.into_iter().flatten().filter(|outcome| outcome.is_ok()) {
        *outcome = Err(denial.clone());
    }
}
