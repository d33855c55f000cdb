//! JSON Schema → the type of the arguments, with all problems reported at once.
//!
//! This parses what tool servers emit (pydantic, zod), not all of JSON Schema: an argument without
//! a type is an error unless the inventory lists it as opaque, and assertions that the gate does
//! not enforce become notes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::argument::{Argument, Choice, Kind, Record};
use super::marks::Marks;
use super::path::{SchemaPath, is_inside};
use super::problem::{Note, Problem};
use super::surroundings::Surroundings;

/// The maximum nesting of types.
const MAX_DEPTH: usize = 32;
/// The maximum number of types of one tool, with references resolved.
const MAX_TYPES: usize = 4096;
/// Assertions that are never enforced.
const UNENFORCED: [&str; 10] = [
    "not",
    "if",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "minProperties",
    "maxProperties",
    "contains",
    "unevaluatedItems",
];
/// Assertions that are not enforced next to a `$ref`, or next to a union.
const BESIDE: [&str; 22] = [
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "uniqueItems",
];

/// The result of parsing a schema.
pub(super) struct Outcome {
    pub(super) input: Record,
    pub(super) problems: Vec<Found>,
    pub(super) notes: Vec<Note>,
}

/// A problem, and where it is.
#[derive(PartialEq)]
pub(super) struct Found {
    /// The dotted path of the argument.
    pub(super) argument: String,
    pub(super) problem: Problem,
    /// The key of the tool's entry in the inventory, if the problem is the bundle's.
    pub(super) key: Option<String>,
}

/// Parses the schema of a tool's arguments.
pub(super) fn read(
    root: &Value,
    namespace: &str,
    marks: &Marks,
    surroundings: &Surroundings,
) -> Outcome {
    let mut reader = Reader {
        source: Source { root, ..Source::default() },
        namespace,
        marks,
        surroundings,
        problems: Vec::new(),
        notes: BTreeSet::new(),
        listed: BTreeSet::new(),
        described: BTreeSet::new(),
        choosers: Vec::new(),
        names: BTreeMap::new(),
        depth: 0,
        types: 0,
    };
    let place = SchemaPath::root();
    let argument = reader.argument(root, &place);
    let mut input = if let Kind::Record(input) = argument.kind {
        input
    } else {
        if reader.problems.is_empty() {
            reader.problem(&place, Problem::NoObject);
        }
        Record::default()
    };
    reader.unlisted();
    if reader.problems.is_empty() {
        reader.restrict_choosers(&mut input);
    }
    Outcome { input, problems: reader.problems, notes: reader.notes.into_iter().collect() }
}

/// The state of parsing the schema of a tool.
pub(super) struct Reader<'a> {
    pub(super) source: Source<'a>,
    pub(super) namespace: &'a str,
    pub(super) marks: &'a Marks,
    pub(super) surroundings: &'a Surroundings,
    problems: Vec<Found>,
    notes: BTreeSet<Note>,
    /// Entries of `redact` and `opaque` that matched an argument.
    pub(super) listed: BTreeSet<&'a str>,
    /// Entries of `schemas` that matched an argument.
    pub(super) described: BTreeSet<&'a str>,
    /// The arguments that choose the schema of another.
    pub(super) choosers: Vec<Chooser<'a>>,
    /// The location of the type with each Cedar name.
    pub(super) names: BTreeMap<String, (SchemaPath, Vec<String>)>,
    depth: usize,
    types: usize,
}

/// The schema that is being parsed: the server's, or one of the bundle.
pub(super) struct Source<'a> {
    /// The schema as a whole, which references lead into.
    pub(super) root: &'a Value,
    /// The key of the tool's entry in the inventory, if it is the bundle's.
    pub(super) key: Option<String>,
    /// The parts of Cedar names that lead to it.
    pub(super) types: Vec<String>,
    /// The references that are being resolved.
    pub(super) references: Vec<&'a str>,
}

