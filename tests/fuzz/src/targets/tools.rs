//! Lists of tools as servers give them, and tools files.

use serde_json::{Value, json};
use toolgate::json;
use toolgate::tool::{Marks, Surroundings, Tool, ToolDescription, listed, read_tools};

use crate::{small, tree};

const DEPTH: usize = 128;

pub(super) fn run(data: &[u8]) {
    let Ok(list) = json::read(data, DEPTH) else { return };
    let Ok(list) = serde_json::to_value(&list) else { return };
    let Ok(tools) = read_tools(&list) else { return };
    assert_eq!(listed(&list).map(Vec::len), Some(tools.len()));
    for tool in &tools {
        written(tool);
        // Most are refused; none may be more than that.
        drop(Tool::new("a", "b", tool, Marks::default(), &Surroundings::default()));
    }
    rewritten(&list, &tools);
}

/// A tool of a built document is the one that was read.
fn written(tool: &ToolDescription) {
    let text = serde_json::to_string(tool).expect("a tool can be written");
    json::unique(&text).expect("it has one reading");
    let again: ToolDescription = serde_json::from_str(&text).expect("what was written is read");
    assert_eq!(again, *tool);
}

/// The pins are those of the canonical list.
fn rewritten(list: &Value, tools: &[ToolDescription]) {
    let canonical: Value =
        serde_json::from_slice(&json::canonical(list)).expect("canonical JSON is JSON");
    match read_tools(&canonical) {
        Ok(again) => assert_eq!(again, tools),
        Err(errors) => panic!("{errors:?}"),
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let files = tree::bundles().into_iter().flat_map(|bundle| tree::tools(&bundle));
    let files = files.map(|path| tree::text(&path).into_bytes());
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": small::listed() } });
    files.chain([answer.to_string().into_bytes()]).collect()
}
