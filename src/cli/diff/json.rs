//! Prints a comparison as JSON.

use serde_json::{Value, json};

use super::human;
use super::log;
use super::log::account::Account;
use super::structure::Structure;
use super::structure::change::{Bearing, Change};
use super::structure::values::Difference;
use super::widening::Widening;
use crate::bundle::BundleId;

pub(super) fn tell(
    [old, new]: &[BundleId; 2],
    structure: &Structure,
    account: Option<&Account>,
    lists: &Value,
) -> Value {
    json!({
        "old": old,
        "new": new,
        "same_version": human::is_same_version(old, new),
        "changes": structure.changes.iter().map(change).collect::<Vec<_>>(),
        "may_widen": structure.widening() != Widening::None,
        "lists": lists,
        "log": account.map(log::json),
    })
}

fn change(change: &Change) -> Value {
    let texts = change.texts.as_ref();
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    json!({
        "part": change.part.as_str(),
        "name": change.name,
        "change": change.kind.as_str(),
        "may_widen": change.bearing == Bearing::MayWiden,
        "narrows": change.bearing == Bearing::Narrows,
        "needs_envoy": change.needs_envoy,
        "differences": change.differences.iter().map(difference).collect::<Vec<_>>(),
        "before": texts.and_then(|[before, _]| text(before)),
        "after": texts.and_then(|[_, after]| text(after)),
    })
}

fn difference(difference: &Difference) -> Value {
    json!({ "path": difference.path, "before": difference.before, "after": difference.after })
}
