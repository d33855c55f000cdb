//! Converts OpenAPI schemas to self-contained JSON Schema, with the required components in `$defs`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::api::Api;
use crate::cli::output::escape::shown;

const COMPONENTS: &str = "#/components/schemas/";

/// The direction of the described values. Some properties are only sent in one direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Direction {
    Request,
    Response,
}

/// The schemas of one tool during conversion.
pub(super) struct Schemas<'a> {
    api: &'a Api<'a>,
    direction: Direction,
    /// Referenced components.
    needed: BTreeSet<String>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(api: &'a Api<'a>, direction: Direction) -> Self {
        Self { api, direction, needed: BTreeSet::new() }
    }

    /// Converts a schema to JSON Schema.
    pub(super) fn convert(&mut self, schema: &Value) -> Result<Value, String> {
        let Value::Object(members) = schema else { return Ok(schema.clone()) };
        if let Some(reference) = members.get("$ref") {
            return self.reference(reference, members);
        }
        let flat = self.flat(members);
        let members = flat.as_ref().unwrap_or(members);
        let mut converted = Map::new();
        for (keyword, value) in members {
            converted.insert(keyword.clone(), self.keyword(keyword, value)?);
        }
        self.drop_one_way(members, &mut converted);
        if self.api.is_3_0 {
            exclusive(&mut converted, "minimum", "exclusiveMinimum");
            exclusive(&mut converted, "maximum", "exclusiveMaximum");
            return Ok(nullable(converted));
        }
        Ok(Value::Object(converted))
    }

    /// The definitions that converted schemas refer to, transitively.
    pub(super) fn definitions(mut self) -> Result<Option<Value>, String> {
        let mut definitions: BTreeMap<String, Value> = BTreeMap::new();
        while let Some(name) = self.needed.pop_first() {
            if definitions.contains_key(&name) {
                continue;
            }
            let component = self.api.document.pointer(&format!("/components/schemas/{name}"));
            let component = component.cloned().ok_or_else(|| dangling(&name))?;
            let converted = self.convert(&component)?;
            definitions.insert(name, converted);
        }
        let definitions: Map<String, Value> = definitions.into_iter().collect();
        Ok((!definitions.is_empty()).then_some(Value::Object(definitions)))
    }

    fn reference(
        &mut self,
        reference: &Value,
        members: &Map<String, Value>,
    ) -> Result<Value, String> {
        let reference = reference.as_str().unwrap_or_default();
        let Some(name) = reference.strip_prefix(COMPONENTS) else {
            let what =
                "is no reference into `#/components/schemas/`, which alone can be taken over";
            return Err(format!("`{}` {what}", shown(reference)));
        };
        let component = name.split('/').next().unwrap_or_default();
        if self.api.document.pointer(&format!("/components/schemas/{name}")).is_none() {
            return Err(dangling(name));
        }
        self.needed.insert(component.to_owned());
        let mut converted = Map::from_iter([("$ref".to_owned(), json!(format!("#/$defs/{name}")))]);
        if !self.api.is_3_0 {
            for (keyword, value) in members.iter().filter(|(keyword, _)| *keyword != "$ref") {
                converted.insert(keyword.clone(), self.keyword(keyword, value)?);
            }
        }
        Ok(Value::Object(converted))
    }

    /// An `allOf` of plain objects as one object.
    fn flat(&self, members: &Map<String, Value>) -> Option<Map<String, Value>> {
        let parts = members.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        if parts < 2 {
            return None;
        }
        let object = self.api.plain_object(&Value::Object(members.clone()))?;
        let mut flat: Map<String, Value> = members
            .iter()
            .filter(|(keyword, _)| *keyword != "allOf")
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        flat.insert("type".to_owned(), json!("object"));
        flat.extend(object);
        Some(flat)
    }

    fn keyword(&mut self, keyword: &str, value: &Value) -> Result<Value, String> {
        match (keyword, value) {
            ("properties" | "patternProperties" | "dependentSchemas", Value::Object(members)) => {
                let convert =
                    |(name, schema): (&String, &Value)| Ok((name.clone(), self.convert(schema)?));
                members.iter().map(convert).collect::<Result<Value, String>>()
            }
            (
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames",
                schema,
            ) => self.convert(schema),
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter().map(|schema| self.convert(schema)).collect::<Result<Value, String>>()
            }
            _ => Ok(value.clone()),
        }
    }

    /// Removes properties that are not sent in this direction.
    fn drop_one_way(&self, members: &Map<String, Value>, converted: &mut Map<String, Value>) {
        let one_way: Vec<&String> = members
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, schema)| self.goes_the_other_way(schema))
            .map(|(name, _)| name)
            .collect();
        if let Some(Value::Object(properties)) = converted.get_mut("properties") {
            properties.retain(|name, _| !one_way.contains(&name));
        }
        if let Some(Value::Array(required)) = converted.get_mut("required") {
            required.retain(|name| !one_way.iter().any(|other| name == other.as_str()));
        }
    }

    /// Whether a property is for the other direction only.
    pub(super) fn goes_the_other_way(&self, schema: &Value) -> bool {
        let mark = match self.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        schema.get(mark).is_some_and(|mark| *mark == Value::Bool(true))
    }
}

fn dangling(name: &str) -> String {
    format!("`{COMPONENTS}{}` refers to nothing in this document", shown(name))
}

/// 3.0 marks a bound as exclusive; JSON Schema has a keyword for the exclusive bound.
fn exclusive(schema: &mut Map<String, Value>, bound: &str, exclusive: &str) {
    match schema.get(exclusive) {
        Some(Value::Bool(true)) => match schema.remove(bound) {
            Some(value) => drop(schema.insert(exclusive.to_owned(), value)),
            None => drop(schema.remove(exclusive)),
        },
        Some(Value::Bool(false)) => drop(schema.remove(exclusive)),
        _ => {}
    }
}

/// 3.0 marks a schema as nullable; JSON Schema has the type null.
fn nullable(mut schema: Map<String, Value>) -> Value {
    if schema.remove("nullable") != Some(Value::Bool(true)) {
        return Value::Object(schema);
    }
    match schema.get("type") {
        Some(Value::String(kind)) => {
            let kinds = json!([kind, "null"]);
            schema.insert("type".to_owned(), kinds);
            if let Some(Value::Array(values)) = schema.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
            Value::Object(schema)
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}
