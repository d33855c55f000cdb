//! A question of AuthZEN, and the call that it is about. Members that AuthZEN does not define are
//! ignored, as it demands.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A question. In a list of them, what is absent is that of the list.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Question {
    subject: Option<Subject>,
    action: Option<Action>,
    resource: Option<Resource>,
    context: Option<Context>,
}

#[derive(Clone, Debug, Deserialize)]
struct Subject {
    id: String,
    #[serde(default)]
    properties: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct Action {
    name: String,
}

/// What the call is about, as whoever asks sees it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Resource {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Context {
    arguments: Option<Map<String, Value>>,
    agent: Option<String>,
    act: Option<Value>,
    source_ip: Option<IpAddr>,
}

/// The call that a question is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// The claims of the subject.
    pub(super) claims: Value,
    /// The agent that whoever asks names.
    pub(super) agent: Option<String>,
    /// The tool, by its name on the wire or in the bundle, with or without that of its server.
    pub(super) tool: String,
    pub(super) arguments: Option<Value>,
    pub(super) source_ip: Option<IpAddr>,
}

/// The action of COAZ for all tools; the tool is the resource.
const CALL: &str = "tools/call";

impl Question {
    /// The question with what it lacks from another one.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            subject: self.subject.or_else(|| other.subject.clone()),
            action: self.action.or_else(|| other.action.clone()),
            resource: self.resource.or_else(|| other.resource.clone()),
            context: self.context.or_else(|| other.context.clone()),
        }
    }

    /// The call.
    ///
    /// # Errors
    ///
    /// Something that AuthZEN requires is missing, or two members contradict each other.
    pub(super) fn call(&self) -> Result<(Asked, &Resource), String> {
        let missing = |name: &str| format!("the question has no `{name}`");
        let subject = self.subject.as_ref().ok_or_else(|| missing("subject"))?;
        let action = self.action.as_ref().ok_or_else(|| missing("action"))?;
        let resource = self.resource.as_ref().ok_or_else(|| missing("resource"))?;
        let empty = Context::default();
        let context = self.context.as_ref().unwrap_or(&empty);
        let tool = match (&*action.name, &*resource.kind) {
            (CALL, "tool") => &resource.id,
            (CALL, _) => return Err("with `tools/call`, the resource is the tool".to_owned()),
            (name, _) => name,
        };
        let asked = Asked {
            claims: claims(subject, context)?,
            agent: context.agent.clone(),
            tool: tool.to_owned(),
            arguments: context.arguments.clone().map(Value::Object),
            source_ip: context.source_ip,
        };
        Ok((asked, resource))
    }
}

impl Resource {
    /// Whether a call is about this: the tool or its server, or the entity that the bundle finds in
    /// the arguments, as records spell it.
    pub(super) fn is(&self, tool: [&str; 3], server: &str, entity: Option<&str>) -> bool {
        match &*self.kind {
            "tool" => tool.contains(&&*self.id),
            "server" | "mcp_server" => self.id == server,
            kind => {
                entity.and_then(|entity| entity.strip_prefix(kind)?.strip_prefix("::"))
                    == Some(&format!("{:?}", self.id))
            }
        }
    }
}

/// The claims of the subject's token.
fn claims(subject: &Subject, context: &Context) -> Result<Value, String> {
    let mut claims = subject.properties.clone();
    say(&mut claims, "sub", "subject.id", Value::from(subject.id.as_str()))?;
    if let Some(act) = &context.act {
        say(&mut claims, "act", "context.act", act.clone())?;
    }
    if let (Some(agent), false) = (&context.agent, claims.contains_key("act")) {
        claims.insert("act".to_owned(), serde_json::json!({ "sub": agent }));
    }
    Ok(Value::Object(claims))
}

/// Adds a claim, which the properties may only repeat.
fn say(claims: &mut Map<String, Value>, claim: &str, of: &str, value: Value) -> Result<(), String> {
    if claims.get(claim).is_some_and(|said| *said != value) {
        return Err(format!("`subject.properties.{claim}` and `{of}` differ"));
    }
    claims.insert(claim.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(question: Value) -> Result<Asked, String> {
        let question: Question = serde_json::from_value(question).map_err(|it| it.to_string())?;
        question.call().map(|(asked, _)| asked)
    }

    #[test]
    fn a_question_is_a_call() {
        let full = json!({
            "subject": { "type": "user", "id": "alice", "properties": { "roles": ["rep"] } },
            "action": { "name": "crm/get_contact" },
            "resource": { "type": "Customer", "id": "cus_42" },
            "context": { "agent": "bot", "arguments": { "id": 1 }, "source_ip": "10.0.0.1" },
            "other": 1,
        });
        let call = asked(full.clone()).unwrap();
        assert_eq!(
            call.claims,
            json!({ "sub": "alice", "roles": ["rep"], "act": { "sub": "bot" } })
        );
        assert_eq!((&*call.tool, call.arguments), ("crm/get_contact", Some(json!({ "id": 1 }))));
        let with = |path: &str, value: Value| {
            let mut question = full.clone();
            *question.pointer_mut(path).unwrap() = value;
            asked(question)
        };
        assert!(with("/subject/properties", json!({ "sub": "bob" })).is_err());
        assert!(with("/subject/properties", json!({ "sub": "alice" })).is_ok());
        assert!(with("/subject", json!({ "type": "user" })).is_err());
        assert!(with("/context", json!({ "arguments": [1] })).is_err());
        assert!(with("/action/name", json!("tools/call")).is_err());
        let coaz = json!({
            "subject": { "type": "identity", "id": "alice" },
            "action": { "name": "tools/call" },
            "resource": { "type": "tool", "id": "get_contact" },
        });
        assert_eq!(asked(coaz).unwrap().tool, "get_contact");
    }

    #[test]
    fn the_resource_must_be_that_of_the_call() {
        let is = |kind: &str, id: &str| {
            let resource = Resource { kind: kind.to_owned(), id: id.to_owned() };
            resource.is(["crm/get", "get", "Get"], "crm", Some(r#"Customer::"cus_42""#))
        };
        for (kind, id, same) in [
            ("tool", "crm/get", true),
            ("tool", "Get", true),
            ("tool", "delete", false),
            ("server", "crm", true),
            ("mcp_server", "payments", false),
            ("Customer", "cus_42", true),
            ("Customer", "cus_43", false),
            ("User", "cus_42", false),
            ("", "cus_42", false),
        ] {
            assert_eq!(is(kind, id), same, "{kind} {id}");
        }
    }
}
