//! The bounds of a number, as example values and as Cedar conditions.

use crate::policy::value::plain;
use crate::tool::number::{Bound, ONE, Range};

impl Range {
    /// The numbers in the schema, in ten-thousandths.
    pub(super) fn named(&self) -> impl Iterator<Item = i128> {
        let bounds = [&self.min, &self.max, &self.multiple_of].into_iter().flatten();
        let values = self.values.iter().flatten().copied();
        values.chain(bounds.map(|bound| bound.limit))
    }

    /// Cedar conditions for all integers in the range.
    pub(super) fn conditions_of_long(&self, path: &str) -> Vec<String> {
        let long = |limit: i128| i64::try_from(limit.div_euclid(ONE)).ok();
        let up = |bound: &Bound| long(bound.limit.saturating_add(ONE.saturating_sub(1)));
        let min = self.min.as_ref().and_then(up).map(|min| format!("{path} >= {min}"));
        let max = self.max.as_ref().and_then(|bound| long(bound.limit));
        let max = max.map(|max| format!("{path} <= {max}"));
        let values = self.values.as_ref().map(|values| {
            let values: Vec<_> = values.iter().filter_map(|value| long(*value)).collect();
            format!("{values:?}.contains({path})")
        });
        min.into_iter().chain(max).chain(values.filter(|text| !text.starts_with("[]"))).collect()
    }

    /// Cedar conditions for all numbers in the range.
    pub(super) fn conditions_of_decimal(&self, path: &str) -> Vec<String> {
        let bound = |operation, bound: &Option<Bound>| {
            let limit = i64::try_from(bound.as_ref()?.limit).ok()?;
            Some(format!("{path}.{operation}(decimal(\"{}\"))", plain(limit)))
        };
        let min = bound("greaterThanOrEqual", &self.min);
        min.into_iter().chain(bound("lessThanOrEqual", &self.max)).collect()
    }
}
