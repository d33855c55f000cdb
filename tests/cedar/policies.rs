//! Generates policies with every form of scope, in every spelling that Cedar parses.

use super::choices::Choices;
use super::conditions;
use super::world::{AGENTS, DEPTS, DOCS, FLEETS, FOLDERS, ROLES, SERVICES, TEAMS, USERS, uid};

const ACTIONS: [&str; 10] = [
    "fs/read",
    "fs/write",
    "fs/list",
    "fs/ping",
    "fs/other",
    "class:read",
    "class:write",
    "class:risky",
    "class:other",
    "server:fs",
];
pub(super) const TYPES: [&str; 7] =
    ["User", "Service", "Lib::Doc", "Folder", "Server", "Doc", "Lib::User"];

// Letters in braces are placeholders: `P` for a principal, `G` for a role or a team, `R` for any
// resource, `X` for a folder, `D` for a document, `A` for an agent, `F` for a fleet, `B` for a
// department, `C` for an action, `K` for a value of an enumeration, `N` for a number.

/// Conditions on the request and the ancestors of its entities. Their evaluation never fails.
const NEAR: [&str; 24] = [
    "true",
    "false",
    "principal in {G}",
    "principal in {P}",
    "principal == {P}",
    "resource in {X}",
    "resource in {R}",
    "resource == {R}",
    "resource in principal",
    "principal in resource",
    "action in {C}",
    "action == {C}",
    "context.input.n > {N}",
    "principal has level && principal.level > {N}",
    "principal has tenant && principal.tenant like \"a*\"",
    "context has actor && context.actor in {F}",
    "context.delegation.agents.contains({A})",
    "context.delegation.agents.containsAny([{A}, {A}])",
    "principal in [{G}, {P}, {X}]",
    "[principal, resource].contains({R})",
    "principal.hasTag(\"t\")",
    "resource is Lib::Doc in {X}",
    "{D} in {X}",
    "{X} in {P}",
];

/// Conditions on entities that others refer to. Their evaluation never fails.
const FAR: [&str; 20] = [
    "resource has owner && resource.owner == principal",
    "resource has owner && resource.owner in {G}",
    "resource has owner && resource.owner in {P}",
    "resource has readers && resource.readers.contains(principal)",
    "resource has dept && resource.dept in {B}",
    "resource has dept.head && resource.dept.head in {G}",
    "resource has next && resource.next in {X}",
    "resource has next.owner && resource.next.owner == principal",
    "resource has next.next && resource.next.next in {X}",
    "resource has next.next.dept.head && resource.next.next.dept.head in {G}",
    "resource has dept.head.buddy && resource.dept.head.buddy == principal",
    "principal has dept.head && principal.dept.head in {G}",
    "principal has buddy.buddy && principal.buddy.buddy in {G}",
    "context has actor && context.actor has owner && context.actor.owner in {G}",
    "context has actor && context.actor has buddy.owner && context.actor.buddy.owner == principal",
    "context has actor && context.actor has buddy.dept && context.actor.buddy.dept in {B}",
    "{D} has owner && {D}.owner == principal",
    "{D} has next.dept && {D}.next in {X}",
    "{\"d\": {D}}.d has next.next && {\"d\": {D}}.d in {X}",
    "{\"d\": [{D}]}.d.contains(resource) && resource has next",
];

/// Conditions whose evaluation can fail.
const ERRING: [&str; 12] = [
    "principal.manager == \"bob\"",
    "principal.level > {N}",
    "resource.owner == principal",
    "resource.next.next.owner in {G}",
    "context.actor in {F}",
    "context.actor.buddy.dept in {B}",
    "context.input.n * 9223372036854775807 > 0",
    "{D}.dept.head.buddy in {G}",
    "{D}.next in {X}",
    "resource.dept.head == principal",
    "principal.getTag(\"t\") == 1",
    "ip(\"127.0.0.256\").isLoopback()",
];

const BLANKS: [&str; 5] =
    [" ", "\n", "\t ", "\r\n  ", " // permit (principal == User::\"bob\", \"\n"];
const NOTES: [&str; 5] = [
    "@note",
    "@reason(\"ask \\\"them\\\"); forbid (\")",
    "@mode(\"enforce\")",
    "@note(\"\\u{e9}\")",
    "@also(\"é, or ::\")",
];

/// A policy's text. If `careful`, its evaluation never fails.
pub(super) fn policy(choices: &mut Choices<'_>, careful: bool) -> String {
    let mut text = String::new();
    if choices.once_in(40) {
        text.push_str("@mode(\"shadow\")");
    } else if choices.once_in(4) {
        text.push_str(choices.of(&NOTES));
    }
    let effect = if choices.once_in(4) { "forbid" } else { "permit" };
    let principal = place(choices, "principal", somebody);
    let action = action(choices);
    let resource = place(choices, "resource", something);
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let comma = words(&[","]);
    let head =
        [words(&[effect, "("]), principal, comma.clone(), action, comma, resource, words(&[")"])];
    for token in head.concat() {
        text.push_str(choices.of(&BLANKS));
        text.push_str(&token);
    }
    let clauses = (0..choices.below(3)).map(|_| {
        let word = if choices.once_in(4) { "unless" } else { "when" };
        format!(" {word} {{ {} }}", condition(choices, careful, 2))
    });
    text + &clauses.collect::<String>() + ";"
}

