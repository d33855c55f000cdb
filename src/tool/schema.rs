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
    pub(super) problems: Vec<(String, Problem)>,
    pub(super) notes: Vec<Note>,
}

/// Parses the schema of a tool's arguments.
pub(super) fn read(
    root: &Value,
    namespace: &str,
    marks: &Marks,
    taken: &BTreeSet<String>,
) -> Outcome {
    let mut reader = Reader {
        root,
        namespace,
        marks,
        taken,
        problems: Vec::new(),
        notes: BTreeSet::new(),
        listed: BTreeSet::new(),
        names: BTreeMap::new(),
        references: Vec::new(),
        depth: 0,
        types: 0,
    };
    let place = SchemaPath::root();
    let argument = reader.argument(root, &place);
    let input = if let Kind::Record(input) = argument.kind {
        input
    } else {
        if reader.problems.is_empty() {
            reader.problem(&place, Problem::NoObject);
        }
        Record::default()
    };
    reader.unlisted();
    Outcome { input, problems: reader.problems, notes: reader.notes.into_iter().collect() }
}

/// The state of parsing one schema.
pub(super) struct Reader<'a> {
    root: &'a Value,
    pub(super) namespace: &'a str,
    pub(super) marks: &'a Marks,
    pub(super) taken: &'a BTreeSet<String>,
    problems: Vec<(String, Problem)>,
    notes: BTreeSet<Note>,
    /// Inventory entries that matched an argument.
    pub(super) listed: BTreeSet<&'a str>,
    /// The location of the type with each Cedar name.
    pub(super) names: BTreeMap<String, (SchemaPath, Vec<String>)>,
    /// The references that are being resolved.
    references: Vec<&'a str>,
    depth: usize,
    types: usize,
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
        let problem = (place.path.clone(), problem);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Adds a note about an unenforced keyword.
    pub(super) fn note(&mut self, place: &SchemaPath, keyword: &'static str) {
        self.notes.insert(Note { argument: place.path.clone(), keyword });
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
                ("allOf", _) => Err(Problem::Untyped("`allOf` combines several types")),
                (_, members) => self.union(members, place),
            };
        }
        Err(if place.root { Problem::NoObject } else { Problem::Untyped("it declares no type") })
    }

    fn reference(&mut self, reference: &'a Value, place: &SchemaPath) -> Result<Argument, Problem> {
        let reference = reference.as_str().ok_or(Problem::Malformed("$ref"))?;
        if self.references.contains(&reference) || reference == "#" {
            return Err(Problem::Recursive(reference.to_owned()));
        }
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let target = target.ok_or_else(|| Problem::DanglingReference(reference.to_owned()))?;
        let name = ["#/$defs/", "#/definitions/"]
            .iter()
            .find_map(|prefix| reference.strip_prefix(prefix))
            .filter(|name| !name.contains('/'));
        let place = name.map_or_else(|| place.clone(), |name| place.definition(name));
        self.references.push(reference);
        let argument = self.argument(target, &place);
        self.references.pop();
        Ok(argument)
    }

    /// Parses a union; a union of one type and null is that type, nullable.
    fn union(&mut self, members: &'a [Value], place: &SchemaPath) -> Result<Argument, Problem> {
        let types: Vec<_> =
            members.iter().enumerate().filter(|(_, member)| !is_null(member)).collect();
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
        let lists = [("redact", &self.marks.redact), ("opaque", &self.marks.opaque)];
        let entries = lists.iter().flat_map(|(list, paths)| paths.iter().map(|path| (*list, path)));
        let stopped = |path: &str| {
            let mut failed = self.problems.iter().map(|(failed, _)| failed.as_str());
            failed.any(|failed| failed.is_empty() || is_inside(path, failed))
        };
        let unlisted: Vec<_> = entries
            .filter(|(_, path)| !self.listed.contains(path.as_str()) && !stopped(path))
            .map(|(list, path)| (path.clone(), Problem::NoSuchArgument(list)))
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

fn is_null(schema: &Value) -> bool {
    let null_type = schema.get("type").is_some_and(|kind| kind == "null");
    null_type || schema.get("const").is_some_and(Value::is_null)
}
