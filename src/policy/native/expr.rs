//! Conditions in the form of the native evaluator.
//!
//! Cedar's evaluator defines the semantics. The forms here are those that most policies use and
//! that have one obvious meaning. Cedar evaluates all others, and everything that errs.
//! `tests/cedar.rs` compares the results with those of Cedar's authorizer.

use cedar_policy_core::ast::{
    self, BinaryOp, EntityType, EntityUID, ExprKind, Literal, Name, UnaryOp, Var,
};

use super::Key;
use super::like::Like;
use crate::policy::reads::{MEMORY, Reads};
use crate::policy::value::{self, Extension};

/// The maximum nesting of expressions. Evaluation is recursive, and only Cedar's evaluator checks
/// the remaining stack.
const DEEPEST: usize = 256;

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Bool(bool),
    Long(i64),
    /// In ten-thousandths.
    Decimal(i64),
    Text(Box<str>),
    Entity(Box<NamedEntity>),
    Variable(Var),
    /// What is at a path from `context` that begins with a member about earlier calls.
    Remembered(Vec<Box<str>>),
    Set(Vec<Expr>),
    /// The attribute of an entity, or the member of a record.
    Get(Box<Expr>, Box<str>),
    Has(Box<Expr>, Box<str>),
    Not(Box<Expr>),
    And(Box<[Expr; 2]>),
    Or(Box<[Expr; 2]>),
    If(Box<[Expr; 3]>),
    Binary(Operator, Box<[Expr; 2]>),
    Is(Box<(Expr, EntityType)>),
    Like(Box<(Expr, Like)>),
}

/// An entity named in a policy.
#[derive(Debug)]
pub(super) struct NamedEntity {
    pub(super) uid: EntityUID,
    pub(super) key: Key,
}

/// An operator on two values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operator {
    Equal,
    Less,
    LessOrEqual,
    /// The first is in the second, or in an element of the second.
    In,
    Contains,
    ContainsAll,
    ContainsAny,
    /// The first `decimal` is less, and so on.
    DecimalLess,
    DecimalLessOrEqual,
    DecimalGreater,
    DecimalGreaterOrEqual,
}

impl Expr {
    /// Converts an expression; `None` if only Cedar can evaluate it.
    pub(super) fn of(expression: &ast::Expr) -> Option<Self> {
        Self::within(DEEPEST, expression)
    }

    /// Converts an expression whose nesting is at most `depth`.
    fn within(depth: usize, expression: &ast::Expr) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let part = |expression: &ast::Expr| Self::within(depth, expression);
        let boxed = |expression: &ast::Expr| part(expression).map(Box::new);
        let pair =
            |first: &ast::Expr, second: &ast::Expr| Some(Box::new([part(first)?, part(second)?]));
        Some(match expression.expr_kind() {
            ExprKind::Lit(literal) => Self::literal(literal),
            ExprKind::Var(variable) => Self::Variable(*variable),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                let [test, then, other] = [test_expr, then_expr, else_expr].map(|it| part(it));
                Self::If(Box::new([test?, then?, other?]))
            }
            ExprKind::And { left, right } => Self::And(pair(left, right)?),
            ExprKind::Or { left, right } => Self::Or(pair(left, right)?),
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => Self::Not(boxed(arg)?),
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                Self::Binary(operator(*op)?, pair(arg1, arg2)?)
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => function(fn_name, args, pair)?,
            ExprKind::GetAttr { expr, attr } => match Reads::path(expression) {
                Some(path) if MEMORY.iter().any(|root| path.first() == Some(root)) => {
                    Self::Remembered(path.into_iter().map(Into::into).collect())
                }
                Some(_) | None => Self::Get(boxed(expr)?, attr.as_str().into()),
            },
            ExprKind::HasAttr { expr, attr } => Self::Has(boxed(expr)?, attr.as_str().into()),
            ExprKind::Like { expr, pattern } => {
                Self::Like(Box::new((part(expr)?, Like::of(pattern))))
            }
            ExprKind::Is { expr, entity_type } => {
                Self::Is(Box::new((part(expr)?, entity_type.clone())))
            }
            ExprKind::Set(elements) => Self::Set(elements.iter().map(part).collect::<Option<_>>()?),
            ExprKind::UnaryApp { op: UnaryOp::Neg | UnaryOp::IsEmpty, .. }
            | ExprKind::ExtHasAttr { .. }
            | ExprKind::Slot(_)
            | ExprKind::Unknown(_)
            | ExprKind::Record(_) => return None,
        })
    }

    fn literal(literal: &Literal) -> Self {
        match literal {
            Literal::Bool(truth) => Self::Bool(*truth),
            Literal::Long(number) => Self::Long(*number),
            Literal::String(text) => Self::Text(text.as_str().into()),
            Literal::EntityUID(uid) => Self::Entity(Box::new(NamedEntity::of(uid))),
        }
    }
}

impl NamedEntity {
    pub(super) fn of(uid: &EntityUID) -> Self {
        Self { uid: uid.clone(), key: Key::entity(uid) }
    }
}

fn operator(operator: BinaryOp) -> Option<Operator> {
    match operator {
        BinaryOp::Eq => Some(Operator::Equal),
        BinaryOp::Less => Some(Operator::Less),
        BinaryOp::LessEq => Some(Operator::LessOrEqual),
        BinaryOp::In => Some(Operator::In),
        BinaryOp::Contains => Some(Operator::Contains),
        BinaryOp::ContainsAll => Some(Operator::ContainsAll),
        BinaryOp::ContainsAny => Some(Operator::ContainsAny),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag | BinaryOp::HasTag => None,
    }
}

/// Converts literal decimals and comparisons of decimals.
fn function(
    name: &Name,
    arguments: &[ast::Expr],
    pair: impl Fn(&ast::Expr, &ast::Expr) -> Option<Box<[Expr; 2]>>,
) -> Option<Expr> {
    let name = name.to_string();
    match arguments {
        [only] if name == "decimal" => decimal(only),
        [first, second] => {
            let operator = match name.as_str() {
                "lessThan" => Operator::DecimalLess,
                "lessThanOrEqual" => Operator::DecimalLessOrEqual,
                "greaterThan" => Operator::DecimalGreater,
                "greaterThanOrEqual" => Operator::DecimalGreaterOrEqual,
                _ => return None,
            };
            Some(Expr::Binary(operator, pair(first, second)?))
        }
        _ => None,
    }
}

fn decimal(text: &ast::Expr) -> Option<Expr> {
    let ExprKind::Lit(Literal::String(text)) = text.expr_kind() else { return None };
    // A string that Cedar rejects is an error, which Cedar reports.
    let parsed = Extension::Decimal.of(text)?;
    let digits: String = ten_thousandths(text)?;
    let number = digits.parse().ok()?;
    (value::decimal(number)? == parsed).then_some(Expr::Decimal(number))
}

/// The digits of a decimal as an integer.
fn ten_thousandths(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.')?;
    Some(format!("{whole}{fraction:0<4}"))
}
