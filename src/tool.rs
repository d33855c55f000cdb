//! A tool: its server's description, its entry in the inventory, and the types of its arguments.
//!
//! A tool is parsed once, when a bundle is built or loaded, from the JSON Schema of its arguments.
//! One typed tree then serves every call: it checks the arguments, builds the Cedar value for
//! policies, generates the tool's part of the Cedar schema, and redacts the copy for the record.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::EntityUid;

use crate::json::{Object, Rendered};

mod alike;
mod allowance;
pub(crate) mod argument;
mod argument_error;
mod cedar;
mod forms;
pub(crate) mod given;
mod param_header;
mod labels;
mod list;
mod marks;
mod name;
pub(crate) mod number;
mod pattern;
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
mod value;
mod wraps;

#[cfg(test)]
pub(crate) mod tests;

use self::argument::Record;
pub use self::argument_error::ArgumentError;
pub use self::labels::{Label, ResultPath, Step, reveal_group};
pub use self::list::{ToolDescription, listed, read_tools};
pub use self::marks::{Marks, Withheld};
pub use self::name::{is_tool_name, is_wire_name, tool_names};
pub use self::param_header::ParamHeader;
pub use self::pin::Pin;
pub use self::problem::{Note, Problem, ToolError};
use self::resource::Source;
pub use self::resource::{ResourceMark, UnknownResource};
pub use self::surroundings::Surroundings;
pub use self::value::{Inexact, Input};
pub use self::wraps::{Carried, WrapMark, Wraps};

/// The Cedar entity type of tool servers.
pub const SERVER: &str = "Server";

/// One tool of one server.
#[derive(Clone, Debug)]
pub struct Tool {
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
    headers: Vec<ParamHeader>,
    notes: Vec<Note>,
    noted: Noted,
    pin: Pin,
    labels: Vec<Label>,
    /// The default resource of calls, in the form that records use.
    server_resource: Arc<str>,
}

/// The fields of a record that describe the tool.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The qualified name.
    pub name: Arc<str>,
    /// The name on the wire, if it is not the name in the bundle.
    pub wire_name: Option<Arc<str>>,
    /// As in [`Marks`].
    pub classes: Arc<[String]>,
    /// As in [`Marks`].
    pub data_class: Option<Arc<str>>,
    /// As in [`Marks`].
    pub operation: Option<Arc<str>>,
    /// As in [`Marks`].
    pub cost: Option<u32>,
}

impl Noted {
    fn new(name: &str, wire_name: Option<&str>, marks: &Marks) -> Self {
        Self {
            name: name.into(),
            wire_name: wire_name.map(Into::into),
            classes: marks.classes.as_slice().into(),
            data_class: marks.data_class.as_deref().map(Into::into),
            operation: marks.operation.as_deref().map(Into::into),
            cost: marks.cost,
        }
    }
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
        let namespace = cedar::namespace(server, name);
        let qualified_name = format!("{server}/{name}");
        let read = schema::read(description.input_schema(), &namespace, &marks, surroundings);
        let headers = param_header::read(description.input_schema());
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
        let wire_name = description.name();
        Ok(Self {
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
            headers,
            notes: read.notes,
            pin: description.pin().clone(),
            labels,
        })
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

    /// Whether the argument at this path names the resource of a call.
    pub fn is_resource(&self, path: &[&str]) -> bool {
        self.resource.as_ref().is_some_and(|resource| resource.path == path)
    }

    /// The resource that a call names in its arguments; `None` if the tool's resource is the
    /// server, or if the argument does not match the tool's schema.
    pub fn resource(&self, arguments: Option<&Object<'_>>) -> Option<EntityUid> {
        self.resource.as_ref()?.entity(arguments)
    }

    /// An entity of the type of the resource that calls name in their arguments, with an empty id;
    /// `None` if the tool's resource is the server.
    pub fn resource_without_id(&self) -> Option<EntityUid> {
        self.resource.as_ref().map(Source::without_id)
    }

    /// Where a call has the call inside it; `None` if the tool runs no other tool.
    pub fn wraps(&self) -> Option<&Wraps> {
        self.wraps.as_ref()
    }

    /// The resource of a call, redacted for records.
    pub fn recorded_resource(&self, arguments: Option<&Object<'_>>) -> Option<Arc<str>> {
        match &self.resource {
            Some(source) => source.recorded(arguments).map(Into::into),
            None => Some(Arc::clone(&self.server_resource)),
        }
    }

    /// The Cedar entity type of the resource.
    pub fn resource_type(&self) -> String {
        let named = self.marks.resource.as_ref();
        named.map_or_else(|| SERVER.to_owned(), |mark| mark.entity_type.to_string())
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

/// Finds tools of one bundle with the same Cedar namespace: one error for each except the first.
pub fn collisions(tools: &[Tool]) -> Vec<ToolError> {
    let mut owners = BTreeMap::new();
    let mut errors = Vec::new();
    for tool in tools {
        if let Some(owner) = owners.insert(tool.namespace(), tool.qualified_name()) {
            let problem = Problem::Collision(tool.namespace().to_owned(), format!("`{owner}`"));
            errors.push(ToolError::new(tool.qualified_name(), "", problem));
        }
    }
    errors
}
