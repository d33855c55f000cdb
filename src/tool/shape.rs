//! The typed part of JSON Schema: `type`, `enum`, `const`, and the keywords of each type.

use serde_json::{Map, Value};

use super::argument::{Argument, Field, Kind, Record, Set};
use super::cedar;
use super::forms::Forms;
use super::number::Range;
use super::path::{SchemaPath, is_inside};
use super::problem::Problem;
use super::schema::{Reader, choices};
use super::text::{Text, count};

type Schema = Map<String, Value>;

impl<'a> Reader<'a> {
    /// Parses a schema that names one type or several.
    pub(super) fn typed(
        &mut self,
        schema: &'a Schema,
        place: &SchemaPath,
    ) -> Result<Argument, Problem> {
        let values = values(schema)?;
        let types = types(schema, values.as_deref())?;
        let null_fits =
            values.as_ref().is_none_or(|values| values.iter().any(|value| value.is_null()));
        let nullable = types.contains(&"null") && null_fits;
        let mut named = Vec::new();
        for (position, name) in types.iter().enumerate().filter(|(_, name)| **name != "null") {
            let fitting = |value: &&&Value| is_of_type(value, name);
            let values =
                values.as_ref().map(|values| values.iter().filter(fitting).copied().collect());
            if !values.as_ref().is_some_and(Vec::is_empty) {
                named.push((position, *name, values));
            }
        }
        if let [(_, name, values)] = named.as_slice() {
            let kind = self.kind(name, schema, values.as_deref(), place)?;
            return Ok(Argument { kind, nullable });
        }
        if named.is_empty() && !nullable {
            return Err(Problem::Impossible);
        }
        let mut read = Vec::new();
        for (position, name, values) in named {
            let place = place.part(&format!("TypeChoice{position}"));
            let kind = self.kind(name, schema, values.as_deref(), &place)?;
            read.push((position, Argument { kind, nullable: false }));
        }
        choices(read, nullable)
    }

