//! Lowers a policy's condition to one on the request alone.
//!
//! The entities of a bundle are known, so expressions on them are evaluated here: attributes become
//! their values, and membership becomes a list of ids. That is exact, and allows comparing two
//! bundles with different entities. Only the principal remains open, which the token describes.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy_core::ast::{
    BinaryOp, Eid, Entity, EntityType, EntityUID, Expr, ExprKind, Literal, PartialValue, UnaryOp,
    Value, ValueKind, Var,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::validator::types::{BoolType, EntityKind, Type};

use crate::cli::analysis::total_functions::TOTAL;

/// A condition with the types that Cedar's validator found.
pub(super) type Typed = Expr<Option<Type>>;

/// The error tells why a condition cannot be lowered.
type Result<T> = std::result::Result<T, String>;

/// An id that no bundle has: facts can set the attributes of such entities freely.
const NOBODY: &str = "toolgate:nobody";

/// What is known when a condition is evaluated.
#[derive(Debug)]
pub(super) struct World<'a> {
    /// The entities of the bundle.
    pub(super) entities: &'a Entities,
    /// The type of the principal.
    pub(super) principal: &'a EntityType,
    /// The action, which stands in the result wherever a condition reads it.
    pub(super) action: &'a EntityUID,
    /// The types of the parents that its token can give the principal; `None` for a workload, whose
    /// ancestors come from the bundle's entities.
    pub(super) parents: Option<BTreeSet<EntityType>>,
}

/// Lowers conditions, and collects the assumptions of the results.
#[derive(Debug)]
pub(super) struct Lowering<'a> {
    world: &'a World<'a>,
    /// Assumptions about entities that do not exist.
    pub(super) facts: BTreeSet<String>,
}

impl<'a> Lowering<'a> {
    /// Starts without assumptions.
    pub(super) fn new(world: &'a World<'a>) -> Self {
        Self { world, facts: BTreeSet::new() }
    }

