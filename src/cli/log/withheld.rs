//! Which policies read an argument or attribute, and so whether a withheld value can affect the
//! decision.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use serde_json::Value;

use super::line::Recorded;
use crate::bundle::Bundle;
use crate::policy::MEMORY;
use crate::reason::Reason;
use crate::tool::Tool;

/// The effect of withheld values on the explanation.
#[derive(Debug)]
pub(in crate::cli) struct Consequence {
    /// The effect as text.
    pub(in crate::cli) note: String,
    /// Whether the values could change the decision.
    pub(in crate::cli) may_differ: bool,
}

/// The effect of arguments whose values a record withholds.
pub(in crate::cli) fn consequence(
    bundle: &Bundle,
    recorded: &Recorded,
    withheld: &[String],
) -> Consequence {
    let tool = recorded.tool().and_then(|(server, name)| bundle.tool(server, name));
    let carrier = tool.and_then(Tool::wraps).map(|wraps| wraps.carrier().join("."));
    let is_inner = |path: &str| carrier.as_ref().is_some_and(|carrier| is_within(path, carrier));
    let inner = withheld.iter().any(|path| is_inner(path));
    let names: BTreeSet<&str> =
        withheld.iter().map(|path| path.split('.').next().unwrap_or(path)).collect();
    let policies = bundle.all_layers().iter().flat_map(|layer| layer.policies().policies());
    let readers = ids(policies.filter(|policy| Reads::of(policy).any(&names)));
    let about = recorded
        .in_bundle(bundle)
        .and_then(Tool::resource_argument)
        .is_some_and(|argument| withheld.iter().any(|path| is_within(argument, path)));
    let unfit = recorded.reason() == Some(Reason::InvalidArguments);
    let consequence = if unfit {
        "and it may be one of them that did not fit".to_owned()
    } else if about {
        "and one of them names what the call is about: give --arguments".to_owned()
    } else if inner {
        "and policies about the inner call may read them: give --arguments".to_owned()
    } else if readers.is_empty() {
        "and no policy reads them: they make no difference".to_owned()
    } else {
        format!("and the decision depends on them where `{readers}` reads them: give --arguments")
    };
    let list = withheld.join("`, `");
    let note = format!("the record withholds the values of `{list}`, {consequence}");
    Consequence { note, may_differ: unfit || about || inner || !readers.is_empty() }
}

/// The effect of attributes, of the principal or of a capability, that a record withholds or lacks.
pub(in crate::cli) fn of_attributes(bundle: &Bundle, names: &[String], why: &str) -> Consequence {
    let policies = bundle.all_layers().iter().flat_map(|layer| layer.policies().policies());
    let readers = ids(policies.filter(|policy| Reads::of(policy).any_attribute(names)));
    let consequence = if readers.is_empty() {
        "and no policy reads them: they make no difference".to_owned()
    } else {
        format!("and the decision depends on them where `{readers}` reads them: give --identity")
    };
    let list = names.join("`, `");
    let note = format!(
        "the record {why} the attributes `{list}` of the principal or of a capability, {consequence}"
    );
    Consequence { note, may_differ: !readers.is_empty() }
}

fn ids<'a>(policies: impl Iterator<Item = &'a Policy>) -> String {
    let ids: BTreeSet<String> = policies.map(|policy| policy.id().to_string()).collect();
    ids.into_iter().collect::<Vec<_>>().join("`, `")
}

/// Whether a dotted path equals another one or leads into it.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The arguments and attributes that a policy reads.
#[derive(Debug, Default)]
pub(in crate::cli) struct Reads {
    names: BTreeSet<String>,
    /// Attributes of any entity.
    attributes: BTreeSet<String>,
    /// Whether the policy reads all arguments together, or the whole context.
    all: bool,
    /// Whether the policy reads what is remembered of earlier calls.
    remembered: bool,
}

impl Reads {
    pub(in crate::cli) fn of(policy: &Policy) -> Self {
        let mut reads = Self::default();
        match policy.to_json() {
            Ok(policy) => reads.visit(policy.get("conditions").unwrap_or(&Value::Null)),
            Err(_) => reads.all = true,
        }
        reads
    }

    /// Whether the policy reads one of these.
    pub(in crate::cli) fn any(&self, names: &BTreeSet<&str>) -> bool {
        self.all || names.iter().any(|name| self.names.contains(*name))
    }

    /// Whether the policy reads an attribute with one of these names, of any entity.
    pub(in crate::cli) fn any_attribute(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.attributes.contains(name))
    }

    /// Whether the policy reads what is remembered of earlier calls.
    pub(in crate::cli) fn remembered(&self) -> bool {
        self.all || self.remembered
    }

    fn visit(&mut self, expression: &Value) {
        if let Some((of, name)) = member(expression) {
            if is_input(of) {
                self.names.insert(name.to_owned());
            } else if is_context(of) {
                self.all |= name == "input";
                self.remembered |= MEMORY.contains(&name);
            } else {
                self.attributes.insert(name.to_owned());
                self.visit(of);
            }
        } else if is_context(expression) {
            self.all = true;
        } else {
            match expression {
                Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
                Value::Object(members) => members.values().for_each(|value| self.visit(value)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
}

/// `of.name` or `of has name`, in Cedar's JSON policy format.
fn member(expression: &Value) -> Option<(&Value, &str)> {
    let access = expression.get(".").or_else(|| expression.get("has"))?;
    Some((access.get("left")?, access.get("attr")?.as_str()?))
}

fn is_input(expression: &Value) -> bool {
    member(expression).is_some_and(|(of, name)| is_context(of) && name == "input")
}

fn is_context(expression: &Value) -> bool {
    expression.get("Var").is_some_and(|variable| variable == "context")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(condition: &str, expected: &[&str], all: bool) {
        let source = format!("permit (principal, action, resource) when {{ {condition} }};");
        let reads = Reads::of(&source.parse().expect("a policy"));
        let names: Vec<&str> = reads.names.iter().map(String::as_str).collect();
        assert_eq!((names.as_slice(), reads.all), (expected, all), "{condition}");
    }

    #[test]
    fn what_a_condition_looks_at() {
        check("true", &[], false);
        check("context.actor in Group::\"a\" && context.request.path like \"/a*\"", &[], false);
        check(
            "context.input.amount < 5 || context.input.note == \"a\"",
            &["amount", "note"],
            false,
        );
        check("context.input has note", &["note"], false);
        check("context.input.details.phone == \"1\"", &["details"], false);
        check("context.input == {a: 1}", &[], true);
        check("context has input && principal.tenant == \"a\"", &[], true);
        check("[context].contains({a: 1})", &[], true);
    }
}
