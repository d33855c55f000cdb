//! The policies of a new bundle: few, each with a comment that teaches.

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

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a text is the same in a JSON string and in a Cedar string.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -_.:/@".contains(&byte))
}