    /// Lowers the condition.
    pub(super) fn expr(&mut self, typed: &Typed) -> Result<Expr> {
        match typed.expr_kind() {
            ExprKind::Lit(literal) => Ok(Expr::val(literal.clone())),
            ExprKind::Var(Var::Action) => Ok(Expr::val(self.world.action.clone())),
            ExprKind::Var(var) => Ok(Expr::var(*var)),
            ExprKind::If { test_expr, then_expr, else_expr } => match self.expr(test_expr)? {
                test if is(&test, true) => self.expr(then_expr),
                test if is(&test, false) => self.expr(else_expr),
                test => Ok(Expr::ite(test, self.expr(then_expr)?, self.expr(else_expr)?)),
            },
            ExprKind::And { left, right } => {
                let left = self.expr(left)?;
                if is(&left, false) { Ok(left) } else { Ok(and(left, self.expr(right)?)) }
            }
            ExprKind::Or { left, right } => {
                let left = self.expr(left)?;
                if is(&left, true) { Ok(left) } else { Ok(or(left, self.expr(right)?)) }
            }
            ExprKind::UnaryApp { op, arg } => Ok(Expr::unary_app(*op, self.expr(arg)?)),
            ExprKind::BinaryApp { op, arg1, arg2 } => self.binary(typed, *op, arg1, arg2),
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                Ok(Expr::call_extension_fn(fn_name.clone(), self.all(args.iter())?))
            }
            ExprKind::GetAttr { expr, attr } => self.attribute(expr, attr),
            ExprKind::HasAttr { expr, attr } => self.has_attribute(expr, attr),
            ExprKind::ExtHasAttr { .. } => Err("it asks `has` for a path".to_owned()),
            ExprKind::Like { expr, pattern } => Ok(Expr::like(self.expr(expr)?, pattern.clone())),
            ExprKind::Is { expr, entity_type } => {
                Ok(Expr::is_entity_type(self.expr(expr)?, entity_type.clone()))
            }
            ExprKind::Set(elements) => Ok(Expr::set(self.all(elements.iter())?)),
            ExprKind::Record(fields) => {
                let fields =
                    fields.iter().map(|(name, value)| Ok((name.clone(), self.expr(value)?)));
                let fields = fields.collect::<Result<Vec<_>>>()?;
                Expr::record(fields).map_err(|error| error.to_string())
            }
            ExprKind::Slot(_) | ExprKind::Unknown(_) => Err("it is a template".to_owned()),
        }
    }

    fn all<'t>(&mut self, typed: impl Iterator<Item = &'t Typed>) -> Result<Vec<Expr>> {
        typed.map(|typed| self.expr(typed)).collect()
    }

    fn binary(&mut self, whole: &Typed, op: BinaryOp, left: &Typed, right: &Typed) -> Result<Expr> {
        match op {
            // The action is known, and its groups are those of this bundle.
            BinaryOp::Eq | BinaryOp::In if is_var(left, Var::Action) => {
                let known = [(BoolType::True, true), (BoolType::False, false)].into_iter();
                let mut known =
                    known.map(|(bool_type, value)| (Some(Type::Bool(bool_type)), value));
                let known = known.find(|(known, _)| known == whole.data());
                let (_, value) = known.ok_or("it compares the action with what is no literal")?;
                Ok(Expr::val(value))
            }
            BinaryOp::In => self.membership(left, right),
            BinaryOp::GetTag | BinaryOp::HasTag => Err("it reads the tags of an entity".to_owned()),
            BinaryOp::Eq
            | BinaryOp::Less
            | BinaryOp::LessEq
            | BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Contains
            | BinaryOp::ContainsAll
            | BinaryOp::ContainsAny => {
                Ok(Expr::binary_app(op, self.expr(left)?, self.expr(right)?))
            }
        }
    }

    /// An attribute becomes a choice between the values of all entities; for an entity that the
    /// bundle does not have, it is an error.
    fn attribute(&mut self, of: &Typed, attr: &str) -> Result<Expr> {
        let Some(entity_type) = self.stored(of)? else {
            return Ok(Expr::get_attr(self.expr(of)?, attr.into()));
        };
        let of = self.expr(of)?;
        let mut values: Vec<(Value, Vec<Expr>)> = Vec::new();
        for entity in self.entities(&entity_type) {
            let Some(PartialValue::Value(value)) = entity.get(attr) else { continue };
            let owner = Expr::val(entity.uid().clone());
            match values.iter_mut().find(|(known, _)| known == value) {
                Some((_, owners)) => owners.push(owner),
                None => values.push((value.clone(), vec![owner])),
            }
        }
        let nobody = EntityUID::from_components(entity_type, Eid::new(NOBODY), None);
        let free = Expr::get_attr(Expr::val(nobody), attr.into());
        let mut choices = Vec::new();
        for (value, owners) in values {
            choices.push((self.value(&value, &free)?, owners));
        }
        if let ExprKind::Lit(Literal::EntityUID(uid)) = of.expr_kind() {
            let itself = Expr::val(uid.as_ref().clone());
            let found = choices.iter().position(|(_, owners)| owners.contains(&itself));
            if let Some(found) = found {
                return Ok(choices.swap_remove(found).0);
            }
        }
        let any = choices.first().map(|(value, _)| value.clone());
        let any = any.unwrap_or_else(|| Expr::get_attr(of.clone(), attr.into()));
        let absent = Expr::ite(overflow(), any.clone(), any);
        Ok(choices.into_iter().fold(absent, |rest, (value, owners)| {
            Expr::ite(Expr::contains(Expr::set(owners), of.clone()), value, rest)
        }))
    }

    fn has_attribute(&mut self, of: &Typed, attr: &str) -> Result<Expr> {
        let Some(entity_type) = self.stored(of)? else {
            return Ok(Expr::has_attr(self.expr(of)?, attr.into()));
        };
        let of = self.expr(of)?;
        let owners = self.entities(&entity_type).filter(|entity| entity.get(attr).is_some());
        let owners: Vec<_> = owners.map(|entity| Expr::val(entity.uid().clone())).collect();
        Ok(one_of(of, owners))
    }

    /// A value as an expression. Cedar has no literal for an empty set, so `place`, which nothing
    /// else constrains, is assumed to be empty where one is needed.
    fn value(&mut self, value: &Value, place: &Expr) -> Result<Expr> {
        match value.value_kind() {
            ValueKind::Set(set) if set.is_empty() => {
                self.facts.insert(Expr::is_empty(place.clone()).to_string());
                Ok(place.clone())
            }
            ValueKind::Record(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    let place = Expr::get_attr(place.clone(), name.clone());
                    Ok((name.clone(), self.value(value, &place)?))
                });
                let fields = fields.collect::<Result<Vec<_>>>()?;
                Expr::record(fields).map_err(|error| error.to_string())
            }
            ValueKind::Lit(_) | ValueKind::Set(_) | ValueKind::ExtensionValue(_) => {
                Ok(Expr::from(value.clone()))
            }
        }
    }

    /// The type of `of`, if it is an entity that only the bundle can define.
    fn stored(&self, of: &Typed) -> Result<Option<EntityType>> {
        let Some(entity_type) = entity_type(of)? else { return Ok(None) };
        if self.world.parents.is_none() || entity_type != *self.world.principal {
            return Ok(Some(entity_type));
        }
        if is_var(of, Var::Principal) {
            return Ok(None);
        }
        Err(format!("it reads an attribute of a `{entity_type}` other than the principal"))
    }

    fn membership(&mut self, left: &Typed, right: &Typed) -> Result<Expr> {
        let left_type = entity_type(left)?.ok_or("it asks what no entity is in")?;
        let by_token = match &self.world.parents {
            Some(parents) if is_var(left, Var::Principal) => Some(parents),
            Some(_) if left_type == *self.world.principal => {
                return Err(format!(
                    "it asks where a `{left_type}` other than the principal is in"
                ));
            }
            Some(_) | None => None,
        };
        let member = Member { expr: self.expr(left)?, entity_type: left_type, by_token };
        if let Some(groups) = literals(right) {
            let groups = groups.into_iter().map(|group| self.in_group(&member, group));
            return Ok(groups.reduce(or).unwrap_or_else(|| never(&member.expr)));
        }
        let (group_type, is_set) =
            if let Some(Type::Set { element_type: Some(element) }) = right.data() {
                (single(element)?, true)
            } else {
                (entity_type(right)?, false)
            };
        let group_type = group_type.ok_or("it asks for membership in what is no entity")?;
        let groups = self.expr(right)?;
        let same = |group: Expr| {
            let operation = if is_set { BinaryOp::Contains } else { BinaryOp::Eq };
            Expr::binary_app(operation, groups.clone(), group)
        };
        let direct = if member.by_token.is_some_and(|parents| parents.contains(&group_type)) {
            Expr::is_in(member.expr.clone(), groups.clone())
        } else if group_type == member.entity_type {
            same(member.expr.clone())
        } else {
            and(never(&member.expr), never(&groups))
        };
        let known = self.groups(&group_type);
        Ok(known.into_iter().fold(direct, |all, group| {
            let inside = self.in_group(&member, &group);
            or(all, and(same(Expr::val(group)), inside))
        }))
    }

    /// Whether a member is the group, is in it, or is in an entity that the bundle puts in it.
    fn in_group(&self, member: &Member<'_>, group: &EntityUID) -> Expr {
        let inside = self.world.entities.iter().filter(|entity| entity.is_descendant_of(group));
        let mut all: BTreeSet<&EntityUID> = inside.map(Entity::uid).collect();
        all.insert(group);
        let mut by_type: BTreeMap<&EntityType, Vec<Expr>> = BTreeMap::new();
        for uid in all {
            by_type.entry(uid.entity_type()).or_default().push(Expr::val(uid.clone()));
        }
        let questions = by_type.into_iter().filter_map(|(entity_type, groups)| {
            if *entity_type == member.entity_type {
                Some(one_of(member.expr.clone(), groups))
            } else if member.by_token?.contains(entity_type) {
                Some(Expr::is_in(member.expr.clone(), Expr::set(groups)))
            } else {
                None
            }
        });
        questions.reduce(or).unwrap_or_else(|| never(&member.expr))
    }

    /// All entities of a type, sorted by id.
    fn entities(&self, of: &EntityType) -> impl Iterator<Item = &'a Entity> + use<'a> {
        let all = self.world.entities.iter();
        let mut all: Vec<_> = all.filter(|entity| entity.uid().entity_type() == of).collect();
        all.sort_by_key(|entity| entity.uid());
        all.into_iter()
    }

    /// The ancestors of any entity that have this type.
    fn groups(&self, of: &EntityType) -> BTreeSet<EntityUID> {
        let all = self.world.entities.iter().flat_map(Entity::ancestors);
        all.filter(|uid| uid.entity_type() == of).cloned().collect()
    }
}

