//! The native evaluator: evaluates conditions directly on the call.

use cedar_policy_core::ast::{EntityUID, PartialValue, Var};

use super::expr::{Expr, NamedEntity, Operator};
use super::operand::{Operand, Unknown, any, contains};
use crate::policy::{Env, RequestContext};

/// The maximum number of pairs of elements that are compared natively.
const MOST_PAIRS: usize = 4096;

impl Env<'_> {
    /// Whether a condition is true; `None` if Cedar has to evaluate it.
    pub(super) fn satisfies(&self, condition: &Expr) -> Option<bool> {
        self.eval(condition)?.as_bool()
    }

    /// Whether an entity equals another one or is its descendant.
    pub(super) fn is_in(&self, uid: &EntityUID, other: &NamedEntity) -> bool {
        let NamedEntity { uid: other, key } = other;
        uid == other || self.entities.has_ancestor(uid, other, *key, self.principal)
    }

    fn eval<'s>(&'s self, expression: &'s Expr) -> Option<Operand<'s>> {
        Some(match expression {
            Expr::Bool(value) => Operand::Bool(*value),
            Expr::Long(number) => Operand::Long(*number),
            Expr::Decimal(number) => Operand::Decimal(*number),
            Expr::Text(text) => Operand::Text(text),
            Expr::Entity(named) => Operand::Entity(&named.uid),
            Expr::Variable(variable) => self.variable(*variable),
            Expr::Set(elements) => {
                Operand::Set(elements.iter().map(|each| self.eval(each)).collect::<Option<_>>()?)
            }
            Expr::Remembered(path) => self.of_memory(path.iter().map(|name| &**name).collect())?,
            Expr::Get(of, name) => self.attribute(&self.eval(of)?, name).ok()??,
            Expr::Has(of, name) => {
                Operand::Bool(self.attribute(&self.eval(of)?, name).ok()?.is_some())
            }
            Expr::Not(inner) => Operand::Bool(!self.satisfies(inner)?),
            Expr::And(both) => {
                let [left, right] = &**both;
                Operand::Bool(self.satisfies(left)? && self.satisfies(right)?)
            }
            Expr::Or(both) => {
                let [left, right] = &**both;
                Operand::Bool(self.satisfies(left)? || self.satisfies(right)?)
            }
            Expr::If(parts) => {
                let [test, then, other] = &**parts;
                self.eval(if self.satisfies(test)? { then } else { other })?
            }
            Expr::Binary(operator, both) => Operand::Bool(self.binary(*operator, both)?),
            Expr::Is(is) => {
                let (of, entity_type) = &**is;
                Operand::Bool(self.eval(of)?.as_entity()?.entity_type() == entity_type)
            }
            Expr::Like(like) => {
                let (of, pattern) = &**like;
                let Operand::Text(text) = self.eval(of)? else { return None };
                Operand::Bool(pattern.matches(text))
            }
        })
    }

    fn variable(&self, variable: Var) -> Operand<'_> {
        match variable {
            Var::Principal => Operand::Entity(self.principal.uid()),
            Var::Action => Operand::Entity(self.action),
            Var::Resource => Operand::Entity(self.resource),
            Var::Context => Operand::Context,
        }
    }

    /// The attribute of an entity or the member of a record with this name, if any.
    fn attribute<'s>(
        &'s self,
        of: &Operand<'s>,
        name: &'s str,
    ) -> Result<Option<Operand<'s>>, Unknown> {
        match of {
            Operand::Entity(uid) => {
                let entity = self.entities.entity(uid, self.principal);
                match entity.and_then(|entity| entity.get(name)) {
                    Some(PartialValue::Value(value)) => Ok(Some(Operand::of_value(value))),
                    Some(PartialValue::Residual(_)) => Err(Unknown),
                    None => Ok(None),
                }
            }
            Operand::Context => Ok(self.of_context(name)),
            Operand::Request => self.of_request(name),
            Operand::Lazy(path) => Ok(self.of_memory([path.as_slice(), &[name]].concat())),
            Operand::Bool(_)
            | Operand::Long(_)
            | Operand::Decimal(_)
            | Operand::Text(_)
            | Operand::Set(_)
            | Operand::Argument(_)
            | Operand::Cedar(_) => of.member(name),
        }
    }

    fn of_context<'s>(&'s self, name: &'s str) -> Option<Operand<'s>> {
        match name {
            "input" => Some(Operand::of_argument(self.input)),
            "request" => Some(Operand::Request),
            _ => {
                let found = self.context.iter().find(|(attribute, _)| *attribute == name);
                let found = found.map(|(_, value)| Operand::of_value(value));
                found.or_else(|| self.of_memory(vec![name]))
            }
        }
    }

    fn of_memory<'s>(&'s self, path: Vec<&'s str>) -> Option<Operand<'s>> {
        let found = self.memory?.at(&path)?;
        Some(Operand::of_lazy(path, found))
    }

    fn of_request(&self, name: &str) -> Result<Option<Operand<'_>>, Unknown> {
        let RequestContext { method, path, environment, trace_id, has_source_ip } = self.request;
        match name {
            "method" => Ok(Some(Operand::Text(method))),
            "path" => Ok(Some(Operand::Text(path))),
            "environment" => Ok(Some(Operand::Text(environment))),
            "trace_id" => Ok(trace_id.map(Operand::Text)),
            "source_ip" if !has_source_ip => Ok(None),
            // A datetime or an IP address.
            _ => Err(Unknown),
        }
    }

    fn binary(&self, operator: Operator, operands: &[Expr; 2]) -> Option<bool> {
        let [first, second] = operands;
        if matches!(operator, Operator::In) {
            return self.is_in_any(self.eval(first)?.as_entity()?, second);
        }
        let (first, second) = (self.eval(first)?, self.eval(second)?);
        match operator {
            Operator::Equal => first.equals(&second),
            Operator::Less => longs(&first, &second, |a, b| a < b),
            Operator::LessOrEqual => longs(&first, &second, |a, b| a <= b),
            Operator::DecimalLess => decimals(&first, &second, |a, b| a < b),
            Operator::DecimalLessOrEqual => decimals(&first, &second, |a, b| a <= b),
            Operator::DecimalGreater => decimals(&first, &second, |a, b| a > b),
            Operator::DecimalGreaterOrEqual => decimals(&first, &second, |a, b| a >= b),
            Operator::Contains => contains(&first.into_elements()?, &second),
            Operator::ContainsAll => {
                let (elements, others) = pairable(first, second)?;
                let lacks = |each: &Operand<'_>| contains(&elements, each).map(|has| !has);
                any(others.iter().map(lacks)).map(|lacks_any| !lacks_any)
            }
            Operator::ContainsAny => {
                let (elements, others) = pairable(first, second)?;
                any(others.iter().map(|each| contains(&elements, each)))
            }
            Operator::In => None,
        }
    }

    /// Whether an entity is in the value of an expression: an entity, or any element of a set.
    fn is_in_any(&self, uid: &EntityUID, expression: &Expr) -> Option<bool> {
        if let Expr::Entity(named) = expression {
            return Some(self.is_in(uid, named));
        }
        let other = self.eval(expression)?;
        let is_in =
            |other: &Operand<'_>| Some(self.is_in(uid, &NamedEntity::of(other.as_entity()?)));
        if other.as_entity().is_some() {
            return is_in(&other);
        }
        // An element that is not an entity is an error, regardless of the others.
        let found: Vec<bool> = other.into_elements()?.iter().map(is_in).collect::<Option<_>>()?;
        Some(found.contains(&true))
    }
}

