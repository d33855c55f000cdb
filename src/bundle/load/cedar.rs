//! The Cedar parts of a document (schema, policies and entities), checked by Cedar itself.

mod codes;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr as _;

use cedar_policy::{
    CedarSchemaError, Entities, Entity, EntityId, EntityUid, Policy, PolicyId, PolicySet,
    RestrictedExpression as Expression, Schema, SchemaFragment, SchemaWarning, ValidationMode,
    Validator,
};
use miette::Diagnostic;
use serde_json::{Value, json};

use crate::bundle::{
    Code, Document, EntitySource, Finding, Layer, LayerName, Policies, PolicySource, Site,
};
use crate::identity::{ClaimType, IdentityMapping, IdentityMode, PrincipalMapping, TypeName};
use crate::tool::{PATTERN, SERVER};

use super::methods;

/// The deepest nesting of a policy in Cedar JSON, where an operator takes two levels. Cedar
/// evaluates recursively; the limit is a sixth of the depth that the filter's stack was measured to
/// bear.
const DEEPEST: usize = 500;

/// The author's schema in Cedar JSON; null if it does not parse, which is reported when the
/// complete schema is parsed.
pub(super) fn author_schema(schema: &str) -> Value {
    let fragment = SchemaFragment::from_str(schema).ok();
    fragment.and_then(|fragment| fragment.to_json_value().ok()).unwrap_or_default()
}

/// A schema that does not parse. Positions beyond the author's text are dropped: they point into
/// generated text.
pub(super) fn schema_error(error: &CedarSchemaError, author: &str) -> Finding {
    let finding = Finding::new(Code::Schema, Site::Schema, chain(error)).located_by(error);
    let inside = finding.span.as_ref().is_some_and(|span| span.end <= author.len());
    Finding { span: finding.span.clone().filter(|_| inside), ..finding }
}

pub(super) fn schema_warnings(
    warnings: impl Iterator<Item = SchemaWarning>,
) -> impl Iterator<Item = Finding> {
    warnings.map(|warning| {
        let finding = Finding::new(Code::HiddenType, Site::Schema, warning.to_string());
        finding.located_by(&warning)
    })
}

/// The policies of every layer that parse.
pub(super) fn policies(
    document: &Document,
    findings: &mut Vec<Finding>,
) -> Vec<(LayerName, PolicySet)> {
    let mut ids = HashSet::new();
    let mut read = Vec::new();
    for (name, sources) in &document.layers {
        let mut policies = PolicySet::new();
        for source in sources.iter() {
            if !ids.insert(source.id) {
                let message = format!("another policy has the id `{}`", source.id);
                let site = Site::policy(name, source.id);
                findings.push(Finding::new(Code::DuplicatePolicyId, site, message));
                continue;
            }
            match policy(name, source) {
                Ok(policy) => {
                    if let Err(error) = policies.add(policy) {
                        let site = Site::policy(name, source.id);
                        findings.push(Finding::new(Code::PolicySyntax, site, error.to_string()));
                    }
                }
                Err(found) => findings.extend(found),
            }
        }
        read.push((name.clone(), policies));
    }
    read
}

/// The layers, with only the head of each policy scanned.
pub(super) fn layers(
    sources: BTreeMap<LayerName, Policies>,
    findings: &mut Vec<Finding>,
) -> Vec<Layer> {
    if sources.values().all(Policies::is_empty) {
        let site = Site::Manifest("layers".to_owned());
        let message = "without a policy every call is refused";
        findings.push(Finding::new(Code::NoPolicies, site, message));
    }
    let mut layers = Vec::new();
    for (name, sources) in sources {
        match Layer::new(name.clone(), sources) {
            Ok(layer) => layers.push(layer),
            Err(odd) => findings.extend(odd.into_iter().map(|(id, message)| {
                Finding::new(Code::PolicyMode, Site::policy(&name, &id), message)
            })),
        }
    }
    layers
}

