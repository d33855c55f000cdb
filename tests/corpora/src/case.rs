//! One of Cedar's tests, as in its files: policies, entities, and requests with the expected
//! answers.

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    Schema,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Said;
use crate::exclusion::Exclusion;
use crate::files::Files;
use crate::gate::OWN_MEMBERS;

/// The content of a request file.
#[derive(Deserialize)]
struct Listing {
    policies: String,
    entities: String,
    schema: String,
    requests: Vec<Listed>,
}

/// A request in the file.
#[derive(Deserialize)]
pub(crate) struct Listed {
    description: String,
    principal: Option<Uid>,
    action: Option<Uid>,
    resource: Option<Uid>,
    context: Value,
    decision: Outcome,
    reason: Vec<String>,
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Uid {
    #[serde(rename = "type")]
    entity_type: String,
    id: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Allow,
    Deny,
}

/// Policies, entities and requests.
pub(crate) struct Case {
    /// All policies.
    pub(crate) policies: PolicySet,
    /// The same, with `context` replaced by `context.input`.
    pub(crate) on_arguments: PolicySet,
    /// The entities and their JSON; `None` if the corpus has its entities elsewhere.
    world: Option<World>,
    /// The requests.
    pub(crate) requests: Vec<Listed>,
}

struct World {
    schema: Schema,
    entities: Entities,
    listed: Vec<Value>,
}

/// A request in Cedar's types.
pub(crate) struct Request {
    /// The principal.
    pub(crate) principal: Entity,
    /// The action.
    pub(crate) action: EntityUid,
    /// The resource.
    pub(crate) resource: EntityUid,
    /// The context.
    pub(crate) context: Context,
    /// The context with the members that the gate adds; `None` if it already has one of these
    /// names.
    pub(crate) with_own: Option<Context>,
}

impl Case {
    /// The test of a request file; `None` if the file is not one.
    ///
    /// # Errors
    ///
    /// The rule that excludes it, and the number of its requests.
    pub(crate) fn read(files: &Files, name: &str) -> Option<Result<Self, (Exclusion, usize)>> {
        let listing: Listing = serde_json::from_str(files.text(name)?).ok()?;
        let count = listing.requests.len();
        Some(Self::of(files, listing).map_err(|rule| (rule, count)))
    }

    fn of(files: &Files, listing: Listing) -> Result<Self, Exclusion> {
        let text = files.text(&listing.policies).ok_or(Exclusion::Policies)?;
        let policies: PolicySet = text.parse().map_err(|_| Exclusion::Policies)?;
        if policies.templates().next().is_some() {
            return Err(Exclusion::Template);
        }
        let world = match (files.text(&listing.schema), files.text(&listing.entities)) {
            (Some(schema), Some(entities)) => Some(World::read(schema, entities)?),
            (_, _) => None,
        };
        let on_arguments = on_arguments(&policies).ok_or(Exclusion::Policies)?;
        Ok(Self { policies, on_arguments, world, requests: listing.requests })
    }

    /// Whether the entities are present; without them the answers differ from the expected ones.
    pub(crate) fn has_entities(&self) -> bool {
        self.world.is_some()
    }

    /// All entities.
    pub(crate) fn entities(&self) -> Entities {
        self.world.as_ref().map_or_else(Entities::empty, |world| world.entities.clone())
    }

    /// All entities except one, which the others may refer to.
    pub(crate) fn entities_without(&self, left_out: &EntityUid) -> Entities {
        let Some(World { schema, listed, .. }) = &self.world else { return Entities::empty() };
        let stays = |entity: &&Value| uid(entity).as_ref() != Some(left_out);
        let others = listed.iter().filter(stays).cloned().collect();
        Entities::from_json_value(others, Some(schema)).expect("entities are those that were read")
    }

    /// A request in Cedar's types.
    ///
    /// # Errors
    ///
    /// The rule that excludes it.
    pub(crate) fn request(&self, listed: &Listed) -> Result<Request, Exclusion> {
        let of = |uid: &Option<Uid>| uid.as_ref().and_then(Uid::read).ok_or(Exclusion::Partial);
        let [principal, action, resource] =
            [of(&listed.principal)?, of(&listed.action)?, of(&listed.resource)?];
        let schema = self.world.as_ref().map(|world| (&world.schema, &action));
        let context = context(listed.context.clone(), schema)?;
        let has_own = ["input", "request"].iter().any(|name| listed.context.get(name).is_some());
        let with_own = (!has_own).then(|| {
            let own = serde_json::from_str(OWN_MEMBERS).expect("what the gate adds is JSON");
            let own = self::context(own, None).expect("what the gate adds is Cedar");
            context.clone().merge(own).expect("no member is there twice")
        });
        let known = self.world.as_ref().and_then(|world| world.entities.get(&principal));
        let principal = known.cloned().unwrap_or_else(|| Entity::with_uid(principal));
        Ok(Request { principal, action, resource, context, with_own })
    }
}

impl Request {
    /// The request for Cedar's authorizer.
    pub(crate) fn in_cedar(&self, context: &Context) -> cedar_policy::Request {
        let (action, resource) = (self.action.clone(), self.resource.clone());
        cedar_policy::Request::new(self.principal.uid(), action, resource, context.clone(), None)
            .expect("without a schema every request fits")
    }
}

impl Listed {
    /// The description of the request, for people.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// The expected answer of the corpus.
    pub(crate) fn expected(&self) -> Said {
        Said::new(self.decision == Outcome::Allow, self.reason.clone(), self.errors.clone())
    }
}

impl World {
    fn read(schema: &str, entities: &str) -> Result<Self, Exclusion> {
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(|_| Exclusion::Schema)?;
        let listed: Vec<Value> = serde_json::from_str(entities).map_err(|_| Exclusion::Entities)?;
        let entities = Entities::from_json_value(listed.clone().into(), Some(&schema))
            .map_err(|_| Exclusion::Entities)?;
        Ok(Self { schema, entities, listed })
    }
}

impl Uid {
    fn read(&self) -> Option<EntityUid> {
        let name: EntityTypeName = self.entity_type.parse().ok()?;
        Some(EntityUid::from_type_name_and_id(name, EntityId::new(&self.id)))
    }
}

fn uid(entity: &Value) -> Option<EntityUid> {
    EntityUid::from_json(entity.get("uid")?.clone()).ok()
}

#[expect(clippy::disallowed_methods, reason = "contexts of corpora are Cedar's JSON")]
fn context(json: Value, schema: Option<(&Schema, &EntityUid)>) -> Result<Context, Exclusion> {
    Context::from_json_value(json, schema).map_err(|_| Exclusion::Context)
}

/// The same policies on arguments, which are in `context.input`.
fn on_arguments(policies: &PolicySet) -> Option<PolicySet> {
    let revised = policies.policies().map(|policy| {
        let mut json = policy.to_json().ok()?;
        replace_context(json.get_mut("conditions")?);
        let policy = Policy::from_json(Some(policy.id().clone()), json).ok()?;
        // Printed and parsed again, so that it is what the gate will parse.
        Policy::parse(Some(PolicyId::new(policy.id())), policy.to_string()).ok()
    });
    PolicySet::from_policies(revised.collect::<Option<Vec<_>>>()?).ok()
}

/// Replaces each `context` by `context.input`.
fn replace_context(json: &mut Value) {
    match json {
        Value::Object(members) if members.get("Var") == Some(&json!("context")) => {
            *json = json!({ ".": { "left": { "Var": "context" }, "attr": "input" } });
        }
        Value::Object(members) => members.values_mut().for_each(replace_context),
        Value::Array(elements) => elements.iter_mut().for_each(replace_context),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
