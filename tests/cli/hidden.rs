//! Untrusted text on a terminal: it has no effect there, and all of it is visible.

use serde_json::json;

use super::diff_log::{gate, records};
use super::explain::{ann, call};
use super::sandbox::Sandbox;

/// Control characters, colours, text direction, and invisible characters.
const BAD: &str =
    "x\u{1b}[32mx\u{1b}]0;y\u{7}z\u{7f}\u{9b}\u{202e}\u{2028}\u{200b}\u{feff}\u{fdd0}\u{e0041}";

#[track_caller]
fn check(sandbox: &Sandbox, line: &str) -> bool {
    let run = sandbox.run_with(line, "", &[("CLICOLOR_FORCE", "1")]);
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(!told.contains("x\u{1b}[32mx"), "{line}: {told:?}");
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let plain = colours.replace_all(&told, "");
    let acts =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || BAD.contains(c) && !c.is_ascii();
    assert!(!plain.contains(acts), "{line}: {plain:?}");
    plain.contains("202e")
}

#[test]
fn nothing_from_outside_acts_at_a_terminal() {
    let sandbox = Sandbox::new();
    let policies = sandbox.read("bundle/org/notes.cedar").replace("A note has", BAD);
    sandbox.write("bundle/org/notes.cedar", &policies);
    sandbox.copy("bundle", "next");
    sandbox.replace("next/org/notes.cedar", "stars > 3", "stars > 4");
    sandbox.copy("bundle", "broken");
    sandbox.replace("broken/org/notes.cedar", "stars > 3", "starz > 3");
    let arguments = json!({ "team": "red", "text": BAD, "stars": 4 });
    let gate = gate(&sandbox, "bundle");
    let mut lines = String::new();
    for (tool, arguments) in
        [("write", arguments), (BAD, json!({})), ("read", json!({ "id": BAD }))]
    {
        for record in records(&gate, &call(1, tool, &arguments), ann(), 7) {
            let line = record.to_line();
            assert!(
                !line.contains(|c: char| c.is_control() || BAD.contains(c) && !c.is_ascii()),
                "{line}"
            );
            lines = format!("{lines}{line}\n");
        }
    }
    let last = lines.lines().last().unwrap().to_owned();
    assert!(
        last.contains("\\u001b[32m")
            && last.contains("\\u202e\\u2028\\u200b\\ufeff\\ufdd0\\udb40\\udc41"),
        "{last}"
    );
    sandbox.write("decisions.ndjson", &lines);
    sandbox.write("last.ndjson", &format!("{last}\n"));
    let mut shown = 0;
    for line in [
        "explain bundle --case 'too many stars'",
        "explain bundle --case 'too many stars' --format json",
        "explain bundle --record last.ndjson",
        "check broken",
        "check broken --format json",
        "test broken",
        "diff bundle next",
        "diff bundle next --log decisions.ndjson",
        "diff bundle next --log decisions.ndjson --format json",
    ] {
        shown += usize::from(check(&sandbox, line));
    }
    assert!(shown > 4, "{shown}");
}

/// Text of one line, as programs write it, is longer than what can be marked in an excerpt.
#[test]
fn a_problem_in_a_long_line_has_its_place_and_no_excerpt() {
    let sandbox = Sandbox::new();
    let cases = format!(r#"{{ "cases": [{}{{ "name": "x", "odd": 1 }}] }}"#, " ".repeat(70_000));
    sandbox.write("bundle/tests/long.yaml", &cases);
    let run = sandbox.run("check bundle");
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("bundle/tests/long.yaml:1:70028: unknown field `odd`"), "{run:?}");
    assert!(run.stdout.len() < 2000, "{run:?}");
}
