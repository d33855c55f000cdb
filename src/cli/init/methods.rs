//! The methods besides `tools/call` in a new bundle: their entries, and the policies about them.

use std::collections::BTreeSet;

/// The lines of `bundle.yaml` after the tools; none without methods.
pub(super) fn entries(methods: &BTreeSet<&'static str>) -> String {
    if methods.is_empty() {
        return String::new();
    }
    let comment = "\n    # What else clients can ask for, as far as org/methods.cedar permits it. Names for parts of the\n    \
                   # resources, such as `docs: file:///srv/docs/*`, can stand under `resources`.";
    let entries = methods.iter().map(|method| format!("\n      {method}: {{}}"));
    format!("{comment}\n    methods:{}", entries.collect::<String>())
}

/// The text of `org/methods.cedar`; `None` without methods.
pub(super) fn policies(server: &str, methods: &BTreeSet<&'static str>) -> Option<String> {
    let (tasks, reading): (Vec<&str>, Vec<&str>) =
        methods.iter().copied().partition(|method| method.starts_with("tasks/"));
    if tasks.is_empty() && reading.is_empty() {
        return None;
    }
    let mut text = String::from(
        "// Methods of MCP besides tool calls. No permit for tools covers them: each is an action of its \
         own.\n",
    );
    if !reading.is_empty() {
        let comment = "// Who may call tools may also read what the server offers to read. Policies see params in\n\
                       // `context.input`, such as `context.input.uri like \"file:///srv/docs/*\"`.";
        let roles = "[Role::\"reader\", Role::\"operator\"]";
        text.push_str(&permit("reading-beside-tools", comment, server, &reading, roles));
    }
    if !tasks.is_empty() {
        let comment =
            "// Tasks are tool calls that take long. Whose task it is, only the server knows.";
        text.push_str(&permit(
            "tasks-of-operators",
            comment,
            server,
            &tasks,
            "[Role::\"operator\"]",
        ));
    }
    Some(text)
}

fn permit(id: &str, comment: &str, server: &str, methods: &[&str], roles: &str) -> String {
    let actions = methods.iter().map(|method| format!("        Action::\"{server}/{method}\""));
    let actions = actions.collect::<Vec<_>>().join(",\n");
    format!(
        "\n{comment}\n@id(\"{id}\")\npermit (\n    principal,\n    action in [\n{actions}\n    ],\n    \
         resource\n)\nwhen {{ principal in {roles} }};\n"
    )
}
