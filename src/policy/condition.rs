//! The condition of a policy, laid out to be answered on a call as it arrived.
//!
//! Cedar's evaluator is the judge of what a condition means. What is laid out here is what most
//! policies are made of and what has one obvious meaning; anything else, and every error, is Cedar's to
//! tell. `tests/cedar.rs` holds the answers against those of Cedar's authorizer.

use cedar_policy_core::ast::{
    BinaryOp, EntityType, EntityUID, Expr, ExprKind, Literal, Name, UnaryOp, Var,
};

use super::Key;
use super::like::Like;
use super::value::{self, Extension};

/// How deeply parts nest. Answering takes stack, of which Cedar's evaluator watches how much is left.
const DEEPEST: usize = 256;

/// A part of a condition, with what it is made of.
#[derive(Debug)]
pub(super) enum Term {
    Bool(bool),
    Long(i64),
    /// In ten-thousandths.
    Decimal(i64),
    Text(Box<str>),
    Entity(Box<Named>),
    Variable(Var),
    Set(Vec<Term>),
    /// The attribute of an entity, or the member of a record.
    Get(Box<Term>, Box<str>),
    Has(Box<Term>, Box<str>),
    Not(Box<Term>),
    And(Box<[Term; 2]>),
    Or(Box<[Term; 2]>),
    If(Box<[Term; 3]>),
    Both(Relation, Box<[Term; 2]>),
    Is(Box<(Term, EntityType)>),
    Like(Box<(Term, Like)>),
}

/// An entity that a policy names.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) uid: EntityUID,
    pub(super) key: Key,
}

/// What is asked of two values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    /// The first is in the second, or in one of it.
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

impl Term {
    /// Lays an expression out; `None` where only Cedar knows what it says.
    pub(super) fn of(expression: &Expr) -> Option<Self> {
        Self::within(DEEPEST, expression)
    }

    /// Lays out what nests at most so deeply.
    fn within(depth: usize, expression: &Expr) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let part = |expression: &Expr| Self::within(depth, expression);
        let term = |expression: &Expr| part(expression).map(Box::new);
        let pair = |first: &Expr, second: &Expr| Some(Box::new([part(first)?, part(second)?]));
        Some(match expression.expr_kind() {
            ExprKind::Lit(literal) => Self::literal(literal),
            ExprKind::Var(variable) => Self::Variable(*variable),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                let [test, then, other] = [test_expr, then_expr, else_expr].map(|it| part(it));
                Self::If(Box::new([test?, then?, other?]))
            }
            ExprKind::And { left, right } => Self::And(pair(left, right)?),
            ExprKind::Or { left, right } => Self::Or(pair(left, right)?),
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => Self::Not(term(arg)?),
            ExprKind::BinaryApp { op, arg1, arg2 } => Self::Both(relation(*op)?, pair(arg1, arg2)?),
            ExprKind::ExtensionFunctionApp { fn_name, args } => function(fn_name, args, pair)?,
            ExprKind::GetAttr { expr, attr } => Self::Get(term(expr)?, attr.as_str().into()),
            ExprKind::HasAttr { expr, attr } => Self::Has(term(expr)?, attr.as_str().into()),
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
            Literal::EntityUID(uid) => Self::Entity(Box::new(Named::of(uid))),
        }
    }
}

impl Named {
    pub(super) fn of(uid: &EntityUID) -> Self {
        Self { uid: uid.clone(), key: Key::entity(uid) }
    }
}

fn relation(operator: BinaryOp) -> Option<Relation> {
    match operator {
        BinaryOp::Eq => Some(Relation::Equal),
        BinaryOp::Less => Some(Relation::Less),
        BinaryOp::LessEq => Some(Relation::LessOrEqual),
        BinaryOp::In => Some(Relation::In),
        BinaryOp::Contains => Some(Relation::Contains),
        BinaryOp::ContainsAll => Some(Relation::ContainsAll),
        BinaryOp::ContainsAny => Some(Relation::ContainsAny),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag | BinaryOp::HasTag => None,
    }
}

/// Decimals that are written in the policy, and comparisons of decimals.
fn function(
    name: &Name,
    arguments: &[Expr],
    pair: impl Fn(&Expr, &Expr) -> Option<Box<[Term; 2]>>,
) -> Option<Term> {
    let name = name.to_string();
    match arguments {
        [only] if name == "decimal" => constant(only),
        [first, second] => {
            let relation = match name.as_str() {
                "lessThan" => Relation::DecimalLess,
                "lessThanOrEqual" => Relation::DecimalLessOrEqual,
                "greaterThan" => Relation::DecimalGreater,
                "greaterThanOrEqual" => Relation::DecimalGreaterOrEqual,
                _ => return None,
            };
            Some(Term::Both(relation, pair(first, second)?))
        }
        _ => None,
    }
}

fn constant(text: &Expr) -> Option<Term> {
    let ExprKind::Lit(Literal::String(text)) = text.expr_kind() else { return None };
    // What Cedar does not read is an error, and so Cedar's to tell.
    let read = Extension::Decimal.of(text)?;
    let digits: String = ten_thousandths(text)?;
    let number = digits.parse().ok()?;
    (value::decimal(number)? == read).then_some(Term::Decimal(number))
}

/// The digits of a decimal as a whole number.
fn ten_thousandths(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.')?;
    Some(format!("{whole}{fraction:0<4}"))
}