/// The scope constraint of the principal or the resource, token by token.
fn place(choices: &mut Choices<'_>, variable: &str, entity: Make) -> Vec<String> {
    let mut tokens = vec![variable.to_owned()];
    let form = choices.below(8);
    if matches!(form, 4 | 5) {
        tokens.extend(["is".to_owned(), choices.of(&TYPES).to_owned()]);
    }
    let operator = if form == 2 { "==" } else { "in" };
    if matches!(form, 2 | 3 | 5) {
        tokens.extend([operator.to_owned(), entity(choices)]);
    }
    tokens
}

fn action(choices: &mut Choices<'_>) -> Vec<String> {
    let (form, count) = (choices.below(6), choices.below(4));
    let mut one = || spelled(choices, "Action", &ACTIONS);
    let text = match form {
        0 | 1 => return vec!["action".to_owned()],
        2 => ["action", "==", &one()].map(str::to_owned),
        3 => ["action", "in", &one()].map(str::to_owned),
        _ => {
            let listed = (0..count).map(|_| one()).collect::<Vec<_>>().join(", ");
            ["action", "in", &format!("[{listed}]")].map(str::to_owned)
        }
    };
    text.into()
}

fn condition(choices: &mut Choices<'_>, careful: bool, depth: usize) -> String {
    let part = |choices: &mut Choices<'_>| condition(choices, careful, depth - 1);
    if depth == 0 {
        let form = match choices.below(8) {
            5 if !careful => choices.of(&ERRING),
            1 | 3 | 5 => choices.of(&FAR),
            6 | 7 => return conditions::condition(choices, careful, 1),
            _ => choices.of(&NEAR),
        };
        return filled(choices, form);
    }
    match choices.below(8) {
        0..4 => part(choices),
        4 => format!("({}) && ({})", part(choices), part(choices)),
        5 => format!("({}) || ({})", part(choices), part(choices)),
        6 => format!("!({})", part(choices)),
        _ => {
            let (test, other) = (part(choices), something(choices));
            format!("(if {test} then {other} else resource) in {}", filled(choices, "{X}"))
        }
    }
}

type Make = fn(&mut Choices<'_>) -> String;

/// A form with its placeholders replaced by entities and numbers.
pub(super) fn filled(choices: &mut Choices<'_>, form: &str) -> String {
    let kinds: [(&str, Make); 11] = [
        ("{P}", somebody),
        ("{G}", |choices| match choices.below(2) {
            0 => spelled(choices, "Role", &ROLES),
            _ => spelled(choices, "Team", &TEAMS),
        }),
        ("{R}", something),
        ("{X}", |choices| spelled(choices, "Folder", &FOLDERS)),
        ("{D}", |choices| spelled(choices, "Lib::Doc", &DOCS)),
        ("{A}", |choices| spelled(choices, "Agent", &AGENTS)),
        ("{F}", |choices| spelled(choices, "Fleet", &FLEETS)),
        ("{B}", |choices| spelled(choices, "Dept", &DEPTS)),
        ("{C}", |choices| spelled(choices, "Action", &ACTIONS)),
        ("{K}", |choices| {
            let [tool, of] = [&["read", "write"], &["kind", "kinds"]].map(|all| choices.of(all));
            spelled(choices, &format!("fs::{tool}::Input::{of}"), &["one", "two"])
        }),
        ("{N}", |choices| choices.below(9).to_string()),
    ];
    let mut text = form.to_owned();
    for (letter, make) in kinds {
        while text.contains(letter) {
            text = text.replacen(letter, &make(choices), 1);
        }
    }
    text
}

/// An entity for the principal constraint.
fn somebody(choices: &mut Choices<'_>) -> String {
    match choices.below(6) {
        0 | 1 => spelled(choices, "User", &USERS),
        2 => spelled(choices, "Role", &ROLES),
        3 => spelled(choices, "Team", &TEAMS),
        4 => spelled(choices, "Service", &SERVICES),
        _ => uid("Org", "o"),
    }
}

/// An entity for the resource constraint.
fn something(choices: &mut Choices<'_>) -> String {
    match choices.below(7) {
        0 | 1 => spelled(choices, "Lib::Doc", &DOCS),
        2 | 3 => spelled(choices, "Folder", &FOLDERS),
        4 => uid("Server", "fs"),
        5 => spelled(choices, "Team", &TEAMS),
        _ => spelled(choices, "User", &USERS),
    }
}

/// One of these entities, in one of its spellings.
fn spelled(choices: &mut Choices<'_>, of: &str, ids: &[&str]) -> String {
    let id = choices.of(ids);
    match choices.below(8) {
        6 => {
            let escaped = id.chars().map(|letter| letter.escape_unicode().to_string());
            format!("{of}::\"{}\"", escaped.collect::<String>())
        }
        7 => uid(&of.replace("::", " :: "), id).replace("::\"", " :: \n\""),
        _ => uid(of, id),
    }
}
