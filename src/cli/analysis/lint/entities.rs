//! Finds entities in policies that no principal, action or resource can be or be in.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::str::FromStr as _;

use cedar_policy::{EntityTypeName, EntityUid, SchemaFragment};
use serde_json::Value;

use super::world::{Read, World};
use crate::bundle::{Code, Document, Finding, Site};
use crate::cli::output::fuzzy_match;
use crate::identity::{IdentityMapping, TypeName};
use crate::tool::{PATTERN, UnknownResource};

/// The possible entities.
pub(super) struct Population {
    /// Declared ids by type.
    declared: BTreeMap<EntityTypeName, BTreeSet<String>>,
    /// Types whose entities come from tokens, certificates and arguments. They are closed once the
    /// bundle declares some of their entities.
    claimed: HashSet<EntityTypeName>,
    /// Types of principals, their parents and actors.
    identified: HashSet<EntityTypeName>,
    /// Types without findings here: principals are never declared, and Cedar checks enumerations.
    open: HashSet<EntityTypeName>,
}

impl Population {
    pub(super) fn of(world: &World<'_>) -> Self {
        let document = world.document;
        let identity = &document.manifest.identity;
        let mut population = Self {
            declared: BTreeMap::new(),
            claimed: claimed(document),
            identified: in_identity(identity),
            open: enumerated(world.schema_text),
        };
        population.open.extend(principals(identity));
        population.open.extend(EntityTypeName::from_str("Action"));
        for server in document.manifest.servers.keys() {
            population.declare("Server", server);
        }
        for (server, notes) in &document.manifest.servers {
            for name in notes.resources.keys() {
                population.declare(PATTERN, &format!("{server}/{name}"));
            }
        }
        for agent in identity.actor.spiffe.values() {
            population.declare(&identity.actor.entity_type.to_string(), agent);
        }
        for source in &document.entities {
            let uids = std::iter::once(&source.uid).chain(&source.parents);
            let uids = uids.enumerate().filter_map(|(position, text)| {
                let uid = EntityUid::from_str(text).ok()?;
                // A parent needs a declaration of its own, unless its type comes with requests.
                (position == 0 || population.claimed.contains(uid.type_name())).then_some(uid)
            });
            for uid in uids.collect::<Vec<_>>() {
                population.add(&uid);
            }
        }
        population
    }

    fn declare(&mut self, kind: &str, id: &str) {
        if let Ok(kind) = EntityTypeName::from_str(kind) {
            self.declared.entry(kind).or_default().insert(id.to_owned());
        }
    }

    fn add(&mut self, uid: &EntityUid) {
        let ids = self.declared.entry(uid.type_name().clone()).or_default();
        ids.insert(uid.id().unescaped().to_owned());
    }

    /// The finding about an entity that is not possible.
    fn doubt(&self, uid: &EntityUid) -> Option<(String, String)> {
        let kind = uid.type_name();
        let id: &str = uid.id().unescaped();
        let declared = self.declared.get(kind);
        let is_open = self.open.contains(kind)
            || (declared.is_none() && self.claimed.contains(kind))
            || declared.is_some_and(|ids| ids.contains(id));
        if is_open {
            return None;
        }
        let near =
            declared.and_then(|ids| fuzzy_match::nearest(id, ids.iter().map(String::as_str)));
        let help = match near {
            Some(near) => format!("did you mean `{kind}::\"{near}\"`?"),
            None if kind.to_string() == "Server" => "servers are named in `bundle.yaml`".to_owned(),
            None if kind.to_string() == PATTERN => {
                "patterns are named in `resources` of a server".to_owned()
            }
            None => "declare it in `entities.yaml`, or correct it".to_owned(),
        };
        Some((format!("there is no `{uid}`"), help))
    }

    /// Whether entities of a type come from tokens and certificates alone.
    pub(super) fn is_from_tokens(&self, kind: &EntityTypeName) -> bool {
        self.identified.contains(kind) && !self.declared.contains_key(kind)
    }

    /// Checks the entities in a policy.
    pub(super) fn check(&self, read: &Read<'_>, findings: &mut Vec<Finding>) {
        let literals: BTreeSet<EntityUid> = read.policy.entity_literals().into_iter().collect();
        for uid in literals {
            if let Some((message, help)) = self.doubt(&uid) {
                // Such a forbid protects nothing.
                let code =
                    if read.is_permit() { Code::UnknownEntity } else { Code::UnknownInForbid };
                let finding = read.finding_at(&uid.to_string(), code, message);
                findings.push(finding.with_help(help));
            }
        }
    }

    /// Checks the parents in `entities.yaml`.
    pub(super) fn parents(&self, document: &Document, findings: &mut Vec<Finding>) {
        for (position, source) in document.entities.iter().enumerate() {
            for parent in source.parents.iter().filter_map(|text| EntityUid::from_str(text).ok()) {
                if let Some((message, help)) = self.doubt(&parent) {
                    let message = format!("parent of `{}`: {message}", source.uid);
                    let finding =
                        Finding::new(Code::UnknownEntity, Site::Entity(position), message);
                    findings.push(finding.with_help(help));
                }
            }
        }
    }
}

fn principals(identity: &IdentityMapping) -> impl Iterator<Item = EntityTypeName> {
    let workload = identity.workload.iter().map(|workload| &workload.entity_type);
    identity.principal_types().chain(workload).map(|name| name.as_cedar().clone())
}

/// The types of actors, and of the parents of principals.
fn attached(identity: &IdentityMapping) -> impl Iterator<Item = &TypeName> {
    let parents = identity.principal.iter().flat_map(|each| &each.parents);
    parents.map(|parent| &parent.entity_type).chain([&identity.actor.entity_type])
}

fn in_identity(identity: &IdentityMapping) -> HashSet<EntityTypeName> {
    principals(identity).chain(attached(identity).map(|name| name.as_cedar().clone())).collect()
}

fn claimed(document: &Document) -> HashSet<EntityTypeName> {
    let types = attached(&document.manifest.identity);
    let servers = document.manifest.servers.values();
    let marks = servers.flat_map(|server| server.tools.values());
    let resources = marks.filter_map(|marks| marks.resource.as_ref());
    let open = resources.filter(|resource| resource.unknown == UnknownResource::Evaluate);
    let types = types.chain(open.map(|resource| &resource.entity_type));
    types.map(|name| name.as_cedar().clone()).collect()
}

/// Types whose entities are enumerated in the schema.
fn enumerated(schema: &str) -> HashSet<EntityTypeName> {
    let fragment = SchemaFragment::from_str(schema).ok();
    let json = fragment.and_then(|fragment| fragment.to_json_value().ok()).unwrap_or_default();
    let namespaces = json.as_object().into_iter().flatten();
    let types = namespaces.flat_map(|(namespace, content)| {
        let types = content.get("entityTypes").and_then(Value::as_object).into_iter().flatten();
        types.filter(|(_, content)| content.get("enum").is_some()).map(move |(name, _)| {
            if namespace.is_empty() { name.clone() } else { format!("{namespace}::{name}") }
        })
    });
    types.filter_map(|name| name.parse().ok()).collect()
}
