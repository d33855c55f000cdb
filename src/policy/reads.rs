//! Which members of the context a policy reads.

use std::collections::BTreeMap;

use cedar_policy_core::ast::{self, Expr, ExprKind, Var};

/// A path of attributes from `context`.
type Path<'p> = Vec<&'p str>;

/// The members of the context about earlier calls.
pub const MEMORY: [&str; 4] = ["history", "transaction", "budget", "runaway"];

/// The member of the context about tokens that limit calls.
pub const CAPABILITIES: &str = "capabilities";

/// What a policy reads of the context.
#[derive(Debug)]
pub struct Reads {
    /// Each path that is not just a step to a longer one.
    values: Vec<Vec<String>>,
    /// The paths of which `has` asks whether they exist.
    presences: Vec<Vec<String>>,
}

impl Reads {
    /// What a condition reads.
    pub(super) fn of(condition: &Expr) -> Self {
        reads(condition)
    }

    /// What a policy reads.
    pub fn of_policy(policy: &cedar_policy::Policy) -> Self {
        let policy: &ast::Policy = policy.as_ref();
        reads(&policy.condition())
    }

    /// The attributes that an expression such as `context.input.amount` follows from `context`.
    pub(super) fn path(expression: &Expr) -> Option<Vec<&str>> {
        path(expression)
    }

    /// Whether the member of the context at this path, or something in it, may be read.
    pub fn has(&self, path: &[&str]) -> bool {
        let within = |read: &Vec<String>| read.iter().zip(path).all(|(a, b)| a == b);
        let starts = |asked: &Vec<String>| asked.len() >= path.len() && within(asked);
        self.values.iter().any(within) || self.presences.iter().any(starts)
    }

    /// Whether it reads nothing of a member of the context but these members of it.
    pub fn only(&self, member: &str, known: &[&str]) -> bool {
        let fits = |read: &Vec<String>| match read.as_slice() {
            [] => false,
            [outer, inner, ..] if outer == member => known.contains(&inner.as_str()),
            [outer, ..] => outer != member,
        };
        self.values.iter().chain(&self.presences).all(fits)
    }
}

fn reads(expression: &Expr) -> Reads {
    let mut unused: BTreeMap<Path<'_>, isize> = BTreeMap::new();
    let mut presences = Vec::new();
    for expression in expression.subexpressions() {
        let step = match expression.expr_kind() {
            ExprKind::Var(Var::Context) => Some((None, Some(Vec::new()))),
            ExprKind::GetAttr { expr, .. } => Some((path(expr), path(expression))),
            ExprKind::HasAttr { expr, attr } => path(expr).map(|inner| {
                presences.push(longer(&inner, std::iter::once(attr.as_str())));
                (Some(inner), None)
            }),
            ExprKind::ExtHasAttr { expr, attrs } => path(expr).map(|inner| {
                presences.push(longer(&inner, attrs.iter().map(AsRef::as_ref)));
                (Some(inner), None)
            }),
            ExprKind::Lit(_)
            | ExprKind::Var(_)
            | ExprKind::Slot(_)
            | ExprKind::Unknown(_)
            | ExprKind::If { .. }
            | ExprKind::And { .. }
            | ExprKind::Or { .. }
            | ExprKind::UnaryApp { .. }
            | ExprKind::BinaryApp { .. }
            | ExprKind::ExtensionFunctionApp { .. }
            | ExprKind::Like { .. }
            | ExprKind::Is { .. }
            | ExprKind::Set(_)
            | ExprKind::Record(_) => None,
        };
        let (inner, own) = step.unwrap_or_default();
        for (path, change) in inner.map(|path| (path, -1)).into_iter().chain(own.map(|it| (it, 1)))
        {
            let count = unused.entry(path).or_default();
            *count = count.saturating_add(change);
        }
    }
    let values = unused.into_iter().filter(|(_, count)| *count > 0).map(|(path, _)| owned(path));
    Reads { values: values.collect(), presences: presences.into_iter().map(owned).collect() }
}

fn owned(path: Path<'_>) -> Vec<String> {
    path.into_iter().map(str::to_owned).collect()
}

fn longer<'p>(path: &[&'p str], steps: impl Iterator<Item = &'p str>) -> Path<'p> {
    path.iter().copied().chain(steps).collect()
}

/// The path of an expression such as `context.input.amount`.
fn path(expression: &Expr) -> Option<Path<'_>> {
    let kind = expression.expr_kind();
    if let ExprKind::GetAttr { expr, attr } = kind {
        let mut path = path(expr)?;
        path.push(attr.as_str());
        return Some(path);
    }
    matches!(kind, ExprKind::Var(Var::Context)).then(Vec::new)
}

#[cfg(test)]
mod tests {
    use cedar_policy_core::ast::Policy;
    use cedar_policy_core::parser::parse_policy;

    use super::*;

    fn check(condition: &str, path: &str, expected: bool) {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        let policy: Policy = parse_policy(None, &text).unwrap().into();
        let path: Vec<&str> = path.split('.').collect();
        assert_eq!(Reads::of(&policy.condition()).has(&path), expected, "{condition} {path:?}");
    }

    #[test]
    fn what_reads_only_known_arguments() {
        for (condition, expected) in [
            ("context.input.a == 1", true),
            ("context.input.a.c == 1 && context.request.path == \"/\"", true),
            ("context.input has a", true),
            ("true", true),
            ("context.input.a == context.input.b", false),
            ("context.input has b", false),
            ("context.input == {}", false),
            ("context == {}", false),
        ] {
            let text = format!("permit(principal, action, resource) when {{ {condition} }};");
            let policy: Policy = parse_policy(None, &text).unwrap().into();
            assert_eq!(
                Reads::of(&policy.condition()).only("input", &["a"]),
                expected,
                "{condition}"
            );
        }
    }

    #[test]
    fn a_policy_reads_what_it_names_and_all_in_it() {
        for read in [
            "context.input.a.b == 1",
            "context.input.a has b",
            "context.input has a.b",
            "context.input.a == context.input.c",
            "context.input == {}",
            "context == {}",
            "{ x: context.input }.x.c == 1",
            "(if true then context else context).input.c == 1",
            "context[\"input\"][\"a\"].b.c like \"*\"",
            "[context.input.a.b].contains(1)",
        ] {
            check(read, "input.a.b", true);
        }
        for other in [
            "true",
            "context.input.b == 1",
            "context.input has a",
            "context.input has a.c",
            "context.input.a.c == 1",
            "context.request.a == 1",
            "context.input has b && context.input.b.a == 1",
            "principal.input.a == 1",
            "{ input: 1 }.input == 1",
        ] {
            check(other, "input.a.b", false);
        }
    }
}