/// The elements of two sets for pairwise comparison; `None` beyond the limit of pairs. Callers can
/// send sets for which this would take minutes; Cedar sorts the elements and is faster.
fn pairable<'a>(
    one: Operand<'a>,
    other: Operand<'a>,
) -> Option<(Vec<Operand<'a>>, Vec<Operand<'a>>)> {
    let (one, other) = (one.into_elements()?, other.into_elements()?);
    (one.len().saturating_mul(other.len()) <= MOST_PAIRS).then_some((one, other))
}

fn longs(first: &Operand<'_>, second: &Operand<'_>, test: fn(&i64, &i64) -> bool) -> Option<bool> {
    match (first, second) {
        (Operand::Long(first), Operand::Long(second)) => Some(test(first, second)),
        (_, _) => None,
    }
}

fn decimals(
    first: &Operand<'_>,
    second: &Operand<'_>,
    test: fn(&i64, &i64) -> bool,
) -> Option<bool> {
    match (first, second) {
        (Operand::Decimal(first), Operand::Decimal(second)) => Some(test(first, second)),
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sets_are_not_compared_with_each_other() {
        let set = |count| Operand::Set(vec![Operand::Long(0); count]);
        assert!(pairable(set(64), set(MOST_PAIRS / 64)).is_some());
        assert!(pairable(set(64), set(MOST_PAIRS / 64 + 1)).is_none());
    }
}