/// An argument that chooses the schema of another.
pub(super) struct Chooser<'a> {
    /// Its dotted path.
    pub(super) by: &'a str,
    /// The location of the other.
    pub(super) of: SchemaPath,
    /// The values that have a schema.
    pub(super) values: BTreeSet<&'a str>,
    /// The key of the tool's entry in the inventory.
    pub(super) key: String,
}

impl Default for Source<'_> {
    fn default() -> Self {
        Self { root: &Value::Null, key: None, types: Vec::new(), references: Vec::new() }
    }
}

impl<'a> Reader<'a> {
    /// Parses the type at a location.
    ///
    /// On an error the argument becomes opaque, so that the rest of the schema is parsed too.
    pub(super) fn argument(&mut self, schema: &'a Value, place: &SchemaPath) -> Argument {
        self.types = self.types.saturating_add(1);
        self.depth = self.depth.saturating_add(1);
        let read = if self.depth > MAX_DEPTH || self.types > MAX_TYPES {
            Err(Problem::TooLarge)
        } else {
            match schema {
                Value::Object(schema) => self.keywords(schema, place),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => Err(Problem::Untyped("it declares no type")),
            }
        };
        self.depth = self.depth.saturating_sub(1);
        read.unwrap_or_else(|problem| {
            self.problem(place, problem);
            Argument::opaque(Vec::new())
        })
    }

    /// Adds a problem, unless it was already reported for this path.
    pub(super) fn problem(&mut self, place: &SchemaPath, problem: Problem) {
        match self.source.key.clone() {
            None => self.add(Found { argument: place.path.clone(), problem, key: None }),
            Some(key) => self.problem_of_bundle(place, Problem::Given(Box::new(problem)), key),
        }
    }

    /// Adds a problem of an entry in the inventory.
    pub(super) fn problem_of_bundle(&mut self, place: &SchemaPath, problem: Problem, key: String) {
        self.add(Found { argument: place.path.clone(), problem, key: Some(key) });
    }

    fn add(&mut self, found: Found) {
        if !self.problems.contains(&found) {
            self.problems.push(found);
        }
    }

    /// Adds a note about an unenforced keyword.
    pub(super) fn note(&mut self, place: &SchemaPath, keyword: &'static str) {
        let key = self.source.key.clone();
        self.notes.insert(Note { argument: place.path.clone(), keyword, key });
    }

