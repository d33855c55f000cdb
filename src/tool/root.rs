//! The root of a schema: the arguments as a whole.
//!
//! Besides the members that `properties` names, a call can have those that the branches of a union
//! name, those that the bundle passes on unread, and those that clients add to every call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::alike::folded;
use super::argument::{Argument, Choice, Field, Kind, Opaque, Record, Rest};
use super::path::{SchemaPath, is_inside};
use super::problem::Problem;
use super::schema::{Reader, is_null};
use super::secret::is_telling;
use super::shape::required;
use super::text::Text;

type Schema = Map<String, Value>;
/// A member that branches of the root name.
type Member<'a> = (&'a String, Vec<&'a Value>, bool);

/// Stands in `opaque` for every argument that the root does not name.
const ANY: &str = "*";
/// The number of references from a branch that are followed.
const FOLLOWED: usize = 16;

impl<'a> Reader<'a> {
    /// Adds the members that `properties` does not name.
    pub(super) fn members_of_root(
        &mut self,
        schema: &'a Schema,
        record: &mut Record,
        root: &SchemaPath,
    ) -> Result<(), Problem> {
        let needed = required(schema)?;
        for (name, schemas, always) in self.members_of_branches(schema)? {
            let required = always || needed.contains(&name.as_str());
            let field = || self.field(name, &schemas, required, root);
            record.fields.entry(name.clone()).or_insert_with(field);
        }
        let names_none = record.fields.is_empty() && takes_unnamed(schema);
        let any = self.marks.opaque.iter().find(|path| *path == ANY);
        let any = any.filter(|_| schema.get("additionalProperties") != Some(&Value::Bool(false)));
        if names_none || any.is_some() {
            self.add_described(record, &needed, root);
        }
        match any {
            Some(any) => {
                self.listed.insert(any);
                self.add_unread(record, needed.iter().copied(), &needed, root);
                record.rest = Some(self.rest(record));
            }
            None if names_none && record.fields.is_empty() => return Err(Problem::Unnamed),
            None => {
                let ignored = self.surroundings.ignored.iter().map(String::as_str);
                self.add_unread(record, ignored, &needed, root);
            }
        }
        Ok(())
    }

    /// Adds the members that only the bundle describes.
    fn add_described(&mut self, record: &mut Record, needed: &[&str], root: &SchemaPath) {
        let names = self.marks.schemas.keys();
        for name in names.filter(|name| *name != ANY && !name.contains('.')) {
            let field = || self.field(name, &[], needed.contains(&name.as_str()), root);
            record.fields.entry(name.clone()).or_insert_with(field);
        }
    }

    /// Adds members that no schema describes, except for those whose name is like that of another:
    /// the tool could take it for the other.
    fn add_unread<'n>(
        &mut self,
        record: &mut Record,
        names: impl Iterator<Item = &'n str>,
        needed: &[&str],
        root: &SchemaPath,
    ) {
        let known: BTreeSet<String> = record.fields.keys().map(|name| folded(name)).collect();
        for name in names.filter(|name| !known.contains(&folded(name))) {
            let place = root.member(name);
            let redact = self.is_redacted(&place) || is_telling(name);
            let (argument, required) = (self.hidden(&place), needed.contains(&name));
            record.fields.insert(name.to_owned(), Field { argument, required, redact });
        }
    }

    /// The type that one schema describes, or several that may each be meant.
    pub(super) fn described_by(&mut self, schemas: &[&'a Value], place: &SchemaPath) -> Argument {
        if let [only] = schemas {
            return self.argument(only, place);
        }
        self.union(schemas, place).map(united).unwrap_or_else(|problem| {
            self.problem(place, problem);
            Argument::opaque(Vec::new())
        })
    }

    /// What members that the root does not name are: opaque, with all that is redacted in no other.
    fn rest(&mut self, record: &Record) -> Rest {
        let names = || record.fields.keys();
        let is_named = |path: &str| names().any(|name| path == name || is_inside(path, name));
        let marks = self.marks;
        let redact = marks.redact.iter().filter(|path| !is_named(path));
        self.listed.extend(redact.clone().map(String::as_str));
        let opaque = Opaque { redact: redact.cloned().collect(), carries: None };
        Rest { opaque, named: names().map(|name| folded(name)).collect() }
    }

    /// The members that the branches of a union name, each with its different schemas, and whether
    /// all branches require it; none if a branch is anything but an object with members.
    fn members_of_branches(&self, schema: &'a Schema) -> Result<Vec<Member<'a>>, Problem> {
        let branches = self.branches(schema).unwrap_or_default();
        let mut members: BTreeMap<&String, (Vec<&Value>, usize)> = BTreeMap::new();
        for branch in &branches {
            let needed = required(branch)?;
            for (name, schema) in properties(branch).into_iter().flatten() {
                let (schemas, needing) = members.entry(name).or_default();
                if !schemas.contains(&schema) {
                    schemas.push(schema);
                }
                let is_needed = needed.contains(&name.as_str());
                *needing = needing.saturating_add(usize::from(is_needed));
            }
        }
        let member = |(name, (schemas, needing)): (&'a String, (Vec<&'a Value>, usize))| {
            (name, schemas, needing == branches.len())
        };
        Ok(members.into_iter().map(member).collect())
    }

    fn branches(&self, schema: &'a Schema) -> Option<Vec<&'a Schema>> {
        let union = ["oneOf", "anyOf"].iter().find_map(|keyword| schema.get(*keyword))?;
        let branches = union.as_array()?.iter().filter(|branch| !is_null(branch));
        branches.map(|branch| self.branch(branch)).collect()
    }

    fn branch(&self, schema: &'a Value) -> Option<&'a Schema> {
        let mut schema = schema.as_object()?;
        for _ in 0..FOLLOWED {
            let Some(reference) = schema.get("$ref") else {
                let is_object = schema.get("type").is_none_or(|kind| kind == "object");
                return properties(schema).filter(|_| is_object).map(|_| schema);
            };
            let pointer = reference.as_str()?.strip_prefix('#')?;
            schema = self.source.root.pointer(pointer)?.as_object()?;
        }
        None
    }
}

/// The type of a member that several branches describe: string constants together are a string.
fn united(argument: Argument) -> Argument {
    let Kind::Union(choices) = &argument.kind else { return argument };
    let constant = |choice: &Choice| {
        if let Kind::Text(text) = &choice.kind { text.constants() } else { None }
    };
    let constants: Option<Vec<_>> = choices.iter().map(constant).collect();
    match constants {
        Some(constants) => {
            let kind = Kind::Text(Text::of_constants(constants.concat()));
            Argument { kind, ..argument }
        }
        None => argument,
    }
}

/// Whether the arguments are described by anything but names: what values or patterns of names they
/// have, or in which branches of a union.
fn takes_unnamed(schema: &Schema) -> bool {
    let any = match schema.get("additionalProperties") {
        // Beside an empty `properties`, this is what libraries write for a tool without arguments.
        Some(Value::Bool(any)) => *any && !schema.contains_key("properties"),
        Some(Value::Object(more)) => !more.is_empty() || !schema.contains_key("properties"),
        _ => false,
    };
    let is_filled = |keyword: &&str| match schema.get(*keyword) {
        Some(Value::Object(members)) => !members.is_empty(),
        Some(Value::Array(branches)) => !branches.is_empty(),
        _ => false,
    };
    any || ["patternProperties", "oneOf", "anyOf", "allOf"].iter().any(is_filled)
}

fn properties(schema: &Schema) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}