fn policy(layer: &LayerName, source: PolicySource<'_>) -> Result<Policy, Vec<Finding>> {
    let site = || Site::policy(layer, source.id);
    let id = PolicyId::new(source.id);
    let policy = Policy::parse(Some(id), source.source).map_err(|errors| {
        let errors = errors.iter();
        errors
            .map(|e| Finding::new(Code::PolicySyntax, site(), chain(e)).located_by(e))
            .collect::<Vec<_>>()
    })?;
    let annotated = policy.annotation("id");
    if annotated != Some(source.id) || !is_policy_id(source.id) {
        let message = match annotated {
            None => "the policy has no `@id`".to_owned(),
            Some(id) => format!("`{id}` is not a policy id"),
        };
        let help = "give it an `@id` of letters, digits, `-`, `_`, `.`, as records will show it";
        let finding = Finding::new(Code::MissingPolicyId, site(), message);
        return Err(vec![finding.with_help(help)]);
    }
    if policy.to_json().map_or(true, |json| nesting(&json) > DEEPEST) {
        let help =
            "ask `.contains()` of a set in place of many `||`, or make several policies of it";
        let message = "the conditions are nested too deeply";
        let finding = Finding::new(Code::PolicyTooDeep, site(), message);
        return Err(vec![finding.with_help(help)]);
    }
    Ok(policy)
}

/// The nesting depth of JSON, computed without recursion.
fn nesting(json: &Value) -> usize {
    let mut deepest = 0;
    let mut open = vec![(json, 1_usize)];
    while let Some((value, depth)) = open.pop() {
        deepest = deepest.max(depth);
        let inner = depth.saturating_add(1);
        let members = value.as_object().into_iter().flat_map(serde_json::Map::values);
        let elements = value.as_array().into_iter().flatten();
        open.extend(members.chain(elements).map(|value| (value, inner)));
    }
    deepest
}

/// Policy ids appear in headers and log lines, separated by spaces.
fn is_policy_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= 128 && id.bytes().all(plain)
}

/// Validates every layer strictly: a policy that could err at evaluation does not load.
pub(super) fn validate(layers: &[(LayerName, PolicySet)], schema: &Schema) -> Vec<Finding> {
    let validator = Validator::new(schema.clone());
    let mut findings = Vec::new();
    for (layer, policies) in layers {
        let result = validator.validate(policies, ValidationMode::Strict);
        let site = |id: &PolicyId| Site::policy(layer, id.as_ref());
        // The site already names the policy.
        let words = |id: &PolicyId, text: String| {
            let rest = text.strip_prefix(&format!("for policy `{id}`"));
            let rest = rest.and_then(|rest| rest.strip_prefix(", ").or(rest.strip_prefix(": ")));
            rest.map_or(text.clone(), str::to_owned)
        };
        findings.extend(result.validation_errors().map(|error| {
            let id = error.policy_id();
            let words = words(id, chain(error));
            let advice = codes::advice(&words);
            let finding = Finding::new(codes::of_error(error), site(id), words).located_by(error);
            Finding { help: advice.or(finding.help), ..finding }
        }));
        let warnings: Vec<_> = result.validation_warnings().map(codes::of_warning).collect();
        let out_of_scope: HashSet<&PolicyId> = result
            .validation_warnings()
            .zip(&warnings)
            .filter(|(_, code)| **code == Code::ImpossibleScope)
            .map(|(warning, _)| warning.policy_id())
            .collect();
        findings.extend(result.validation_warnings().zip(warnings).filter_map(
            |(warning, code)| {
                let id = warning.policy_id();
                // The out-of-scope finding already implies that the policy matches nothing.
                let follows = code == Code::ImpossiblePolicy && out_of_scope.contains(id);
                let words = words(id, chain(warning));
                (!follows).then(|| Finding::new(code, site(id), words).located_by(warning))
            },
        ));
    }
    findings
}

