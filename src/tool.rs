//! A tool: its server's description, its entry in the inventory, and the types of its arguments.
//!
//! A tool is parsed once, when a bundle is built or loaded, from the JSON Schema of its arguments.
//! One typed tree then serves every call: it checks the arguments, builds the Cedar value for
//! policies, generates the tool's part of the Cedar schema, and redacts the copy for the record.

use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::Value;

use crate::json::{self, Object, Rendered};
use crate::policy::ArgumentValue;

mod alike;
mod allowance;
mod approval;
pub(crate) mod argument;
mod argument_error;
mod cedar;
mod collision;
mod counted;
mod forms;
pub(crate) mod given;
mod param_header;
mod labels;
mod list;
mod marks;
mod name;
mod noted;
pub(crate) mod number;
mod pattern;
mod patterns;
mod presence;
mod path;
mod pin;
mod problem;
mod redact;
pub(crate) mod resource;
mod root;
mod schema;
pub(crate) mod secret;
mod shape;
mod surroundings;
pub(crate) mod text;
mod time;
mod unfit;
mod uri;
mod uri_pattern;
mod value;
mod wraps;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::alike::folded;
pub use self::approval::APPROVE;
use self::argument::Record;
pub use self::argument_error::ArgumentError;
pub use self::collision::collisions;
pub use self::labels::{Label, REVEAL, ResultPath, Step, reveal_group};
pub use self::list::{ToolDescription, listed, read_tools};
pub use self::marks::{Marks, Withheld};
pub use self::name::{is_tool_name, is_wire_name, tool_names};
pub use self::noted::Noted;
pub use self::param_header::ParamHeader;
pub use self::patterns::{PATTERN, Pattern, Patterns};
pub use self::pin::Pin;
pub use self::problem::{Note, Problem, ToolError};
use self::resource::Source;
pub use self::resource::{ResourceMark, UnknownResource};
pub use self::surroundings::Surroundings;
pub use self::uri_pattern::UriPattern;
pub use self::value::{Inexact, Input};
pub use self::wraps::{Carried, WrapMark, Wraps};

/// The Cedar entity type of tool servers.
pub const SERVER: &str = "Server";

/// One tool of one server, or another method that policies decide: its arguments are then its params.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Whether it is a method, and not called by `tools/call`.
    is_method: bool,
    name: String,
    wire_name: String,
    server: String,
    qualified_name: String,
    action: Option<EntityUid>,
    server_entity: Option<EntityUid>,
    namespace: String,
    marks: Marks,
    pub(crate) input: Record,
    pub(crate) resource: Option<Source>,
    wraps: Option<Wraps>,
    patterns: Patterns,
    headers: Vec<ParamHeader>,
    notes: Vec<Note>,
    noted: Noted,
    pin: Pin,
    labels: Vec<Label>,
    /// The default resource of calls, in the form that records use.
    server_resource: Arc<str>,
}

/// Where a tool is in the bundle.
struct Place<'a> {
    server: &'a str,
    name: &'a str,
    namespace: String,
}

impl Tool {
    /// Parses a tool of `server` from its description. The error lists every problem. `name` is
    /// the tool's name in the bundle.
    pub fn new(
        server: &str,
        name: &str,
        description: &ToolDescription,
        marks: Marks,
        surroundings: &Surroundings,
    ) -> Result<Self, Vec<ToolError>> {
        let place = Place { server, name, namespace: cedar::namespace(server, name) };
        let (name, schema) = (description.name(), description.input_schema());
        Self::read(place, name, (schema, description.pin().clone()), marks, surroundings)
    }

    /// Parses a method of `server` from the schema of its params. No tool of a bundle has its name,
    /// which has a slash.
    pub fn of_method(
        server: &str,
        method: &str,
        schema: &Value,
        marks: Marks,
        surroundings: &Surroundings,
        patterns: Patterns,
    ) -> Result<Self, Vec<ToolError>> {
        let place =
            Place { server, name: method, namespace: cedar::method_namespace(server, method) };
        let tool = Self::read(place, method, (schema, Pin::of(schema)), marks, surroundings)?;
        Ok(Self { is_method: true, patterns, ..tool })
    }

