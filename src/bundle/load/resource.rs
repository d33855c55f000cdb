//! Checks that the resources named by arguments fit the schema and the entities.

use cedar_policy::{Entities, Schema};

use super::cedar;
use crate::bundle::{Code, Document, Finding, Site};
use crate::identity::TypeName;
use crate::tool::{ResourceMark, Tool, UnknownResource};

/// Findings about resource types, from the author's schema alone.
pub(super) fn types(document: &Document, tools: &[Tool]) -> Vec<Finding> {
    let declared = cedar::author_schema(&document.schema);
    // A schema that does not parse is reported as a whole.
    if declared.is_null() {
        return Vec::new();
    }
    let identity = &document.manifest.identity;
    let workload = identity.workload.as_ref().map(|workload| &workload.entity_type);
    let is_principal =
        |name: &TypeName| identity.principal_types().any(|of| of == name) || Some(name) == workload;
    let problem = |name: &TypeName| match cedar::declaration(&declared, name) {
        None => Some(format!("entity type `{name}` is not declared in schema.cedarschema")),
        Some(_) if is_principal(name) => {
            Some(format!("`{name}` is the type of principals, which come from tokens"))
        }
        Some(declaration) if cedar::is_enumerated(declaration) => {
            Some(format!("`{name}` is enumerated in the schema, and its ids come from arguments"))
        }
        Some(_) => None,
    };
    let finding = |(tool, mark): (&Tool, &ResourceMark)| {
        let problem = problem(&mark.entity_type)?;
        Some(Finding::new(Code::ResourceMapping, site(tool, "type"), problem))
    };
    named(tools).filter_map(finding).collect()
}

/// Findings about the handling of resources that are not in the entity store.
pub(super) fn unknown(tools: &[Tool], schema: &Schema, entities: &Entities) -> Vec<Finding> {
    let is_empty = |name: &TypeName| {
        !entities.iter().any(|entity| entity.uid().type_name() == name.as_cedar())
    };
    let finding = |(tool, mark): (&Tool, &ResourceMark)| {
        let name = &mark.entity_type;
        match mark.unknown {
            UnknownResource::Refuse if is_empty(name) => {
                let message = format!("every call is refused: entities.yaml has no `{name}`");
                Some(Finding::new(Code::NoResource, site(tool, "type"), message))
            }
            UnknownResource::Refuse => None,
            UnknownResource::Evaluate => cedar::bare_fits(name, schema).err().map(|reason| {
                let message = format!("policies could not evaluate an unknown `{name}`: {reason}");
                let help = "make its attributes optional in the schema, or refuse it";
                let site = site(tool, "unknown");
                Finding::new(Code::ResourceMapping, site, message).with_help(help)
            }),
        }
    };
    named(tools).filter_map(finding).collect()
}

fn named(tools: &[Tool]) -> impl Iterator<Item = (&Tool, &ResourceMark)> {
    tools.iter().filter_map(|tool| Some((tool, tool.marks().resource.as_ref()?)))
}

fn site(tool: &Tool, key: &str) -> Site {
    let (server, name) = (tool.server(), tool.name());
    Site::Manifest(format!("servers.{server}.tools.{name}.resource.{key}"))
}
