//! Evaluates a policy for all calls of a tool at once: the arguments are unknown, or all but some,
//! and so is the resource if they name it.
//!
//! A condition is a skeleton of `&&`, `||`, `!` and `if` over leaves. A leaf that reads nothing
//! unknown is evaluated as in a call, by the same evaluators. Of another one every result is
//! possible, except where the types of the tool say more.

use cedar_policy_core::ast::{EntityType, Expr, ExprKind, SlotEnv, UnaryOp, Var};

use super::native::Condition;
use super::reads::MEMORY;
use super::{Env, Possible, Reads};

/// The member of the context that holds the arguments.
const INPUT: &str = "input";

/// A condition.
#[derive(Debug)]
pub struct Skeleton(Node);

#[derive(Debug)]
enum Node {
    Leaf(Box<Leaf>),
    Not(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    If(Box<[Node; 3]>),
}

/// An expression without parts of its own.
#[derive(Debug)]
struct Leaf {
    expression: Expr,
    native: Condition,
    unknown: Unknown,
}

/// What of a leaf is not known before a call.
#[derive(Debug)]
enum Unknown {
    Nothing,
    /// The existence of the argument at this path.
    Presence(Vec<String>),
    /// The type of the resource, which the tool says.
    ResourceType(EntityType),
    Resource,
    /// Arguments, among what it reads of the context.
    Arguments(Reads),
}

/// What is known of all calls of a tool.
pub trait AnyCall {
    /// What is the same in all calls. Its input has the arguments that are known, and its resource has a type that those of
    /// the calls can have.
    fn env(&self) -> Env<'_>;

    /// Whether all calls have this resource.
    fn has_one_resource(&self) -> bool;

    /// The results of `resource is` for a type.
    fn resource_is(&self, entity_type: &EntityType) -> Possible;

    /// The names of the arguments that all calls have alike.
    fn known(&self) -> &[&str];

    /// The results of `has` for a path of arguments.
    fn presence(&self, path: &[String]) -> Possible;

    /// The result by Cedar's evaluator; `None` if it fails.
    fn in_cedar(&self, expression: &Expr, slots: &SlotEnv) -> Option<bool>;
}

impl Skeleton {
    /// Takes a condition apart.
    pub(super) fn of(condition: &Expr) -> Self {
        Self(Node::of(condition))
    }

    /// The results that a policy can have in calls of the tool.
    pub(super) fn possible(&self, slots: &SlotEnv, calls: &impl AnyCall) -> Possible {
        self.0.possible(slots, calls)
    }
}

impl Node {
    fn of(expression: &Expr) -> Self {
        match expression.expr_kind() {
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => Self::Not(Box::new(Self::of(arg))),
            ExprKind::And { left, right } => Self::And(Box::new([Self::of(left), Self::of(right)])),
            ExprKind::Or { left, right } => Self::Or(Box::new([Self::of(left), Self::of(right)])),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                let [test, then, other] = [test_expr, then_expr, else_expr].map(|it| Self::of(it));
                Self::If(Box::new([test, then, other]))
            }
            ExprKind::Lit(_)
            | ExprKind::Var(_)
            | ExprKind::Slot(_)
            | ExprKind::Unknown(_)
            | ExprKind::UnaryApp { .. }
            | ExprKind::BinaryApp { .. }
            | ExprKind::ExtensionFunctionApp { .. }
            | ExprKind::GetAttr { .. }
            | ExprKind::HasAttr { .. }
            | ExprKind::ExtHasAttr { .. }
            | ExprKind::Like { .. }
            | ExprKind::Is { .. }
            | ExprKind::Set(_)
            | ExprKind::Record(_) => Self::Leaf(Box::new(Leaf {
                native: Condition::of(expression),
                unknown: Unknown::of(expression),
                expression: expression.clone(),
            })),
        }
    }

    fn possible(&self, slots: &SlotEnv, calls: &impl AnyCall) -> Possible {
        let of = |node: &Self| node.possible(slots, calls);
        match self {
            Self::Leaf(leaf) => leaf.possible(slots, calls),
            Self::Not(inner) => of(inner).negated(),
            Self::And(both) => {
                let [left, right] = &**both;
                of(left).and(|| of(right))
            }
            Self::Or(both) => {
                let [left, right] = &**both;
                of(left).or(|| of(right))
            }
            Self::If(parts) => {
                let [test, then, other] = &**parts;
                of(test).choose(|| of(then), || of(other))
            }
        }
    }
}

impl Leaf {
    fn possible(&self, slots: &SlotEnv, calls: &impl AnyCall) -> Possible {
        match &self.unknown {
            Unknown::Nothing => self.evaluated(slots, calls),
            Unknown::Resource if calls.has_one_resource() => self.evaluated(slots, calls),
            Unknown::ResourceType(entity_type) => calls.resource_is(entity_type),
            Unknown::Presence(path) => calls.presence(path),
            Unknown::Arguments(reads)
                if calls.has_one_resource()
                    && reads.only(INPUT, calls.known())
                    && !MEMORY.iter().any(|member| reads.has(&[member])) =>
            {
                self.evaluated(slots, calls)
            }
            Unknown::Resource | Unknown::Arguments(_) => Possible::ANY,
        }
    }

    fn evaluated(&self, slots: &SlotEnv, calls: &impl AnyCall) -> Possible {
        let native = self.native.holds(&calls.env());
        Possible::only(native.or_else(|| calls.in_cedar(&self.expression, slots)))
    }
}

impl Unknown {
    fn of(leaf: &Expr) -> Self {
        if let Some(path) = presence(leaf) {
            return Self::Presence(path);
        }
        let reads = Reads::of(leaf);
        // What memory has at the time of a call is not known either.
        if [INPUT].iter().chain(&MEMORY).any(|member| reads.has(&[member])) {
            return Self::Arguments(reads);
        }
        let is_resource = |part: &Expr| matches!(part.expr_kind(), ExprKind::Var(Var::Resource));
        if let ExprKind::Is { expr, entity_type } = leaf.expr_kind()
            && is_resource(expr)
        {
            Self::ResourceType(entity_type.clone())
        } else if leaf.subexpressions().any(is_resource) {
            Self::Resource
        } else {
            Self::Nothing
        }
    }
}

/// The path of arguments in a leaf such as `context.input.address has city`.
fn presence(leaf: &Expr) -> Option<Vec<String>> {
    let (of, steps) = if let ExprKind::HasAttr { expr, attr } = leaf.expr_kind() {
        (expr, vec![attr.to_string()])
    } else if let ExprKind::ExtHasAttr { expr, attrs } = leaf.expr_kind() {
        (expr, attrs.iter().map(ToString::to_string).collect())
    } else {
        return None;
    };
    let mut path = Reads::path(of)?.into_iter();
    (path.next()? == INPUT).then(|| path.map(str::to_owned).chain(steps).collect())
}