    fn kind(
        &mut self,
        name: &str,
        schema: &'a Schema,
        values: Option<&[&'a Value]>,
        place: &SchemaPath,
    ) -> Result<Kind, Problem> {
        match (name, values) {
            ("array" | "object", Some(_)) => Err(Problem::Untyped("its values are not simple")),
            ("boolean", values) => Ok(Kind::Bool(only_boolean(values))),
            ("integer" | "number", values) => {
                let (range, note) = Range::read(schema, values).map_err(Problem::Malformed)?;
                if let Some(keyword) = note {
                    self.note(place, keyword);
                }
                Ok(if name == "integer" { Kind::Long(range) } else { Kind::Decimal(range) })
            }
            ("string", values) => {
                let enumerated = values.filter(|_| !schema.contains_key("const"));
                let single = values.filter(|_| enumerated.is_none());
                let (text, note) = Text::read(schema, single).map_err(Problem::Malformed)?;
                if let Some(keyword) = note {
                    self.note(place, keyword);
                }
                match enumerated {
                    Some(values) => self.enumeration(values, &text, place),
                    None => Ok(Kind::Text(text)),
                }
            }
            ("array", None) => self.array(schema, place),
            ("object", None) => self.object(schema, place).map(Kind::Record),
            (unknown, _) => Err(Problem::UnknownType(unknown.to_owned())),
        }
    }

    /// The values that the other keywords of the schema admit too.
    fn enumeration(
        &mut self,
        values: &[&Value],
        text: &Text,
        place: &SchemaPath,
    ) -> Result<Kind, Problem> {
        let values = values.iter().filter_map(|value| value.as_str());
        let values = values
            .filter(|value| text.value(value).map_or_else(|unfit| unfit.fits_schema(), |_| true));
        let enumeration =
            cedar::enumeration(self.namespace, &place.types, &self.surroundings.types, values)
                .filter(|enumeration| !enumeration.values.is_empty())
                .ok_or(Problem::Impossible)?;
        let name = format!("{}::{}", enumeration.namespace, enumeration.name);
        let values: Vec<String> = enumeration.values.keys().cloned().collect();
        let (owner, its) =
            self.names.entry(name.clone()).or_insert_with(|| (place.clone(), values.clone()));
        // All references to one definition mean the same type. Both `$defs` and `definitions` may
        // contain it.
        let same = owner.types == place.types && owner.shared == place.shared && *its == values;
        if same {
            Ok(Kind::Enum(enumeration))
        } else {
            let owner = format!("argument `{}`", owner.path);
            Err(Problem::Collision(name, owner))
        }
    }

    fn array(&mut self, schema: &'a Schema, place: &SchemaPath) -> Result<Kind, Problem> {
        let items = schema.get("items");
        let tuple = schema.get("prefixItems").or(items.filter(|items| items.is_array()));
        if let Some(tuple) = tuple {
            return self.tuple(tuple, schema, place);
        }
        let items = items.filter(|items| items.as_object().is_some_and(|items| !items.is_empty()));
        let items = items.ok_or(Problem::Untyped("its elements have no type"))?;
        let unique = schema.get("uniqueItems").unwrap_or(&Value::Bool(false));
        Ok(Kind::Set(Set {
            items: Box::new(self.argument(items, place)),
            min: count(schema, "minItems").map_err(Problem::Malformed)?,
            max: count(schema, "maxItems").map_err(Problem::Malformed)?,
            unique: unique.as_bool().ok_or(Problem::Malformed("uniqueItems"))?,
        }))
    }

    fn tuple(
        &mut self,
        items: &'a Value,
        schema: &'a Schema,
        place: &SchemaPath,
    ) -> Result<Kind, Problem> {
        let items = items.as_array().ok_or(Problem::Malformed("prefixItems"))?;
        let more = ["items", "additionalItems"].iter().any(|keyword| {
            schema.get(*keyword).is_some_and(|more| more.is_object() || *more == true)
        });
        if more {
            return Err(Problem::Untyped("its elements are of different types"));
        }
        let element =
            |(position, item)| self.argument(item, &place.part(&format!("Proj{position}")));
        Ok(Kind::Tuple(items.iter().enumerate().map(element).collect()))
    }

    pub(super) fn object(
        &mut self,
        schema: &'a Schema,
        place: &SchemaPath,
    ) -> Result<Record, Problem> {
        let properties = match schema.get("properties") {
            None => None,
            Some(properties) => {
                Some(properties.as_object().ok_or(Problem::Malformed("properties"))?)
            }
        };
        let named = properties.is_some_and(|properties| !properties.is_empty());
        match schema.get("additionalProperties") {
            Some(Value::Object(more)) if !more.is_empty() && place.root => {
                self.note(place, "additionalProperties");
            }
            Some(Value::Object(more)) if !more.is_empty() => {
                return Err(Problem::Untyped("its members have no fixed names"));
            }
            Some(Value::Bool(false)) => {}
            Some(_) | None if !named && !place.root => {
                return Err(Problem::Untyped("its members have no type"));
            }
            Some(_) | None => {}
        }
        let required = required(schema)?;
        let mut record = Record::default();
        for (name, property) in properties.into_iter().flatten() {
            let field = self.field(name, &[property], required.contains(&name.as_str()), place);
            record.fields.insert(name.clone(), field);
        }
        if place.root {
            self.members_of_root(schema, &mut record, place)?;
        }
        let undescribed = required.into_iter().find(|name| !record.fields.contains_key(*name));
        undescribed.map_or(Ok(record), |name| Err(Problem::Undescribed(name.to_owned())))
    }

    /// Parses a member that these schemas describe.
    pub(super) fn field(
        &mut self,
        name: &str,
        schemas: &[&'a Value],
        required: bool,
        parent: &SchemaPath,
    ) -> Field {
        let place = parent.member(name);
        let redact = self.is_redacted(&place);
        let given = self.marks.schemas.get_key_value(&place.path);
        self.described.extend(given.map(|(path, _)| path.as_str()));
        let opaque = self.marks.opaque.iter().find(|path| **path == place.path);
        if self.marks.wraps.as_ref().is_some_and(|wraps| wraps.arguments == place.path) {
            self.listed.extend(opaque.map(String::as_str));
            let argument = self.carrier(schemas, required, given.is_some(), &place);
            return Field { argument, required, redact };
        }
        let argument = match (opaque, given) {
            (None, None) => self.described_by(schemas, &place),
            (None, Some((path, schema))) => {
                let given = self.given(path, schema, &place);
                // As with the required arguments, the server says whether there may be none.
                let nullable = given.nullable || schemas.iter().all(|schema| admits_null(schema));
                Argument { nullable, ..given }
            }
            (Some(path), given) => {
                self.listed.insert(path);
                if let Some((path, _)) = given {
                    let key = format!("schemas.{path}");
                    self.problem_of_bundle(&place, Problem::DescribedOpaque, key);
                }
                self.hidden(&place)
            }
        };
        Field { argument, required, redact }
    }

    /// An argument that carries the arguments of an inner call, whose tool has the schema of them.
    fn carrier(
        &mut self,
        schemas: &[&'a Value],
        required: bool,
        is_given: bool,
        place: &SchemaPath,
    ) -> Argument {
        let key = "wraps.arguments".to_owned();
        if is_given {
            let problem = "so `schemas` has to describe the arguments of the inner tools instead";
            self.problem_of_bundle(place, Problem::Wraps(problem), key.clone());
        }
        let has_default = |schema: &&Value| schema.get("default").is_some_and(|it| !is_empty(it));
        if !required && schemas.iter().any(has_default) {
            let problem =
                "but a call without it would run with its default, on which nobody decides";
            self.problem_of_bundle(place, Problem::Wraps(problem), key);
        }
        let carries = Some(Forms::of(self.source.root, schemas));
        let mut argument = self.hidden(place);
        if let Kind::Opaque(opaque) = &mut argument.kind {
            opaque.carries = carries;
        }
        argument
    }

    /// Whether the inventory redacts the argument at a location.
    pub(super) fn is_redacted(&mut self, place: &SchemaPath) -> bool {
        let redact = self.marks.redact.iter().find(|path| **path == place.path);
        self.listed.extend(redact.map(String::as_str));
        redact.is_some()
    }

    /// An argument that policies do not see.
    pub(super) fn hidden(&mut self, place: &SchemaPath) -> Argument {
        let marks = self.marks;
        let inner = marks.redact.iter().filter(|path| is_inside(path, &place.path));
        self.listed.extend(inner.clone().map(String::as_str));
        let skip = place.path.len().saturating_add(1);
        Argument::opaque(inner.filter_map(|path| path.get(skip..)).map(ToOwned::to_owned).collect())
    }
}

/// The values allowed by `const` or `enum`.
fn values(schema: &Schema) -> Result<Option<Vec<&Value>>, Problem> {
    if let Some(only) = schema.get("const") {
        return Ok(Some(vec![only]));
    }
    let Some(values) = schema.get("enum") else { return Ok(None) };
    let values = values.as_array().ok_or(Problem::Malformed("enum"))?;
    Ok(Some(values.iter().collect()))
}

/// The types given by `type`, or else inferred from the values, or else from the keywords.
fn types<'a>(schema: &'a Schema, values: Option<&[&Value]>) -> Result<Vec<&'a str>, Problem> {
    match (schema.get("type"), values) {
        (Some(Value::String(name)), _) => Ok(vec![name]),
        (Some(Value::Array(names)), _) => {
            let names: Option<Vec<_>> = names.iter().map(Value::as_str).collect();
            names.ok_or(Problem::Malformed("type"))
        }
        (Some(_), _) => Err(Problem::Malformed("type")),
        (None, Some(values)) => {
            let mut names = Vec::new();
            for name in values.iter().map(|value| type_of(value)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Ok(names)
        }
        (None, None) if schema.contains_key("properties") => Ok(vec!["object"]),
        (None, None) => Ok(vec!["array"]),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    let whole = || value.as_f64().is_some_and(|value| value.fract() == 0.0);
    match name {
        "number" => value.is_number(),
        "integer" => whole(),
        name => type_of(value) == name,
    }
}

fn only_boolean(values: Option<&[&Value]>) -> Option<bool> {
    let (first, rest) = values?.split_first()?;
    rest.iter().all(|value| value == first).then(|| first.as_bool()).flatten()
}

pub(super) fn required(schema: &Schema) -> Result<Vec<&str>, Problem> {
    let Some(required) = schema.get("required") else { return Ok(Vec::new()) };
    let names = required.as_array().map(|names| names.iter().map(Value::as_str).collect());
    names.flatten().ok_or(Problem::Malformed("required"))
}

/// Whether a default is as no arguments at all.
fn is_empty(default: &Value) -> bool {
    match default {
        Value::Null => true,
        Value::String(text) => ["", "{}", "null"].contains(&text.as_str()),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Whether a schema of the server admits null, as far as it says so itself.
fn admits_null(schema: &Value) -> bool {
    let is_null = |kind: &Value| kind == "null";
    let by_type = schema.get("type").is_some_and(|kind| {
        is_null(kind) || kind.as_array().is_some_and(|kinds| kinds.iter().any(is_null))
    });
    let members = ["anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword));
    by_type || members.filter_map(Value::as_array).flatten().any(admits_null)
}
