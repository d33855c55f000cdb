//! Prints the comparison of a log as JSON.

use serde_json::{Value, json};

use super::account::Account;
use super::groups::{Calls, Group, What};
use super::human::example;

pub(in crate::cli::diff) fn tell(account: &Account) -> Value {
    let kinds =
        [What::Permitted, What::Undecided, What::Refused, What::RefusedOtherwise, What::Disagrees];
    let groups = kinds.into_iter().flat_map(|what| account.groups.of(what));
    let counts = kinds.map(|what| (what.as_str().to_owned(), json!(account.groups.count(what))));
    json!({
        "records": account.records,
        "compared": account.compared,
        "nothing_compared": account.silence(),
        "refused_by_both_before_policy": account.settled,
        "not_written_by_old": account.foreign,
        "other_environments": account.elsewhere,
        "other_lines": account.others,
        "history_lacks": account.gaps,
        "calls": Value::Object(counts.into_iter().collect()),
        "groups": groups.map(|(group, calls)| self::group(group, calls, account)).collect::<Vec<_>>(),
    })
}

fn group(group: &Group, calls: &Calls, account: &Account) -> Value {
    let case = &group.case;
    json!({
        "change": case.what.as_str(),
        "by": case.by,
        "from": case.decisions.map(|(from, _)| from),
        "to": case.decisions.map(|(_, to)| to),
        "why": case.why,
        "policies": case.policies,
        "tool": group.tool,
        "principal": group.principal,
        "may_widen": case.may_widen,
        "calls": calls.ids.len(),
        "ids": calls.ids,
        "example": example(calls, account),
    })
}
