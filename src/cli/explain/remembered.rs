//! What policies have read of earlier calls: the places in their conditions, and the values there.

use std::collections::BTreeMap;

use cedar_policy::{EvalResult, PolicyId};

use super::account::ExplainedCall;
use crate::bundle::Bundle;
use crate::cli::analysis::recalled;

/// The values that the determining policies, and those that nearly match, read of earlier calls, by
/// the place.
pub(super) fn read(bundle: &Bundle, call: &ExplainedCall) -> BTreeMap<String, EvalResult> {
    let mut places = BTreeMap::new();
    let near = call.nearest.iter().filter(|near| near.misses == ["conditions"]);
    let ids = call.record.policies.iter().chain(near.map(|near| &near.policy));
    let contexts = [&call.question, &call.inner].into_iter().flatten();
    let contexts: Vec<_> = contexts.filter_map(|question| question.request().context()).collect();
    for id in ids {
        let policy = bundle.all_layers().policy(&PolicyId::new(id));
        let paths = policy.map(|(_, policy)| recalled::paths(policy)).unwrap_or_default();
        for path in paths {
            let value = contexts.iter().rev().find_map(|context| {
                let (first, rest) = path.split_first()?;
                let found = context.get(first)?;
                rest.iter().try_fold(found, |value, name| {
                    let EvalResult::Record(record) = value else { return None };
                    record.get(name).cloned()
                })
            });
            if let Some(value) = value {
                places.insert(recalled::shown(&path), value);
            }
        }
    }
    places
}
