//! Converts an operation to a tool: a name, a description, and one flat object of arguments.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::api::{Api, OPERATION};
use super::convert::{Direction, Schemas};
use crate::cli::output::escape::shown;

/// Header parameters that OpenAPI ignores, because other parts of the document describe them.
const NO_PARAMETERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// The argument for a body that is not a plain object.
const BODY: &str = "body";

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// An operation of a document.
pub(super) struct Operation<'a> {
    api: &'a Api<'a>,
    method: &'a str,
    path: &'a str,
    item: &'a Value,
    spec: &'a Value,
}

/// A parameter that becomes an argument.
struct Parameter<'a> {
    name: &'a str,
    location: &'a str,
    required: bool,
    schema: Value,
}

/// The arguments of a tool while they are collected.
#[derive(Default)]
struct Arguments {
    properties: Map<String, Value>,
    required: Vec<Value>,
    /// The place of each argument in the HTTP request.
    places: Map<String, Value>,
}

impl Arguments {
    fn add(
        &mut self,
        name: &str,
        schema: Value,
        required: bool,
        place: Value,
    ) -> Result<(), String> {
        if self.properties.insert(name.to_owned(), schema).is_some() {
            return Err(format!("two arguments would have the name `{}`", shown(name)));
        }
        if required {
            self.required.push(name.into());
        }
        self.places.insert(name.to_owned(), place);
        Ok(())
    }
}

impl<'a> Operation<'a> {
    pub(super) fn new(
        api: &'a Api<'a>,
        method: &'a str,
        path: &'a str,
        item: &'a Value,
        spec: &'a Value,
    ) -> Self {
        Self { api, method, path, item, spec }
    }

    /// The tool's name: the `operationId`, else method and path, with `_` for characters that are
    /// not allowed.
    pub(super) fn name(&self) -> String {
        let id = self.text("operationId").filter(|id| !id.is_empty());
        let name = id.map_or_else(|| format!("{}_{}", self.method, self.path), ToOwned::to_owned);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let pieces = name.split(|c| !plain(c)).map(|piece| piece.trim_matches('_'));
        if id.is_some_and(|id| id.chars().all(plain)) {
            return name;
        }
        pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("_")
    }