    fn read(
        Place { server, name, namespace }: Place<'_>,
        wire_name: &str,
        (schema, pin): (&Value, Pin),
        marks: Marks,
        surroundings: &Surroundings,
    ) -> Result<Self, Vec<ToolError>> {
        let qualified_name = format!("{server}/{name}");
        let read = schema::read(schema, &namespace, &marks, surroundings);
        let headers = param_header::read(schema);
        let (input, headers) = match (read.problems.is_empty(), headers) {
            (true, Ok(headers)) => (read.input, headers),
            (_, headers) => {
                let error =
                    |argument: &str, problem| ToolError::new(&qualified_name, argument, problem);
                let problems = read.problems.into_iter();
                let problems =
                    problems.map(|found| error(&found.argument, found.problem).at(found.key));
                let headers = headers.err().into_iter().flatten();
                let headers = headers.map(|(argument, problem)| error(&argument, problem));
                return Err(problems.chain(headers).collect());
            }
        };
        let named = |mark: &ResourceMark| {
            let source = Source::find(&input, mark);
            source.map_err(|problem| vec![ToolError::new(&qualified_name, &mark.argument, problem)])
        };
        let resource = marks.resource.as_ref().map(named).transpose()?;
        let problem = |(key, problem)| ToolError::new(&qualified_name, "", problem).at(Some(key));
        let labels = labels::read(&qualified_name, &marks)
            .map_err(|problems| problems.into_iter().map(problem).collect::<Vec<_>>())?;
        let wraps = marks.wraps.as_ref().map(|mark| {
            Wraps::find(&input, mark, server).map_err(|(key, problem)| {
                let argument = if key == "tool" { &mark.tool } else { &mark.arguments };
                let error = ToolError::new(&qualified_name, argument, problem);
                vec![error.at(Some(format!("wraps.{key}")))]
            })
        });
        let wraps = wraps.transpose()?;
        Ok(Self {
            is_method: false,
            name: name.to_owned(),
            wire_name: wire_name.to_owned(),
            server: server.to_owned(),
            action: cedar::entity("Action", &qualified_name),
            server_entity: cedar::entity(SERVER, server),
            noted: Noted::new(&qualified_name, (wire_name != name).then_some(wire_name), &marks),
            qualified_name,
            namespace,
            server_resource: format!("{SERVER}::{server:?}").into(),
            marks,
            input,
            resource,
            wraps,
            patterns: Patterns::default(),
            headers,
            notes: read.notes,
            pin,
            labels,
        })
    }

    /// Whether it is another method than `tools/call`; its name on the wire is then the method.
    pub fn is_method(&self) -> bool {
        self.is_method
    }

    /// The action groups that it is in. A method is in none of tools, so that no permit for tools
    /// covers it.
    pub fn groups(&self) -> impl Iterator<Item = String> {
        let of_all = if self.is_method {
            format!("method:{}", self.name)
        } else {
            format!("server:{}", self.server)
        };
        let classes = self.marks.classes.iter().map(|class| format!("class:{class}"));
        std::iter::once(of_all).chain(classes)
    }

    /// The tool's name in the bundle.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tool's name on the wire, by which its server knows it.
    pub fn wire_name(&self) -> &str {
        &self.wire_name
    }

    /// The server that runs the tool.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The tool's name in policies, such as `crm/update_contact`.
    pub fn qualified_name(&self) -> &str {
        &self.qualified_name
    }

    /// The Cedar action of a call.
    pub fn action(&self) -> Option<&EntityUid> {
        self.action.as_ref()
    }

    /// The Cedar resource of a call that does not name one: the server.
    pub fn server_entity(&self) -> Option<&EntityUid> {
        self.server_entity.as_ref()
    }

    /// The tool's marks in the inventory.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The tool's fields in records.
    pub fn noted(&self) -> &Noted {
        &self.noted
    }

    /// The labels of its result.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// What a reviewer saw of the tool.
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// The arguments that an MCP 2026-07-28 client mirrors in `Mcp-Param-*` headers.
    pub fn headers(&self) -> &[ParamHeader] {
        &self.headers
    }