/// A possible member of a group.
struct Member<'a> {
    expr: Expr,
    entity_type: EntityType,
    by_token: Option<&'a BTreeSet<EntityType>>,
}

/// Whether evaluating a condition can fail. Validated expressions only fail by overflow.
pub(super) fn may_fail(expr: &Expr) -> bool {
    let overflows = |op: &BinaryOp| {
        matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag)
    };
    expr.subexpressions().any(|part| {
        let kind = part.expr_kind();
        matches!(kind, ExprKind::BinaryApp { op, .. } if overflows(op))
            || matches!(kind, ExprKind::UnaryApp { op: UnaryOp::Neg, .. })
            || matches!(kind, ExprKind::ExtensionFunctionApp { fn_name, .. }
                if !TOTAL.contains(&fn_name.to_string().as_str()))
    })
}

/// Conjunction, simplified if an operand is known.
pub(super) fn and(left: Expr, right: Expr) -> Expr {
    if is(&left, true) {
        right
    } else if is(&right, true) || is(&left, false) {
        left
    } else {
        Expr::and(left, right)
    }
}

/// Disjunction, simplified if an operand is known.
pub(super) fn or(left: Expr, right: Expr) -> Expr {
    if is(&left, false) {
        right
    } else if is(&right, false) || is(&left, true) {
        left
    } else {
        Expr::or(left, right)
    }
}

