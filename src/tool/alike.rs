//! Names that some parsers take for one another.

/// The form that two names share if they differ only in case and punctuation: there are JSON parsers
/// that ignore the one or the other.
pub(super) fn folded(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    // Some letters have a lower case only by way of their upper case.
    letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_mean_the_same() {
        for alike in
            ["tool_name", "toolName", "ToolName", "TOOL-NAME", "tool.name ", "tool\u{200b}name"]
        {
            assert_eq!(folded(alike), "toolname", "{alike}");
        }
        assert_eq!(folded("\u{212a}ey\u{17f}"), "keys");
        assert_ne!(folded("tool_names"), "toolname");
        assert_ne!(folded("größe"), folded("grobe"));
    }
}
