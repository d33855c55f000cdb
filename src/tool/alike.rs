//! Names that some parsers take for one another.

/// The form that two names share if they differ only in case and punctuation: there are JSON parsers
/// that ignore the one or the other.
pub(crate) fn folded(name: &str) -> String {
    // Some letters meet only on the way through both cases, and some lower cases bring marks along.
    let lower = name.chars().flat_map(char::to_lowercase);
    let folded = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.filter(|letter| letter.is_alphanumeric()).collect()
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
        assert_eq!(folded("\u{130}d"), "id");
        assert_eq!(folded("GR\u{d6}\u{1e9e}E"), folded("gr\u{f6}\u{df}e"));
        assert_ne!(folded("tool_names"), "toolname");
        assert_ne!(folded("größe"), folded("grobe"));
    }
}
