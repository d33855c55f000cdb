//! Verdicts on tools with inner calls, which hold only together with those on the inner tools.

use super::proof::{Pair, Verdict};
use crate::bundle::Bundle;
use crate::tool::Tool;

/// Applies the verdicts on inner tools to those on the tools that run them, and on their labels. A call
/// is permitted only if its inner call is, so it can be wider than before although its own policies are
/// not.
pub(super) fn apply(pairs: &mut [Pair], bundle: &Bundle) {
    for tool in bundle.tools() {
        let Some(wraps) = tool.wraps() else { continue };
        let is_inner = |pair: &&Pair| {
            let known = bundle.tools().find(|tool| tool.qualified_name() == pair.tool);
            let is_run = |it: &Tool| it.server() == wraps.server() && it.wraps().is_none();
            pair.label.is_none() && known.is_some_and(is_run)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outer: &Verdict, inner: Vec<Verdict>, expected: Option<&str>) {
        let pair = |verdict| Pair {
            principal: "User".into(),
            tool: "hub/get".into(),
            label: None,
            verdict,
        };
        let inner: Vec<Pair> = inner.into_iter().map(pair).collect();
        let joined = joined(outer, inner.iter()).map(|verdict| format!("{verdict:?}"));
        assert_eq!(joined.as_deref(), expected);
    }

    #[test]
    fn a_tool_is_as_wide_as_what_it_runs() {
        use Verdict::{Equal, Narrower, Unknown};
        let unknown = || Unknown("who knows".into());
        let wider = "Unknown(\"it can run `hub/get`, which may be permitted more often\")";
        for outer in [Equal, Narrower] {
            check(&outer, vec![Equal, unknown(), Narrower], Some(wider));
            check(&outer, vec![Equal], None);
        }
        check(&Equal, vec![Equal, Narrower], Some("Narrower"));
        check(&Narrower, vec![Narrower], None);
        check(&unknown(), vec![Equal], None);
    }
}
