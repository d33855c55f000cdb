//! Schemas of the bundle, which replace those of the server.
//!
//! A schema can depend on the value of another argument. That argument is then restricted to the
//! values that have a schema, so that a call with any other value is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::argument::{Argument, Enumeration, Kind, Record, Variants};
use super::path::SchemaPath;
use super::problem::Problem;
use super::schema::{Chooser, Reader, Source};

impl<'a> Reader<'a> {
    /// Parses an entry of `schemas`.
    pub(super) fn given(&mut self, path: &str, given: &'a Value, place: &SchemaPath) -> Argument {
        let key = format!("schemas.{path}");
        match Selection::of(given) {
            None => self.in_bundle(&key, given, place),
            Some(Ok(selection)) => self.variants(&key, &selection, place),
            Some(Err(problem)) => {
                self.problem_of_bundle(place, problem, key);
                Argument::opaque(Vec::new())
            }
        }
    }

    /// Parses one schema of the bundle. A reference in it leads into itself.
    fn in_bundle(&mut self, key: &str, schema: &'a Value, place: &SchemaPath) -> Argument {
        let source = Source {
            root: schema,
            key: Some(key.to_owned()),
            types: place.types.clone(),
            references: Vec::new(),
        };
        let outer = std::mem::replace(&mut self.source, source);
        let argument = self.argument(schema, place);
        self.source = outer;
        argument
    }

    fn variants(
        &mut self,
        key: &str,
        Selection { by, of }: &Selection<'a>,
        place: &SchemaPath,
    ) -> Argument {
        let mut kinds = BTreeMap::new();
        for (value, schema) in *of {
            let key = format!("{key}.of.{value}");
            let argument = self.in_bundle(&key, schema, &place.part(value));
            if argument.nullable && !argument.is_hidden() {
                self.problem_of_bundle(place, Problem::Nullable, key);
            }
            kinds.insert(value.clone(), argument.kind);
        }
        let values = of.keys().map(String::as_str).collect();
        self.choosers.push(Chooser { by, of: place.clone(), values, key: key.to_owned() });
        let variants = Variants { by: steps(by), of: kinds };
        Argument { kind: Kind::Variants(variants), nullable: false }
    }

    /// Restricts the arguments that choose a schema to the values that have one.
    pub(super) fn restrict_choosers(&mut self, input: &mut Record) {
        let choosers = std::mem::take(&mut self.choosers);
        for (position, chooser) in choosers.iter().enumerate() {
            let mut others = choosers.iter().take(position);
            let differs = |it: &Chooser<'_>| it.by == chooser.by && it.values != chooser.values;
            let restricted = if others.any(differs) {
                Err(chooser.unfit("has other values in another choice"))
            } else {
                chooser.restrict(input)
            };
            if let Err(problem) = restricted {
                self.problem_of_bundle(&chooser.of, problem, chooser.key.clone());
            }
        }
    }
}

impl Chooser<'_> {
    fn restrict(&self, input: &mut Record) -> Result<(), Problem> {
        let of = &self.of.path;
        let Some(inner) = self.by.strip_prefix(of).and_then(|it| it.strip_prefix('.')) else {
            let kind = input.kind_mut(&steps(self.by)).ok_or_else(|| self.no_string())?;
            return self.only(kind, &self.values);
        };
        // Inside the argument itself, each of its types describes the value by which it is chosen.
        let Some(Kind::Variants(variants)) = input.kind_mut(&steps(of)) else {
            return Err(self.no_string());
        };
        for (value, kind) in &mut variants.of {
            let Kind::Record(record) = kind else { return Err(self.no_string()) };
            let kind = record.kind_mut(&steps(inner)).ok_or_else(|| self.no_string())?;
            self.only(kind, &BTreeSet::from([value.as_str()]))?;
        }
        Ok(())
    }

    /// Restricts the type of the argument to some of its values.
    fn only(&self, kind: &mut Kind, values: &BTreeSet<&str>) -> Result<(), Problem> {
        let unknown = if let Kind::Text(text) = kind
            && text.is_plain()
        {
            let unknown = values.iter().find(|value| text.value(value).is_err());
            text.values = Some(values.iter().map(|value| (*value).to_owned()).collect());
            unknown
        } else if let Kind::Enum(Enumeration { values: known, .. }) = kind {
            let unknown = values.iter().find(|value| !known.contains_key(**value));
            known.retain(|value, _| values.contains(value.as_str()));
            unknown
        } else {
            return Err(self.no_string());
        };
        unknown.map_or(Ok(()), |value| {
            Err(Problem::NoSuchValue { by: self.by.to_owned(), value: (*value).to_owned() })
        })
    }

    fn no_string(&self) -> Problem {
        self.unfit("is no string argument outside of lists and unions")
    }

    fn unfit(&self, why: &'static str) -> Problem {
        Problem::Chooser(self.by.to_owned(), why)
    }
}

/// A schema for each value of another argument.
pub(crate) struct Selection<'a> {
    /// The dotted path of the other argument.
    pub(crate) by: &'a str,
    /// Its values, and a schema for each.
    pub(crate) of: &'a Map<String, Value>,
}

impl<'a> Selection<'a> {
    /// Reads an entry of `schemas`; `None` for a JSON Schema, which has neither `by` nor `of`.
    pub(crate) fn of(given: &'a Value) -> Option<Result<Self, Problem>> {
        let members = given.as_object()?;
        let (by, of) = (members.get("by"), members.get("of"));
        if by.is_none() && of.is_none() {
            return None;
        }
        Some(match (by.and_then(Value::as_str), of.and_then(Value::as_object)) {
            (Some(by), Some(of)) if members.len() == 2 && !of.is_empty() => Ok(Self { by, of }),
            _ => Err(Problem::Choice),
        })
    }
}

fn steps(path: &str) -> Vec<String> {
    path.split('.').map(ToOwned::to_owned).collect()
}
