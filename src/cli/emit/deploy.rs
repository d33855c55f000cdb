//! Edits the lines of a configuration that are marked `# deploy:`, and no others.

use std::fmt::Write as _;

const MARK: &str = " # deploy: ";

/// An edit at the line that a label marks.
#[derive(Debug)]
pub(super) enum Edit {
    /// Replaces the value of a key in that line.
    Value { label: &'static str, key: &'static str, text: String },
    /// Replaces all lines below it that are indented deeper; the new text starts at column one.
    Body(&'static str, String),
    /// Inserts text directly below it, indented deeper, before what is there.
    First(&'static str, String),
    /// Inserts text directly above it, indented like it.
    Above(&'static str, String),
    /// Removes that line and all lines below it that are indented deeper.
    Remove(&'static str),
}

impl Edit {
    pub(super) fn value(label: &'static str, key: &'static str, text: String) -> Self {
        Self::Value { label, key, text }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Value { label, .. }
            | Self::Body(label, _)
            | Self::First(label, _)
            | Self::Above(label, _)
            | Self::Remove(label) => label,
        }
    }
}

/// Applies the edits to the text.
pub(super) fn render(text: &str, edits: &[Edit]) -> String {
    let mut rendered = String::with_capacity(text.len());
    let mut replaced = None;
    for line in text.lines() {
        if replaced.is_some_and(|depth| line.is_empty() || indent(line) > depth) {
            continue;
        }
        replaced = None;
        let (mut before, mark) = match line.split_once(MARK) {
            Some((before, label)) => (before.to_owned(), Some(label)),
            None => (line.to_owned(), None),
        };
        let mut body = None;
        let mut first = None;
        let mut above = None;
        let mut removed = false;
        for edit in edits.iter().filter(|edit| Some(edit.label()) == mark) {
            match edit {
                Edit::Value { key, text, .. } => before = with_value(&before, key, text),
                Edit::Body(_, text) => body = Some(text),
                Edit::First(_, text) => first = Some(text),
                Edit::Above(_, text) => above = Some(text),
                Edit::Remove(_) => removed = true,
            }
        }
        if removed || body.is_some() {
            replaced = Some(indent(line));
        }
        if removed {
            continue;
        }
        indented(&mut rendered, above, indent(&before));
        rendered.push_str(&before);
        if let Some(label) = mark {
            rendered.push_str(MARK);
            rendered.push_str(label);
        }
        rendered.push('\n');
        indented(&mut rendered, first.into_iter().chain(body), indent(&before).saturating_add(2));
    }
    rendered
}

fn indented<'a>(rendered: &mut String, texts: impl IntoIterator<Item = &'a String>, indent: usize) {
    for line in texts.into_iter().flat_map(|text| text.lines()) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(rendered, "{:indent$}{line}", "");
    }
}

/// The lines indented deeper than the line that has only this word and perhaps a mark, dedented to
/// the first column.
pub(super) fn block(text: &str, head: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(head));
    let depth = lines.next().map_or(0, indent);
    let inside: Vec<&str> =
        lines.take_while(|line| line.is_empty() || indent(line) > depth).collect();
    let margin = inside.iter().filter(|line| !line.is_empty()).map(|line| indent(line)).min();
    let mut block = String::new();
    for line in inside {
        block.push_str(line.get(margin.unwrap_or_default()..).unwrap_or_default());
        block.push('\n');
    }
    block
}

fn indent(line: &str) -> usize {
    line.len().saturating_sub(line.trim_start().len())
}

/// The line with a new value for the key. A value ends before `,`, `}` or the end of the line.
fn with_value(line: &str, key: &str, value: &str) -> String {
    let key = format!("{key}: ");
    let found = line.match_indices(&key).find(|(at, _)| {
        let before = line.get(..*at).unwrap_or_default();
        before.is_empty() || before.ends_with([' ', '{'])
    });
    let Some((at, _)) = found else { return line.to_owned() };
    let (head, rest) = line.split_at(at.saturating_add(key.len()));
    let end = [", ", " }"].iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    format!("{head}{value}{}", rest.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
a: # deploy: list
  - b
  # c

  - d
e: { f: 1, g: 2 } # deploy: pair
h:
  i: 3 # deploy: other
";

    #[track_caller]
    fn check(edits: &[Edit], expected: &str) {
        assert_eq!(render(TEXT, edits), expected);
    }

    #[test]
    fn only_marked_lines_change() {
        check(&[], TEXT);
        check(
            &[
                Edit::Body("list", "- x\n- y\n".to_owned()),
                Edit::value("pair", "g", "9".to_owned()),
                Edit::value("pair", "f", "8".to_owned()),
            ],
            "a: # deploy: list\n  - x\n  - y\ne: { f: 8, g: 9 } # deploy: pair\nh:\n  i: 3 # deploy: other\n",
        );
        check(
            &[
                Edit::First("list", "- x\n".to_owned()),
                Edit::Above("pair", "y:\n  - z\n".to_owned()),
                Edit::Remove("other"),
            ],
            "a: # deploy: list\n  - x\n  - b\n  # c\n\n  - d\ny:\n  - z\ne: { f: 1, g: 2 } # deploy: pair\nh:\n",
        );
        check(
            &[Edit::Remove("list"), Edit::value("other", "i", "\"4\"".to_owned())],
            "e: { f: 1, g: 2 } # deploy: pair\nh:\n  i: \"4\" # deploy: other\n",
        );
    }

    #[test]
    fn a_block_stands_alone() {
        assert_eq!(block(TEXT, "a:"), "- b\n# c\n\n- d\n");
        assert_eq!(block(TEXT, "h:"), "i: 3 # deploy: other\n");
    }
}
