//! The policies of a new bundle: few, each with a comment that teaches.

use serde_json::Value;

use crate::cli::output::report::listed;
use crate::tool::Tool;

/// Grants what tools only read, if there are such tools.
const READ: &str = r#"
// A permit needs all of its scope: who asks, what is called, and on which resource.
// Readers may call what the server says only reads. Check that in bundle.yaml, tool by tool.
@id("readers-read")
permit (
    principal in Role::"reader",
    action in Action::"class:read",
    resource
);
"#;

/// Takes away what destroys, if there are such tools.
const DESTRUCTIVE: &str = r#"
// A forbid wins over every permit: an operator without the role `admin` is refused here.
// The caller gets the text of @reason.
@id("destructive-needs-an-admin")
@reason("This can destroy something. Ask an administrator.")
forbid (
    principal,
    action in Action::"class:destructive",
    resource
)
unless { principal in Role::"admin" };
"#;

/// The text of `org/tools.cedar`.
pub(super) fn text(server: &str, tools: &[Tool]) -> String {
    let has =
        |class: &str| tools.iter().any(|tool| tool.marks().classes.iter().any(|c| c == class));
    let mut text = String::from(
        "// Nothing is permitted unless a policy permits it. Every policy has an @id, which records \
         and tests name.\n",
    );
    text.push_str(if has("read") { READ } else { "" });
    text.push_str(&operators(server));
    text.push_str(if has("destructive") { DESTRUCTIVE } else { "" });
    text.push_str(&tools.iter().find_map(about_an_argument).unwrap_or_default());
    text.push_str(&tools.iter().find_map(about_a_choice).unwrap_or_default());
    text
}

fn operators(server: &str) -> String {
    format!(
        r#"
// Operators may call every tool of the server.
@id("operators-call-everything")
permit (
    principal in Role::"operator",
    action in Action::"server:{server}",
    resource
);
"#
    )
}

/// An example in a comment: it shows how a policy reads an argument of this very server.
fn about_an_argument(tool: &Tool) -> Option<String> {
    let examples = tool.examples();
    let (name, value) = examples.iter().find_map(|example| {
        let mut members = example.as_object()?.iter();
        members.find(|(name, value)| {
            let path = [(*name).clone()];
            value.as_str().is_some_and(is_plain)
                && is_identifier(name)
                && tool.is_certain(&path)
                && tool.enumeration(&path).is_none()
        })
    })?;
    let action = tool.qualified_name();
    Some(format!(
        r#"
// Policies read arguments in `context.input`, typed by the tool's schema. For example:
//
//   @id("only-this-one")
//   @reason("…")
//   forbid (principal, action == Action::"{action}", resource)
//   unless {{ context.input.{name} == {value} }};
"#
    ))
}

/// The same for an argument with a list of values, which policies do not read as strings.
fn about_a_choice(tool: &Tool) -> Option<String> {
    let examples = tool.examples();
    let mut members = examples.iter().filter_map(Value::as_object).flatten();
    let (name, value, kind) = members.find_map(|(name, value)| {
        let path = [name.clone()];
        let value = value.as_str().filter(|value| is_plain(value) && is_identifier(name))?;
        Some((name, value, tool.enumeration(&path)?))
    })?;
    let values = tool.values(std::slice::from_ref(name));
    let values = listed(values.iter().copied().filter(|value| is_plain(value)));
    let action = tool.qualified_name();
    let asked = if tool.is_certain(std::slice::from_ref(name)) {
        String::new()
    } else {
        format!("context.input has {name} && ")
    };
    Some(format!(
        r#"
// The values of `{name}` are listed in its schema ({values}), so they are entities, not strings, and
// a misspelt one does not load:
//
//   @id("not-this-value")
//   @reason("…")
//   forbid (principal, action == Action::"{action}", resource)
//   when {{ {asked}context.input.{name} == {kind}::"{value}" }};
"#
    ))
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a text is the same in a JSON string and in a Cedar string.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -_.:/@".contains(&byte))
}