    /// Assertions of the argument schema that the gate does not enforce.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The Cedar namespace of the tool's types, such as `crm::update_contact`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The Cedar namespaces of the entity types that [`Self::input_type`] refers to.
    pub fn declarations(&self) -> String {
        cedar::declarations(&self.input)
    }

    /// The Cedar record type of `context.input`.
    pub fn input_type(&self) -> String {
        cedar::record_type(&self.input)
    }

    /// Checks the arguments of a call, within a limit of values, and builds `context.input`.
    pub fn arguments<'a>(
        &'a self,
        arguments: Option<&'a Object<'_>>,
        values: usize,
    ) -> Result<Input<'a>, ArgumentError> {
        value::input(&self.input, arguments, values)
    }

    /// Checks one argument, and builds its Cedar value with its name.
    pub fn argument<'a>(
        &'a self,
        name: &str,
        value: &'a json::Value<'_>,
    ) -> Result<(&'a str, ArgumentValue<'a>), ArgumentError> {
        let field = self.input.fields.get_key_value(name);
        let (name, field) = field.ok_or_else(|| ArgumentError::unknown(name))?;
        let walk = &mut value::Walk::of(None, usize::MAX);
        Ok((name, value::of_kind(&field.argument.kind, value, walk)?))
    }

    /// Whether the argument at this path names the resource of a call.
    pub fn is_resource(&self, path: &[&str]) -> bool {
        self.resource.as_ref().is_some_and(|resource| resource.path == path)
    }

    /// The resource that a call names in its arguments; `None` if the tool's resource is the
    /// server, or if the argument does not match the tool's schema.
    pub fn resource(&self, arguments: Option<&Object<'_>>) -> Option<EntityUid> {
        match &self.resource {
            Some(source) => source.entity(arguments),
            None => self.patterns.of(arguments).map(|pattern| pattern.entity.clone()),
        }
    }

    /// Whether calls have different resources, by their arguments.
    pub fn has_many_resources(&self) -> bool {
        self.resource.is_some() || !self.patterns.is_empty()
    }

    /// The dotted path of the argument that names the resource.
    pub fn resource_argument(&self) -> Option<&str> {
        let marked = self.marks.resource.as_ref().map(|mark| mark.argument.as_str());
        marked.or_else(|| (!self.patterns.is_empty()).then_some("uri"))
    }

    /// The patterns of resources that say what its calls are about.
    pub fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// An entity of the type of the resource that calls name in their arguments, with an empty id;
    /// `None` if the tool's resource is, or can be, the server.
    pub fn resource_without_id(&self) -> Option<EntityUid> {
        self.resource.as_ref().map(Source::without_id)
    }

    /// Where a call has the call inside it; `None` if the tool runs no other tool.
    pub fn wraps(&self) -> Option<&Wraps> {
        self.wraps.as_ref()
    }

    /// The resource of a call, redacted for records.
    pub fn recorded_resource(&self, arguments: Option<&Object<'_>>) -> Option<Arc<str>> {
        match (&self.resource, self.patterns.of(arguments)) {
            (Some(source), _) => source.recorded(arguments).map(Into::into),
            (None, Some(pattern)) => Some(Arc::clone(&pattern.recorded)),
            (None, None) => Some(Arc::clone(&self.server_resource)),
        }
    }

    /// The Cedar entity types of the resource, of which a call has one.
    pub fn resource_types(&self) -> Vec<String> {
        match &self.marks.resource {
            Some(mark) => vec![mark.entity_type.to_string()],
            None if self.patterns.is_empty() => vec![SERVER.to_owned()],
            None => vec![SERVER.to_owned(), PATTERN.to_owned()],
        }
    }

    /// The arguments of a call, valid or not, redacted for records; `None` if the result is longer
    /// than `longest` bytes. `carried` is shown in place of the arguments of an inner call; without
    /// it, they are left out.
    pub fn redacted(
        &self,
        arguments: Option<&Object<'_>>,
        carried: Option<&str>,
        longest: usize,
    ) -> Option<Rendered> {
        redact::input(&self.input, arguments, carried, longest)
    }
}
