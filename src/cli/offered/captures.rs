//! Unites several captures of one server's list: lists differ by revision and by client.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cli::output::escape::shown;

/// One complete list of a server's tools.
#[derive(Debug, Default)]
pub(super) struct Capture {
    pub(super) tools: Vec<Value>,
    /// The other methods that the server says it has.
    pub(super) methods: BTreeSet<&'static str>,
    /// The server's name for itself.
    pub(super) server: Option<String>,
    /// Where the list comes from.
    pub(super) origin: String,
}

/// The tools of all captures, each as the first capture that has it describes it, and what a
/// reviewer should know about the differences.
pub(super) fn united(captures: &[Capture]) -> (Vec<Value>, Vec<String>) {
    let mut tools: Vec<Value> = Vec::new();
    let mut known: BTreeMap<&str, (&Value, &Capture)> = BTreeMap::new();
    let mut differing: BTreeMap<&str, (&Capture, Vec<&str>)> = BTreeMap::new();
    for capture in captures {
        let mut own: BTreeMap<&str, (&Value, &Capture)> = BTreeMap::new();
        for tool in &capture.tools {
            // A tool that one list has twice stays twice, which is an error.
            match name(tool).and_then(|name| Some((name, known.get(name)?))) {
                None => tools.push(tool.clone()),
                Some((name, (taken, from))) if differ(taken, tool) => {
                    let others = &mut differing.entry(name).or_insert((from, Vec::new())).1;
                    others.push(&capture.origin);
                }
                Some(_) => {}
            }
            own.extend(name(tool).map(|name| (name, (tool, capture))));
        }
        for (name, tool) in own {
            known.entry(name).or_insert(tool);
        }
    }
    let told = differing.iter().map(|(name, (from, others))| {
        format!(
            "tool `{}` has other arguments for {} than for {}, whose are taken",
            shown(name),
            others.join(" and "),
            from.origin
        )
    });
    let told = told.collect();
    (tools, told)
}

/// The name of a tool.
pub(in crate::cli) fn name(tool: &Value) -> Option<&str> {
    tool.get("name").and_then(Value::as_str)
}

/// Whether calls of the tools differ. Older revisions lack titles, annotations and results.
fn differ(taken: &Value, other: &Value) -> bool {
    taken.get("inputSchema") != other.get("inputSchema")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn capture(origin: &str, tools: &Value) -> Capture {
        let tools = tools.as_array().cloned().unwrap_or_default();
        Capture { tools, origin: origin.to_owned(), ..Capture::default() }
    }

    #[test]
    fn the_first_capture_that_has_a_tool_describes_it() {
        let captures = [
            capture("new", &json!([{ "name": "a", "title": "A" }, { "name": "b" }])),
            capture("old", &json!([{ "name": "c" }, { "name": "a" }])),
        ];
        let (tools, told) = united(&captures);
        assert_eq!(
            json!(tools),
            json!([{ "name": "a", "title": "A" }, { "name": "b" }, { "name": "c" }])
        );
        assert_eq!(told, [""; 0]);
    }

    #[test]
    fn other_arguments_are_told() {
        let with = |schema| json!([{ "name": "a", "inputSchema": schema }]);
        let captures = [
            capture("one", &with(json!({ "type": "object" }))),
            capture("two", &with(json!({ "type": "object", "required": ["x"] }))),
            capture("three", &with(json!({}))),
        ];
        let (tools, told) = united(&captures);
        assert_eq!(tools.len(), 1);
        let expected =
            "tool `a` has other arguments for two and three than for one, whose are taken";
        assert_eq!(told, [expected]);
    }

    #[test]
    fn a_tool_that_one_list_has_twice_stays_twice() {
        let (tools, _) = united(&[capture("one", &json!([{ "name": "a" }, { "name": "a" }, {}]))]);
        assert_eq!(tools.len(), 3);
    }
}
