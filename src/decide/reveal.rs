//! Decides which labelled parts of a result a caller gets.

use std::sync::Arc;

use super::listing::permits_all;
use super::{Facts, Question, Revealed, Verdict, decide, judge_parties, party};
use crate::bundle::Bundle;
use crate::gate::Caller;
use crate::identity::Identity;
use crate::tool::Tool;

/// Decides a call of this tool, and the labels of its result if it is permitted.
pub fn decide_revealing(
    bundle: &Bundle,
    identity: &Identity,
    tool: &Tool,
    question: &Question<'_>,
) -> Verdict {
    let verdict = decide(bundle, identity, question);
    if tool.labels().is_empty() || verdict.outcome.is_err() {
        return verdict;
    }
    Verdict { revealed: reveal(bundle, identity, tool, question), ..verdict }
}

/// Decides the labels of the result of one call. A label is revealed if every layer permits its
/// action on the resource and with the context of the call; any error withholds it.
fn reveal(bundle: &Bundle, identity: &Identity, tool: &Tool, question: &Question<'_>) -> Revealed {
    let mut revealed = Revealed::default();
    for label in tool.labels() {
        let question = question.about(label.action.as_ref());
        let outcome = judge_parties(&bundle.layers, identity, &question);
        if outcome.is_ok() {
            revealed.shown.push(Arc::clone(&label.name));
        } else {
            revealed.parts.push((label.clone(), tool.marks().withheld));
        }
    }
    revealed
}

/// The labels of a tool's result that some call of it by this caller would not reveal.
pub fn withheld_from_some(
    bundle: &Bundle,
    identity: &Identity,
    caller: &Arc<Caller>,
    tool: &Tool,
    facts: &Facts,
) -> Vec<Arc<str>> {
    let question = Question::about_all(Arc::clone(caller), bundle, tool, Vec::new(), facts);
    let Ok(question) = question else {
        return tool.labels().iter().map(|label| Arc::clone(&label.name)).collect();
    };
    let is_withheld = |label: &&crate::tool::Label| {
        let question = question.about(label.action.as_ref());
        !party::hold(&question, |party| permits_all(bundle.layers.of(identity), tool, party))
    };
    let withheld = tool.labels().iter().filter(is_withheld);
    withheld.map(|label| Arc::clone(&label.name)).collect()
}