/// The static entities, including the schema's actions.
pub(super) fn entities(
    document: &Document,
    schema: &Schema,
    findings: &mut Vec<Finding>,
) -> Entities {
    let identity = &document.manifest.identity;
    let is_principal =
        |uid: &EntityUid| identity.principal_types().any(|name| name.as_cedar() == uid.type_name());
    let mut entities = Vec::new();
    let mut seen = HashMap::new();
    for (index, source) in document.entities.iter().enumerate() {
        let site = Site::Entity(index);
        match entity(source, schema) {
            Ok(entity) if is_principal(&entity.uid()) => {
                let message =
                    format!("`{}` is a principal, and those come from tokens", source.uid);
                findings.push(Finding::new(Code::Entity, site, message));
            }
            Ok(entity) if entity.uid().type_name().to_string() == PATTERN => {
                let message =
                    format!("`{}` is a pattern, and those come from `resources`", source.uid);
                findings.push(Finding::new(Code::Entity, site, message));
            }
            Ok(entity) => {
                if let Some(first) = seen.insert(entity.uid(), index) {
                    let message = format!("`{}` is already entity {first}", source.uid);
                    findings.push(Finding::new(Code::Entity, site, message));
                } else {
                    entities.push(entity);
                }
            }
            Err(message) => findings.push(Finding::new(Code::Entity, site, message)),
        }
    }
    entities.extend(methods::entities(document));
    match Entities::from_entities(entities, Some(schema)) {
        Ok(entities) => entities,
        Err(error) => {
            let site = Site::Manifest("entities".to_owned());
            findings.push(Finding::new(Code::Entity, site, chain(&error)));
            Entities::empty()
        }
    }
}

fn entity(source: &EntitySource, schema: &Schema) -> Result<Entity, String> {
    let uid = |text: &str| {
        uid(text).ok_or_else(|| format!("`{text}` is not an entity: write `Type::\"id\"`"))
    };
    let json_uid = |uid: &EntityUid| json!({ "type": uid.type_name().to_string(), "id": uid.id().unescaped() });
    let parents = source.parents.iter().map(|parent| Ok(json_uid(&uid(parent)?)));
    let parents = parents.collect::<Result<Vec<Value>, String>>()?;
    let json =
        json!({ "uid": json_uid(&uid(&source.uid)?), "parents": parents, "attrs": source.attrs });
    Entity::from_json_value(json, Some(schema)).map_err(|error| chain(&error))
}

/// Cedar parses an id only in the form in which it prints it, so an apostrophe has to be escaped.
/// An id without quotes and backslashes is unambiguous and accepted too.
fn uid(text: &str) -> Option<EntityUid> {
    let unescaped = || {
        let (name, id) = text.strip_suffix('"')?.split_once("::\"")?;
        let id = Some(id).filter(|id| !id.contains(['"', '\\']))?;
        Some(EntityUid::from_type_name_and_id(name.parse().ok()?, EntityId::new(id)))
    };
    EntityUid::from_str(text).ok().or_else(unescaped)
}

/// Checks that every principal that the mapping can produce fits the schema. Samples with all
/// claims and with only the required ones cover all of them.
pub(super) fn mapping(mapping: &IdentityMapping, schema: &Schema) -> Vec<Finding> {
    let fits = |sample: Entity| {
        Entities::from_entities([sample], Some(schema)).map(|_| ()).map_err(|error| chain(&error))
    };
    let principals = mapping.principal.iter().map(|each| {
        let fit = sample(each, true).and_then(fits).and_then(|()| fits(sample(each, false)?));
        ("identity.principal", fit)
    });
    // A workload that is not in the entity store has neither attributes nor parents.
    let workloads = mapping
        .workload
        .iter()
        .map(|workload| ("identity.workload", bare_fits(&workload.entity_type, schema)));
    // Nor does an agent that is not there.
    let intersects = mapping.mode == IdentityMode::Intersection;
    let agents = intersects.then_some(&mapping.actor.entity_type).into_iter();
    let agents = agents.map(|name| ("identity.actor", bare_fits(name, schema)));
    principals
        .chain(workloads)
        .chain(agents)
        .filter_map(|(key, fits)| {
            let site = Site::Manifest(key.to_owned());
            Some(Finding::new(Code::IdentityMapping, site, fits.err()?))
        })
        .collect()
}