/// Whether an expression is this literal.
pub(super) fn is(expr: &Expr, value: bool) -> bool {
    matches!(expr.expr_kind(), ExprKind::Lit(Literal::Bool(literal)) if *literal == value)
}

fn is_var(typed: &Typed, var: Var) -> bool {
    matches!(typed.expr_kind(), ExprKind::Var(found) if *found == var)
}

/// Whether an expression equals one of these.
pub(super) fn one_of(expr: Expr, all: Vec<Expr>) -> Expr {
    if all.is_empty() { never(&expr) } else { Expr::contains(Expr::set(all), expr) }
}

/// False, if evaluating the expression does not fail.
fn never(expr: &Expr) -> Expr {
    Expr::and(Expr::is_eq(expr.clone(), expr.clone()), Expr::val(false))
}

/// A condition whose evaluation fails.
fn overflow() -> Expr {
    Expr::is_eq(Expr::add(Expr::val(i64::MAX), Expr::val(1)), Expr::val(0))
}

/// The entities in an entity literal or a set of them.
fn literals(typed: &Typed) -> Option<Vec<&EntityUID>> {
    if let ExprKind::Lit(Literal::EntityUID(uid)) = typed.expr_kind() {
        return Some(vec![uid]);
    }
    let ExprKind::Set(elements) = typed.expr_kind() else { return None };
    let literals = elements.iter().map(literals).collect::<Option<Vec<_>>>()?;
    Some(literals.into_iter().flatten().collect())
}

fn entity_type(typed: &Typed) -> Result<Option<EntityType>> {
    typed.data().as_ref().map_or(Err("its type is not known".to_owned()), single)
}

fn single(found: &Type) -> Result<Option<EntityType>> {
    let Type::Entity(kind) = found else { return Ok(None) };
    let single = match kind {
        EntityKind::Entity(types) => types.get_single_entity(),
        EntityKind::AnyEntity => None,
    };
    single.cloned().map(Some).ok_or("it is about entities of several types".to_owned())
}
