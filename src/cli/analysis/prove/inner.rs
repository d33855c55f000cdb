//! Verdicts on tools with inner calls, which hold only together with those on the inner tools.

use super::proof::{Pair, Verdict};
use crate::bundle::Bundle;

/// Applies the verdicts on inner tools to those on the tools that run them. A call is permitted only
/// if its inner call is, so it can be wider than before although its own policies are not.
pub(super) fn apply(pairs: &mut [Pair], bundle: &Bundle) {
    for tool in bundle.tools() {
        let Some(wraps) = tool.wraps() else { continue };
        let is_inner = |pair: &&Pair| {
            let known = bundle.tools().find(|tool| tool.qualified_name() == pair.tool);
            known.is_some_and(|it| it.server() == wraps.server() && it.wraps().is_none())
        };
        for position in 0..pairs.len() {
            let Some(outer) = pairs.get(position) else { continue };
            if outer.tool != tool.qualified_name() {
                continue;
            }
            let inner = pairs.iter().filter(is_inner).filter(|it| it.principal == outer.principal);
            let verdict = joined(&outer.verdict, inner);
            if let (Some(verdict), Some(outer)) = (verdict, pairs.get_mut(position)) {
                outer.verdict = verdict;
            }
        }
    }
}

/// The verdict that inner tools make of one on the outer tool; `None` if it stays.
fn joined<'a>(outer: &Verdict, inner: impl Iterator<Item = &'a Pair>) -> Option<Verdict> {
    if !matches!(outer, Verdict::Equal | Verdict::Narrower) {
        return None;
    }
    let mut is_narrower = false;
    for pair in inner {
        match pair.verdict {
            Verdict::Equal => {}
            Verdict::Narrower => is_narrower = true,
            Verdict::Wider(_) | Verdict::Unknown(_) => {
                let why = format!("it can run `{}`, which may be permitted more often", pair.tool);
                return Some(Verdict::Unknown(why));
            }
        }
    }
    (is_narrower && matches!(outer, Verdict::Equal)).then_some(Verdict::Narrower)
}