    /// Method and path.
    pub(super) fn place(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), shown(self.path))
    }

    /// The tool, or every part of the operation that a tool cannot express.
    pub(super) fn tool(&self) -> Result<Value, Vec<String>> {
        let mut errors = Vec::new();
        let mut schemas = Schemas::new(self.api, Direction::Request);
        let mut arguments = Arguments::default();
        let body = self.body(&mut schemas, &mut arguments).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        match self.parameters(&mut schemas) {
            Ok(parameters) => {
                errors.extend(self.undeclared(&parameters));
                errors.extend(add(&parameters, &mut arguments));
            }
            Err(found) => errors.extend(found),
        }
        let definitions = schemas.definitions().unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let output = self.output().unwrap_or_else(|error| {
            errors.push(format!("response: {error}"));
            None
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut input = json!({ "type": "object", "properties": arguments.properties });
        set(
            &mut input,
            "required",
            (!arguments.required.is_empty()).then(|| arguments.required.into()),
        );
        set(&mut input, "$defs", definitions);
        let mut operation = json!({
            "method": self.method.to_ascii_uppercase(),
            "path": self.path,
            "arguments": arguments.places,
        });
        set(&mut operation, "content_type", body.map(Value::from));
        let (summary, description) = (self.text("summary"), self.text("description"));
        let mut tool = json!({ "name": self.name() });
        set(&mut tool, "title", summary.filter(|_| description.is_some()).map(Value::from));
        set(&mut tool, "description", description.or(summary).map(Value::from));
        set(&mut tool, "inputSchema", Some(input));
        set(&mut tool, "outputSchema", output);
        set(&mut tool, "_meta", Some(json!({ OPERATION: operation })));
        Ok(tool)
    }

    fn text(&self, member: &str) -> Option<&'a str> {
        self.spec.get(member).and_then(Value::as_str)
    }

    /// The parameters of the path item and of the operation; the latter replace those with the same
    /// name and place. Cookies are left out: they concern client and server, not the call.
    fn parameters(&self, schemas: &mut Schemas<'_>) -> Result<Vec<Parameter<'a>>, Vec<String>> {
        let (mut errors, mut found) = (Vec::new(), BTreeMap::new());
        for owner in [self.item, self.spec] {
            let list = owner.get("parameters").and_then(Value::as_array);
            for parameter in list.into_iter().flatten() {
                match self.api.resolve(parameter) {
                    Ok(parameter) => {
                        let text = |member: &str| parameter.get(member).and_then(Value::as_str);
                        let (name, location) = (text("name"), text("in"));
                        let key = (location.unwrap_or_default(), name.unwrap_or_default());
                        found.insert(key, parameter);
                    }
                    Err(error) => errors.push(format!("parameter: {error}")),
                }
            }
        }
        let mut parameters = Vec::new();
        for ((location, name), parameter) in found {
            let ignored = NO_PARAMETERS.iter().any(|other| name.eq_ignore_ascii_case(other));
            match location {
                "header" if ignored => continue,
                "path" | "query" | "header" => {}
                "cookie" => continue,
                _ => {
                    let location = shown(location);
                    errors.push(format!(
                        "parameter `{}` is in `{location}`, which OpenAPI does not have",
                        shown(name)
                    ));
                    continue;
                }
            }
            match described(parameter).and_then(|schema| schemas.convert(schema)) {
                Ok(mut schema) => {
                    let description = parameter.get("description").cloned();
                    if schema.is_object() {
                        set(&mut schema, "description", description);
                    }
                    let required = parameter.get("required") == Some(&Value::Bool(true));
                    parameters.push(Parameter { name, location, required, schema });
                }
                Err(error) => errors.push(format!("parameter `{}`: {error}", shown(name))),
            }
        }
        if errors.is_empty() { Ok(parameters) } else { Err(errors) }
    }

    /// Placeholders in the path without a parameter.
    fn undeclared(&self, parameters: &[Parameter<'_>]) -> Vec<String> {
        let pieces = self.path.split('{').skip(1).filter_map(|piece| piece.split('}').next());
        let declared = |name: &str| {
            parameters
                .iter()
                .any(|parameter| parameter.location == "path" && parameter.name == name)
        };
        let missing = pieces.filter(|piece| !declared(piece));
        missing
            .map(|piece| format!("nothing describes `{{{}}}` of the path", shown(piece)))
            .collect()
    }

    /// Adds the members of the body, or the body as one argument, and returns its media type.
    fn body(
        &self,
        schemas: &mut Schemas<'_>,
        arguments: &mut Arguments,
    ) -> Result<Option<&'a str>, String> {
        let Some(body) = self.spec.get("requestBody") else { return Ok(None) };
        let body = self.api.resolve(body).map_err(|error| format!("body: {error}"))?;
        let content = body.get("content").and_then(Value::as_object);
        let Some((media_type, schema)) = content.and_then(body_content) else {
            let types = content.into_iter().flatten().map(|(media_type, _)| shown(media_type));
            let types = types.collect::<Vec<_>>().join("`, `");
            return Err(format!(
                "the body is `{types}`, and only JSON and `{FORM}` can become arguments"
            ));
        };
        let schema = schema.ok_or("the body has no schema")?;
        let required = body.get("required") == Some(&Value::Bool(true));
        let Some(object) = self.api.plain_object(schema) else {
            let schema = schemas.convert(schema).map_err(|error| format!("body: {error}"))?;
            arguments.add(BODY, schema, required, json!({ "in": "body" }))?;
            return Ok(Some(media_type));
        };
        let members = object.get("properties").and_then(Value::as_object);
        let needed = object.get("required").and_then(Value::as_array);
        for (name, member) in members.into_iter().flatten() {
            if schemas.goes_the_other_way(member) {
                continue;
            }
            let needed = required && needed.is_some_and(|names| names.iter().any(|n| n == name));
            let member = schemas.convert(member);
            let member = member.map_err(|error| format!("body: `{}`: {error}", shown(name)))?;
            arguments.add(name, member, needed, json!({ "in": "body", "name": name }))?;
        }
        Ok(Some(media_type))
    }

    /// The schema of the response, if it is an object: MCP has no other structured results.
    fn output(&self) -> Result<Option<Value>, String> {
        let responses = self.spec.get("responses");
        let statuses = ["200", "201", "202", "2XX", "default"];
        let Some(response) = responses.and_then(|all| statuses.iter().find_map(|s| all.get(s)))
        else {
            return Ok(None);
        };
        let content = self.api.resolve(response)?.get("content").and_then(Value::as_object);
        let Some((_, Some(schema))) = content.and_then(json_content) else { return Ok(None) };
        let is_object = self.api.plain_object(schema).is_some();
        if !is_object {
            return Ok(None);
        }
        let mut schemas = Schemas::new(self.api, Direction::Response);
        let converted = schemas.convert(schema)?;
        let mut output = match converted.get("$ref") {
            Some(reference) => json!({ "type": "object", "$ref": reference }),
            None => converted,
        };
        set(&mut output, "$defs", schemas.definitions()?);
        Ok(Some(output))
    }
}

/// Adds parameters. If another argument has the same name, the place is added to the name.
fn add(parameters: &[Parameter<'_>], arguments: &mut Arguments) -> Vec<String> {
    let taken = |name: &str, arguments: &Arguments| {
        let same = parameters.iter().filter(|parameter| parameter.name == name).count();
        same > 1
            || arguments
                .places
                .get(name)
                .is_some_and(|place| place.get("in") == Some(&json!("body")))
    };
    let mut errors = Vec::new();
    for Parameter { name, location, required, schema } in parameters {
        let argument =
            if taken(name, arguments) { format!("{name}__{location}") } else { (*name).to_owned() };
        let place = json!({ "in": location, "name": name });
        errors.extend(arguments.add(&argument, schema.clone(), *required, place).err());
    }
    errors
}

/// The schema of a parameter, which can be in one of two places.
fn described(parameter: &Value) -> Result<&Value, String> {
    let content = parameter.get("content").and_then(Value::as_object);
    let in_content = || content.and_then(json_content).and_then(|(_, schema)| schema);
    parameter.get("schema").or_else(in_content).ok_or_else(|| "it has no schema".to_owned())
}

/// The media type of a body that can become arguments: JSON, else a form, whose fields are read like
/// the members of an object.
fn body_content(content: &Map<String, Value>) -> Option<(&str, Option<&Value>)> {
    json_content(content).or_else(|| {
        let found = content.iter().find(|(name, _)| essence(name) == FORM);
        found.map(|(name, form)| (name.as_str(), form.get("schema")))
    })
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The JSON media type of a content: `application/json`, else the first `…+json`.
fn json_content(content: &Map<String, Value>) -> Option<(&str, Option<&Value>)> {
    let find = |fits: fn(&str) -> bool| content.iter().find(|(name, _)| fits(&essence(name)));
    let found =
        find(|name| name == "application/json").or_else(|| find(|name| name.ends_with("+json")));
    found.map(|(name, form)| (name.as_str(), form.get("schema")))
}

/// Sets an optional member.
fn set(object: &mut Value, member: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(member.to_owned(), value);
    }
}
