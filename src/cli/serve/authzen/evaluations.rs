//! Several questions at once.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::question::Question;

/// The most questions at once.
const MOST: usize = 100;

/// Several questions, and what is common to them.
#[derive(Debug, Deserialize)]
pub(super) struct Questions {
    #[serde(flatten)]
    common: Question,
    #[serde(default)]
    evaluations: Vec<Question>,
    #[serde(default)]
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
struct Options {
    #[serde(default)]
    evaluations_semantic: Semantic,
}

/// When questions are left out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Semantic {
    #[default]
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// The answers to the questions that were asked, or the answer to the only one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answers {
    One(Answer),
    Several { evaluations: Vec<Answer> },
}

impl Questions {
    /// Has the questions decided in their order.
    ///
    /// # Errors
    ///
    /// There are too many, or the only one is malformed.
    pub(super) fn decide(
        self,
        decide: impl Fn(&Question) -> Result<Answer, String>,
    ) -> Result<Answers, String> {
        if self.evaluations.len() > MOST {
            return Err(format!("there are more than {MOST} `evaluations`"));
        }
        if self.evaluations.is_empty() {
            return decide(&self.common).map(Answers::One);
        }
        let last = match self.options.evaluations_semantic {
            Semantic::ExecuteAll => None,
            Semantic::DenyOnFirstDeny => Some(false),
            Semantic::PermitOnFirstPermit => Some(true),
        };
        let mut evaluations = Vec::new();
        for question in self.evaluations {
            let answer =
                decide(&question.or(&self.common)).unwrap_or_else(|why| Answer::malformed(&why));
            let ends = Some(answer.decision) == last;
            evaluations.push(answer);
            if ends {
                break;
            }
        }
        Ok(Answers::Several { evaluations })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn decided(semantic: &str, tools: &[&str]) -> Vec<bool> {
        let asked = json!({
            "subject": { "type": "user", "id": "alice" },
            "resource": { "type": "server", "id": "crm" },
            "evaluations": tools.iter().map(|tool| json!({ "action": { "name": tool } })).collect::<Vec<_>>(),
            "options": { "evaluations_semantic": semantic },
        });
        let asked: Questions = serde_json::from_value(asked).unwrap();
        let answers = asked.decide(|question| {
            let (call, _) = question.call()?;
            Ok(Answer { decision: call.tool == "yes", context: Value::Null })
        });
        match answers.unwrap() {
            Answers::One(_) => panic!("there were several"),
            Answers::Several { evaluations } => evaluations.iter().map(|it| it.decision).collect(),
        }
    }

    #[test]
    fn the_semantic_says_when_to_stop() {
        let tools = ["yes", "no", "yes"];
        assert_eq!(decided("execute_all", &tools), [true, false, true]);
        assert_eq!(decided("deny_on_first_deny", &tools), [true, false]);
        assert_eq!(decided("permit_on_first_permit", &tools), [true]);
        assert_eq!(decided("permit_on_first_permit", &["no", "no"]), [false, false]);
    }

    #[test]
    fn what_cannot_be_understood_is_denied() {
        let odd = json!({ "evaluations": [], "options": { "evaluations_semantic": "any" } });
        assert!(serde_json::from_value::<Questions>(odd).is_err());
        let asked: Questions = serde_json::from_value(json!({ "evaluations": [{}] })).unwrap();
        let Answers::Several { evaluations } =
            asked.decide(|question| question.call().map(|_| panic!())).unwrap()
        else {
            panic!("there were several")
        };
        assert_eq!(evaluations[0].context["error"]["status"], 400);
        assert!(!evaluations[0].decision);
        let many = json!({ "evaluations": vec![json!({}); 101] });
        let many: Questions = serde_json::from_value(many).unwrap();
        assert!(many.decide(|_| panic!()).is_err());
    }
}
