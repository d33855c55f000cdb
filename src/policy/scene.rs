//! A call as conditions are answered on it: who, what, on what, and with which arguments.

use cedar_policy_core::ast::{Entity, EntityUID, PartialValue, Value, Var};

use super::Datum;
use super::condition::{Named, Relation, Term};
use super::seen::{Seen, Untold, among, any};
use crate::bundle::{Resident, World};

/// How many pairs of elements are compared here at most.
const MOST_PAIRS: usize = 4096;

/// Everything that policies can ask about a call.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The static entities.
    pub world: &'a World,
    /// The principal among them.
    pub principal: &'a Resident,
    /// The action.
    pub action: &'a EntityUID,
    /// The resource.
    pub resource: &'a EntityUID,
    /// `context.input`
    pub input: &'a Datum<'a>,
    /// What else `context` has, without `context.request`.
    pub terms: &'a [(&'static str, Value)],
    /// `context.request`
    pub request: Observed<'a>,
}

/// What is known of a request besides identity, as far as it is text.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path without query.
    pub path: &'a str,
    /// Where the gate runs.
    pub environment: &'a str,
    /// The trace id.
    pub trace_id: Option<&'a str>,
    /// Whether the address of the downstream peer is known.
    pub has_source_ip: bool,
}

impl Scene<'_> {
    /// Whether a condition holds; `None` where Cedar has to tell.
    pub(super) fn satisfies(&self, condition: &Term) -> Option<bool> {
        self.see(condition)?.truth()
    }

    /// Whether an entity is in another one.
    pub(super) fn is_in(&self, uid: &EntityUID, other: &Named) -> bool {
        uid == &other.uid || self.world.is_below(uid, &other.uid, other.key, self.principal)
    }

    fn see<'s>(&'s self, term: &'s Term) -> Option<Seen<'s>> {
        Some(match term {
            Term::Bool(truth) => Seen::Bool(*truth),
            Term::Long(number) => Seen::Long(*number),
            Term::Decimal(number) => Seen::Decimal(*number),
            Term::Text(text) => Seen::Text(text),
            Term::Entity(named) => Seen::Entity(&named.uid),
            Term::Variable(variable) => self.variable(*variable),
            Term::Set(elements) => {
                Seen::Set(elements.iter().map(|each| self.see(each)).collect::<Option<_>>()?)
            }
            Term::Get(of, name) => self.attribute(&self.see(of)?, name).ok()??,
            Term::Has(of, name) => Seen::Bool(self.attribute(&self.see(of)?, name).ok()?.is_some()),
            Term::Not(term) => Seen::Bool(!self.satisfies(term)?),
            Term::And(both) => {
                let [left, right] = &**both;
                Seen::Bool(self.satisfies(left)? && self.satisfies(right)?)
            }
            Term::Or(both) => {
                let [left, right] = &**both;
                Seen::Bool(self.satisfies(left)? || self.satisfies(right)?)
            }
            Term::If(parts) => {
                let [test, then, other] = &**parts;
                self.see(if self.satisfies(test)? { then } else { other })?
            }
            Term::Both(relation, both) => Seen::Bool(self.relate(*relation, both)?),
            Term::Is(is) => {
                let (term, entity_type) = &**is;
                Seen::Bool(self.see(term)?.entity()?.entity_type() == entity_type)
            }
            Term::Like(like) => {
                let (term, like) = &**like;
                let Seen::Text(text) = self.see(term)? else { return None };
                Seen::Bool(like.matches(text))
            }
        })
    }

    fn variable(&self, variable: Var) -> Seen<'_> {
        match variable {
            Var::Principal => Seen::Entity(self.principal.uid()),
            Var::Action => Seen::Entity(self.action),
            Var::Resource => Seen::Entity(self.resource),
            Var::Context => Seen::Context,
        }
    }

    /// What something has by a name, if it has it.
    fn attribute<'s>(&'s self, of: &Seen<'s>, name: &str) -> Result<Option<Seen<'s>>, Untold> {
        match of {
            Seen::Entity(uid) => match self.entity(uid).and_then(|entity| entity.get(name)) {
                Some(PartialValue::Value(value)) => Ok(Some(Seen::known(value))),
                Some(PartialValue::Residual(_)) => Err(Untold),
                None => Ok(None),
            },
            Seen::Context => Ok(self.of_context(name)),
            Seen::Request => self.of_request(name),
            Seen::Bool(_)
            | Seen::Long(_)
            | Seen::Decimal(_)
            | Seen::Text(_)
            | Seen::Set(_)
            | Seen::Given(_)
            | Seen::Known(_) => of.member(name),
        }
    }

    fn of_context(&self, name: &str) -> Option<Seen<'_>> {
        match name {
            "input" => Some(Seen::given(self.input)),
            "request" => Some(Seen::Request),
            _ => {
                let found = self.terms.iter().find(|(term, _)| *term == name);
                found.map(|(_, value)| Seen::known(value))
            }
        }
    }

    fn of_request(&self, name: &str) -> Result<Option<Seen<'_>>, Untold> {
        let Observed { method, path, environment, trace_id, has_source_ip } = self.request;
        match name {
            "method" => Ok(Some(Seen::Text(method))),
            "path" => Ok(Some(Seen::Text(path))),
            "environment" => Ok(Some(Seen::Text(environment))),
            "trace_id" => Ok(trace_id.map(Seen::Text)),
            "source_ip" if !has_source_ip => Ok(None),
            // Times and addresses are values of Cedar's own.
            _ => Err(Untold),
        }
    }

    fn entity(&self, uid: &EntityUID) -> Option<&Entity> {
        self.world.entity(uid, self.principal)
    }

    fn relate(&self, relation: Relation, terms: &[Term; 2]) -> Option<bool> {
        let [first, second] = terms;
        if matches!(relation, Relation::In) {
            return self.is_within(self.see(first)?.entity()?, second);
        }
        let (first, second) = (self.see(first)?, self.see(second)?);
        match relation {
            Relation::Equal => first.same(&second),
            Relation::Less => longs(&first, &second, |a, b| a < b),
            Relation::LessOrEqual => longs(&first, &second, |a, b| a <= b),
            Relation::DecimalLess => decimals(&first, &second, |a, b| a < b),
            Relation::DecimalLessOrEqual => decimals(&first, &second, |a, b| a <= b),
            Relation::DecimalGreater => decimals(&first, &second, |a, b| a > b),
            Relation::DecimalGreaterOrEqual => decimals(&first, &second, |a, b| a >= b),
            Relation::Contains => among(&first.elements()?, &second),
            Relation::ContainsAll => {
                let (elements, others) = few(first.elements()?, second.elements()?)?;
                let lacks = |each: &Seen<'_>| among(&elements, each).map(|is_there| !is_there);
                any(others.iter().map(lacks)).map(|lacking| !lacking)
            }
            Relation::ContainsAny => {
                let (elements, others) = few(first.elements()?, second.elements()?)?;
                any(others.iter().map(|each| among(&elements, each)))
            }
            Relation::In => None,
        }
    }

    /// Whether an entity is in what a term names: an entity, or one of several.
    fn is_within(&self, uid: &EntityUID, term: &Term) -> Option<bool> {
        if let Term::Entity(named) = term {
            return Some(self.is_in(uid, named));
        }
        let seen = self.see(term)?;
        let within = |other: &Seen<'_>| Some(self.is_in(uid, &Named::of(other.entity()?)));
        if seen.entity().is_some() {
            return within(&seen);
        }
        let within: Vec<bool> = seen.elements()?.iter().map(within).collect::<Option<_>>()?;
        Some(within.contains(&true))
    }
}

/// Two sets whose elements are held against each other one by one. Callers can send so many that this
/// would take minutes; Cedar looks them up.
fn few<'a>(one: Vec<Seen<'a>>, other: Vec<Seen<'a>>) -> Option<(Vec<Seen<'a>>, Vec<Seen<'a>>)> {
    (one.len().saturating_mul(other.len()) <= MOST_PAIRS).then_some((one, other))
}

fn longs(first: &Seen<'_>, second: &Seen<'_>, holds: fn(&i64, &i64) -> bool) -> Option<bool> {
    match (first, second) {
        (Seen::Long(first), Seen::Long(second)) => Some(holds(first, second)),
        (_, _) => None,
    }
}

fn decimals(first: &Seen<'_>, second: &Seen<'_>, holds: fn(&i64, &i64) -> bool) -> Option<bool> {
    match (first, second) {
        (Seen::Decimal(first), Seen::Decimal(second)) => Some(holds(first, second)),
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sets_are_not_compared_with_each_other() {
        let set = |count| vec![Seen::Long(0); count];
        assert!(few(set(64), set(MOST_PAIRS / 64)).is_some());
        assert!(few(set(64), set(MOST_PAIRS / 64 + 1)).is_none());
    }
}