    fn note_present(
        &mut self,
        schema: &Map<String, Value>,
        place: &SchemaPath,
        keywords: &[&'static str],
    ) {
        for keyword in keywords.iter().filter(|keyword| schema.contains_key(**keyword)) {
            self.note(place, keyword);
        }
    }

    fn keywords(
        &mut self,
        schema: &'a Map<String, Value>,
        place: &SchemaPath,
    ) -> Result<Argument, Problem> {
        self.note_present(schema, place, &UNENFORCED);
        if let Some(reference) = schema.get("$ref") {
            self.note_present(schema, place, &BESIDE);
            return self.reference(reference, place);
        }
        if ["type", "enum", "const", "properties", "items", "prefixItems"]
            .iter()
            .any(|keyword| schema.contains_key(*keyword))
        {
            self.note_present(schema, place, &["anyOf", "oneOf", "allOf"]);
            return self.typed(schema, place);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            let Some(members) = schema.get(keyword) else { continue };
            let members = members.as_array().ok_or(Problem::Malformed(keyword))?;
            let beside: Vec<_> = BESIDE.into_iter().filter(|beside| *beside != keyword).collect();
            self.note_present(schema, place, &beside);
            return match (keyword, members.as_slice()) {
                ("allOf", [only]) => Ok(self.argument(only, place)),
                (_, members) if place.root && is_several(members) => {
                    self.note(place, keyword);
                    let record = self.object(schema, place)?;
                    Ok(Argument { kind: Kind::Record(record), nullable: false })
                }
                ("allOf", _) => Err(Problem::Untyped("`allOf` combines several types")),
                (_, members) => self.union(&members.iter().collect::<Vec<_>>(), place),
            };
        }
        Err(if place.root { Problem::NoObject } else { Problem::Untyped("it declares no type") })
    }

    fn reference(&mut self, reference: &'a Value, place: &SchemaPath) -> Result<Argument, Problem> {
        let reference = reference.as_str().ok_or(Problem::Malformed("$ref"))?;
        if self.source.references.contains(&reference) || reference == "#" {
            return Err(Problem::Recursive(reference.to_owned()));
        }
        let root = self.source.root;
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let target = target.ok_or_else(|| Problem::DanglingReference(reference.to_owned()))?;
        let name = ["#/$defs/", "#/definitions/"]
            .iter()
            .find_map(|prefix| reference.strip_prefix(prefix))
            .filter(|name| !name.contains('/'));
        let place = match name {
            Some(name) => place.definition(&self.source.types, name),
            None => place.clone(),
        };
        self.source.references.push(reference);
        let argument = self.argument(target, &place);
        self.source.references.pop();
        Ok(argument)
    }

    /// Parses a union; a union of one type and null is that type, nullable.
    pub(super) fn union(
        &mut self,
        members: &[&'a Value],
        place: &SchemaPath,
    ) -> Result<Argument, Problem> {
        let members = members.iter().copied();
        let types: Vec<_> =
            members.clone().enumerate().filter(|(_, member)| !is_null(member)).collect();
        let nullable = types.len() < members.len();
        if let [(_, only)] = types.as_slice() {
            let only = self.argument(only, place);
            return Ok(Argument { nullable: nullable || only.nullable, ..only });
        }
        let read = |(position, member): (usize, &'a Value)| {
            (position, self.argument(member, &place.part(&format!("TypeChoice{position}"))))
        };
        let read: Vec<_> = types.into_iter().map(read).collect();
        choices(read, nullable)
    }

    /// Reports inventory entries that match no argument, unless an error kept the parser from
    /// reaching them.
    fn unlisted(&mut self) {
        let Marks { redact, opaque, schemas, .. } = self.marks;
        let lists = [("redact", redact), ("opaque", opaque)];
        let listed = lists.iter().flat_map(|(list, paths)| paths.iter().map(|path| (*list, path)));
        let listed = listed.filter(|(_, path)| !self.listed.contains(path.as_str()));
        let described = schemas.keys().filter(|path| !self.described.contains(path.as_str()));
        let stopped = |path: &str| {
            let mut failed = self.problems.iter().map(|found| found.argument.as_str());
            failed.any(|failed| failed.is_empty() || is_inside(path, failed))
        };
        let unlisted: Vec<_> = listed
            .chain(described.map(|path| ("schemas", path)))
            .filter(|(_, path)| !stopped(path))
            .map(|(list, path)| Found {
                argument: path.clone(),
                problem: Problem::NoSuchArgument(list),
                key: (list == "schemas").then(|| format!("schemas.{path}")),
            })
            .collect();
        self.problems.extend(unlisted);
    }
}

/// Creates a union of types, each with its position in the schema.
pub(super) fn choices(read: Vec<(usize, Argument)>, nullable: bool) -> Result<Argument, Problem> {
    if read.is_empty() {
        return Err(Problem::Untyped("nothing but null is a value of it"));
    }
    let nullable = nullable || read.iter().any(|(_, argument)| argument.nullable);
    let choice = |(position, argument): (usize, Argument)| Choice { position, kind: argument.kind };
    let kind = Kind::Union(read.into_iter().map(choice).collect());
    Ok(Argument { kind, nullable })
}

/// Whether there are several types besides null.
fn is_several(members: &[Value]) -> bool {
    members.iter().filter(|member| !is_null(member)).nth(1).is_some()
}

pub(super) fn is_null(schema: &Value) -> bool {
    let null_type = schema.get("type").is_some_and(|kind| kind == "null");
    null_type || schema.get("const").is_some_and(Value::is_null)
}
