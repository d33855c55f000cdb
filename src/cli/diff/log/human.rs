//! Prints the comparison of a log as text.

use std::fmt::Write as _;

use super::account::Account;
use super::groups::{Calls, Group, What};
use crate::cli::output::report::{Tone, counted, tinted};

/// Maximum number of ids shown; JSON has all.
const IDS: usize = 3;

/// Every kind with its heading, the most urgent first.
const KINDS: [(What, &str); 5] = [
    (What::Permitted, "refused, and would pass"),
    (What::Undecided, "cannot be decided again"),
    (What::Refused, "passed, and would be refused"),
    (What::RefusedOtherwise, "refused, and would be refused by another decision"),
    (What::Disagrees, "the record says otherwise than the old bundle"),
];

pub(in crate::cli::diff) fn tell(account: &Account) -> String {
    let mut text = tinted(Tone::Heading, "recorded calls");
    text.push('\n');
    for (what, heading) in KINDS {
        let count = account.groups.count(what);
        if count == 0 {
            continue;
        }
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "  {}", tinted(tone(what), &format!("{count} {heading}")));
        for (group, calls) in account.groups.of(what) {
            text.push_str(&told(group, calls, account));
        }
    }
    text.push_str(&elsewhere(account));
    for gap in &account.gaps {
        let _ = writeln!(text, "{}", tinted(Tone::Odd, &format!("history: {gap}")));
    }
    text.push_str(&ending(account));
    text
}

/// A hint that records may come from another bundle because OLD was built for another environment.
fn elsewhere(account: &Account) -> String {
    if account.elsewhere.is_empty() {
        return String::new();
    }
    let named = |name: &String| match name.as_str() {
        "" => "no environment".to_owned(),
        name => format!("the environment `{name}`"),
    };
    let theirs = account.elsewhere.iter().map(named).collect::<Vec<_>>().join(" and ");
    let text = format!(
        "records are of {theirs}, and the old bundle is for {}: --environment compares directories \
         as they are there",
        named(&account.environment)
    );
    format!("{}\n", tinted(Tone::Odd, &text))
}

fn tone(what: What) -> Tone {
    match what {
        What::Permitted => Tone::Bad,
        What::Undecided | What::Refused | What::RefusedOtherwise | What::Disagrees => Tone::Odd,
    }
}

fn told(group: &Group, calls: &Calls, account: &Account) -> String {
    let case = &group.case;
    let mark = if case.may_widen { tinted(Tone::Bad, "!") } else { " ".to_owned() };
    let policies = case.policies.join(" ");
    let about = [&policies, &group.tool, &group.principal];
    let about: Vec<&str> =
        about.into_iter().filter(|it| !it.is_empty()).map(String::as_str).collect();
    let head = format!("{mark}   {:5}  {}", calls.ids.len(), about.join("  "));
    let mut text = format!("{}\n", head.trim_end());
    let by = case.by.as_ref().map(|by| format!("{by}: ")).unwrap_or_default();
    let decisions =
        case.decisions.map(|(from, to)| format!("{} → {}, ", from.as_str(), to.as_str()));
    let _ = writeln!(text, "           {by}{}{}", decisions.unwrap_or_default(), case.why);
    let more = calls.ids.len().saturating_sub(IDS);
    let shown = calls.ids.iter().take(IDS).cloned().collect::<Vec<_>>().join(" ");
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let _ = writeln!(text, "           {}", tinted(Tone::Quiet, &format!("{shown}{more}")));
    if let Some(example) = example(calls, account) {
        let _ = writeln!(text, "           {}", tinted(Tone::Quiet, &example));
    }
    text
}

/// The command that explains the first call of a group.
pub(super) fn example(calls: &Calls, account: &Account) -> Option<String> {
    let (log, id) = (calls.log.as_ref()?, calls.ids.first()?);
    let after = if account.recalls { format!(" --after {log}") } else { String::new() };
    Some(format!("{} --record {log} --id {id}{after}", account.explain))
}

fn ending(account: &Account) -> String {
    let mut parts =
        vec![counted(account.records, "record"), format!("{} compared", account.compared)];
    if account.settled > 0 {
        parts.push(format!("{} refused by both before any policy", account.settled));
    }
    if account.foreign > 0 {
        parts.push(format!("{} not written by the old bundle", account.foreign));
    }
    if account.others > 0 {
        parts.push(format!("{} skipped", counted(account.others, "other line")));
    }
    let passing = account.groups.count(What::Permitted);
    let verdict = match (account.silence(), passing) {
        (Some(why), _) => tinted(Tone::Bad, &format!("nothing was compared: {why}")),
        (None, 0) => tinted(Tone::Good, "none of them was refused and would pass"),
        (None, passing) => tinted(Tone::Bad, &format!("{passing} refused before would pass")),
    };
    format!("{}; {verdict}\n", parts.join(", "))
}
