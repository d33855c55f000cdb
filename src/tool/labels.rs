//! Labels on parts of a tool's result, which a caller gets only if policies reveal them.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::cedar::entity;
use super::marks::Marks;
use super::problem::Problem;

/// A label of a tool's result.
#[derive(Clone, Debug)]
pub struct Label {
    /// Its name, such as `pii`.
    pub name: Arc<str>,
    /// The Cedar action that reveals it, `<server>/<tool>/reveal:<label>`.
    pub action: EntityUid,
    /// The parts of the result that have it.
    pub parts: Vec<ResultPath>,
}

/// The path of parts of a result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResultPath(Vec<Step>);

/// A step from a value to parts of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// The member of this name.
    Member(String),
    /// Every member.
    Members,
    /// Every item.
    Items,
}

impl ResultPath {
    /// Parses a dotted path: names of members, `*` for every member, and `[]` for every item, such as
    /// `contacts[].phones.*`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        for (position, part) in text.split('.').enumerate() {
            let name = part.trim_end_matches("[]");
            match name {
                "*" => steps.push(Step::Members),
                // The result itself can be a list.
                "" if position == 0 && part.len() > name.len() => {}
                "" => return None,
                name if name.contains(['[', ']', '*']) => return None,
                name => steps.push(Step::Member(name.to_owned())),
            }
            let items = part.len().saturating_sub(name.len()) / 2;
            steps.extend(std::iter::repeat_n(Step::Items, items));
        }
        Some(Self(steps))
    }

    /// The steps, of which there is at least one.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// The beginning of the names of actions that reveal a label.
pub const REVEAL: &str = "reveal:";

/// The name of the group of all actions that reveal a label.
pub fn reveal_group(label: &str) -> String {
    format!("{REVEAL}{label}")
}

/// Parses the labels of a tool's entry; each problem comes with the key of the entry.
pub(super) fn read(
    qualified_name: &str,
    marks: &Marks,
) -> Result<Vec<Label>, Vec<(String, Problem)>> {
    let (mut labels, mut problems) = (Vec::new(), Vec::new());
    for (name, paths) in &marks.labels {
        let key = |rest: &str| format!("labels.{name}{rest}");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || !name.bytes().all(is_plain) {
            problems.push((key(""), Problem::LabelName));
        }
        let mut parts = Vec::new();
        for (position, path) in paths.iter().enumerate() {
            match ResultPath::parse(path) {
                Some(path) => parts.push(path),
                None => problems.push((key(&format!(".{position}")), Problem::LabelPath)),
            }
        }
        if paths.is_empty() {
            problems.push((key(""), Problem::LabelOfNothing));
        }
        let action = format!("{qualified_name}/{}", reveal_group(name));
        if let Some(action) = entity("Action", &action) {
            labels.push(Label { name: name.as_str().into(), action, parts });
        }
    }
    if problems.is_empty() { Ok(labels) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_through_members_and_items() {
        let member = |name: &str| Step::Member(name.to_owned());
        for (text, steps) in [
            ("a", vec![member("a")]),
            ("a.b-c", vec![member("a"), member("b-c")]),
            ("a[].b", vec![member("a"), Step::Items, member("b")]),
            ("a[][]", vec![member("a"), Step::Items, Step::Items]),
            ("[].a", vec![Step::Items, member("a")]),
            ("*.*", vec![Step::Members, Step::Members]),
        ] {
            assert_eq!(ResultPath::parse(text), Some(ResultPath(steps)), "{text}");
        }
        for text in ["", ".", "a.", "a..b", "a[", "a[0]", "[]a", "a.[]", "*a", "a*"] {
            assert_eq!(ResultPath::parse(text), None, "{text}");
        }
    }
}