/// Types whose ids come from tokens, certificates and the manifest cannot be enumerated in the
/// schema.
pub(super) fn open_types(mapping: &IdentityMapping, schema: &str) -> Vec<Finding> {
    let declared = author_schema(schema);
    let parents = mapping.principal.iter().flat_map(|each| &each.parents);
    let parents = parents.map(|parent| ("identity.principal.parents", &parent.entity_type));
    let workload = mapping.workload.iter();
    let workload = workload.map(|workload| ("identity.workload.type", &workload.entity_type));
    let server = TypeName::try_from(SERVER.to_owned()).ok();
    let server = server.iter().map(|server| ("servers", server));
    mapping
        .principal_types()
        .map(|name| ("identity.principal.type", name))
        .chain([("identity.actor.type", &mapping.actor.entity_type)])
        .chain(parents)
        .chain(workload)
        .chain(server)
        .filter(|(_, name)| declaration(&declared, name).is_some_and(is_enumerated))
        .map(|(key, name)| {
            let source = if key == "servers" { "`servers`" } else { "tokens" };
            let message =
                format!("`{name}` is enumerated in the schema, and its ids come from {source}");
            Finding::new(Code::IdentityMapping, Site::Manifest(key.to_owned()), message)
        })
        .collect()
}

/// The declaration of an entity type in the author's schema.
pub(super) fn declaration<'a>(declared: &'a Value, name: &TypeName) -> Option<&'a Value> {
    let name = name.to_string();
    let (namespace, name) = name.rsplit_once("::").unwrap_or(("", &name));
    declared.get(namespace)?.get("entityTypes")?.get(name)
}

/// Whether a declared entity type allows only the ids listed in the schema.
pub(super) fn is_enumerated(declaration: &Value) -> bool {
    declaration.get("enum").is_some()
}

/// Whether an entity without attributes and parents fits the schema.
pub(super) fn bare_fits(name: &TypeName, schema: &Schema) -> Result<(), String> {
    let bare = Entity::new_no_attrs(sample_uid(name), HashSet::new());
    Entities::from_entities([bare], Some(schema)).map(|_| ()).map_err(|error| chain(&error))
}

fn sample_uid(name: &TypeName) -> EntityUid {
    EntityUid::from_type_name_and_id(name.as_cedar().clone(), EntityId::new("sample"))
}

fn sample(mapping: &PrincipalMapping, complete: bool) -> Result<Entity, String> {
    let wanted = |optional: bool| complete || !optional;
    let attributes = mapping.attributes.iter().filter(|(_, attribute)| wanted(attribute.optional));
    let attributes = attributes.map(|(name, attribute)| {
        let value = match attribute.claim_type {
            ClaimType::String => Expression::new_string(String::new()),
            ClaimType::Bool => Expression::new_bool(true),
            ClaimType::Long => Expression::new_long(0),
            ClaimType::Strings => Expression::new_set([Expression::new_string(String::new())]),
        };
        (name.clone(), value)
    });
    let parents = mapping.parents.iter().filter(|parent| wanted(parent.optional));
    let parents = parents.map(|parent| sample_uid(&parent.entity_type)).collect();
    Entity::new(sample_uid(&mapping.entity_type), attributes.collect(), parents)
        .map_err(|e| e.to_string())
}

/// An error and its sources, on one line.
fn chain(error: &(impl Diagnostic + ?Sized)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}
