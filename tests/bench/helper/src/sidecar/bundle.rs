//! What the sidecar decides with: the policies, entities and tools of a bundle's directory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A loaded bundle.
pub(crate) struct Bundle {
    pub(crate) policies: PolicySet,
    /// Servers, agents and the tools as actions in their groups.
    pub(crate) entities: Entities,
    pub(crate) channels: HashMap<String, String>,
    pub(crate) tools: HashMap<String, Tool>,
    /// The entities together with those of principals that were seen: most calls come from somebody who has called.
    pub(crate) seen: Mutex<HashMap<String, Arc<Entities>>>,
}

/// A tool, by what Cedar must know of it.
pub(crate) struct Tool {
    pub(crate) action: EntityUid,
    pub(crate) server: EntityUid,
    /// Type of the resource, and the argument that names it.
    pub(crate) resource: Option<(EntityTypeName, String)>,
    pub(crate) arguments: HashMap<String, Argument>,
    pub(crate) labels: Vec<Label>,
}

/// A label on parts of a tool's result.
pub(crate) struct Label {
    pub(crate) name: String,
    /// The action of whoever gets these parts.
    pub(crate) reveals: EntityUid,
    pub(crate) parts: Vec<Vec<Step>>,
}

/// A step on the way to a part of a result.
pub(crate) enum Step {
    Member(String),
    Items,
}

/// How an argument becomes a Cedar value.
pub(crate) enum Argument {
    Bool,
    Decimal,
    Long,
    Text,
    Choice(EntityTypeName),
}

#[derive(Deserialize)]
struct Manifest {
    channels: Vec<Channel>,
    servers: BTreeMap<String, Server>,
}

#[derive(Deserialize)]
struct Channel {
    path: String,
    server: String,
}

#[derive(Deserialize)]
struct Server {
    tools_from: String,
    tools: BTreeMap<String, Marks>,
}

#[derive(Deserialize)]
struct Marks {
    classes: Vec<String>,
    resource: Option<Resource>,
    #[serde(default)]
    labels: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Resource {
    r#type: String,
    argument: String,
}

#[derive(Deserialize)]
struct Tools {
    tools: Vec<Description>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    name: String,
    input_schema: InputSchema,
}

#[derive(Deserialize)]
struct InputSchema {
    properties: BTreeMap<String, Property>,
}

#[derive(Deserialize)]
struct Property {
    r#type: String,
    r#enum: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct StaticEntity {
    uid: String,
    #[serde(default)]
    parents: Vec<String>,
}

impl Bundle {
    /// Loads a directory whose YAML is JSON.
    pub(crate) fn load(directory: &Path) -> anyhow::Result<Self> {
        let manifest: Manifest = read(&directory.join("bundle.yaml"))?;
        let mut entities = Vec::new();
        for entity in read::<Vec<StaticEntity>>(&directory.join("entities.yaml"))? {
            entities.push(static_entity(&entity)?);
        }
        let mut tools = HashMap::new();
        for (server, described) in &manifest.servers {
            entities.push(Entity::with_uid(uid("Action", &format!("server:{server}"))?));
            let file: Tools = read(&directory.join(&described.tools_from))?;
            for tool in &file.tools {
                let marks = described.tools.get(&tool.name).context("a tool without marks")?;
                let qualified = format!("{server}/{}", tool.name);
                entities.push(action(server, &qualified, marks)?);
                for label in marks.labels.keys() {
                    entities.push(reveals(&qualified, label)?);
                }
                tools.insert(qualified.clone(), Tool::new(server, &qualified, tool, marks)?);
            }
        }
        let channels = manifest.channels.into_iter().map(|each| (each.path, each.server));
        Ok(Self {
            policies: policies(&directory.join("org"))?,
            entities: Entities::from_entities(entities, None)?,
            channels: channels.collect(),
            tools,
            seen: Mutex::default(),
        })
    }
}

impl Tool {
    fn new(
        server: &str,
        qualified: &str,
        tool: &Description,
        marks: &Marks,
    ) -> anyhow::Result<Self> {
        let mut arguments = HashMap::new();
        for (name, property) in &tool.input_schema.properties {
            let kind = match (property.r#type.as_str(), &property.r#enum) {
                ("boolean", _) => Argument::Bool,
                ("integer", _) => Argument::Long,
                ("number", _) => Argument::Decimal,
                (_, None) => Argument::Text,
                (_, Some(_)) => {
                    let path = format!("{server}::{}::Input::{name}", tool.name);
                    Argument::Choice(EntityTypeName::from_str(&path)?)
                }
            };
            arguments.insert(name.clone(), kind);
        }
        let resource = match &marks.resource {
            Some(Resource { r#type, argument }) => {
                Some((EntityTypeName::from_str(r#type)?, argument.clone()))
            }
            None => None,
        };
        let (action, server) = (uid("Action", qualified)?, uid("Server", server)?);
        let labels = marks.labels.iter().map(|(name, parts)| Label::new(qualified, name, parts));
        let labels = labels.collect::<Result<_, _>>()?;
        Ok(Self { action, server, resource, arguments, labels })
    }
}

impl Label {
    fn new(tool: &str, name: &str, parts: &[String]) -> anyhow::Result<Self> {
        let reveals = uid("Action", &format!("{tool}/reveal:{name}"))?;
        let parts = parts.iter().map(|part| steps(part)).collect();
        Ok(Self { name: name.to_owned(), reveals, parts })
    }
}

/// The steps of a path such as `contacts[].email`.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for member in path.split('.') {
        let name = member.trim_end_matches("[]");
        steps.push(Step::Member(name.to_owned()));
        let lists = (member.len() - name.len()) / "[]".len();
        steps.extend((0..lists).map(|_| Step::Items));
    }
    steps
}

/// An entity by its type and id.
pub(crate) fn uid(kind: &str, id: &str) -> anyhow::Result<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind)?, EntityId::new(id)))
}

fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

fn static_entity(entity: &StaticEntity) -> anyhow::Result<Entity> {
    let mut parents = HashSet::new();
    for parent in &entity.parents {
        parents.insert(EntityUid::from_str(parent)?);
    }
    Ok(Entity::new_no_attrs(EntityUid::from_str(&entity.uid)?, parents))
}

fn action(server: &str, qualified: &str, marks: &Marks) -> anyhow::Result<Entity> {
    let classes = marks.classes.iter().map(|class| format!("class:{class}"));
    let groups = classes.chain([format!("server:{server}")]);
    let parents = groups.map(|group| uid("Action", &group)).collect::<Result<_, _>>()?;
    Ok(Entity::new_no_attrs(uid("Action", qualified)?, parents))
}

/// The action of whoever gets the parts of a tool's result with this label.
fn reveals(tool: &str, label: &str) -> anyhow::Result<Entity> {
    let parents = HashSet::from([uid("Action", &format!("reveal:{label}"))?]);
    Ok(Entity::new_no_attrs(uid("Action", &format!("{tool}/reveal:{label}"))?, parents))
}

fn policies(directory: &Path) -> anyhow::Result<PolicySet> {
    let mut text = String::new();
    for file in fs::read_dir(directory)? {
        text.push_str(&fs::read_to_string(file?.path())?);
    }
    Ok(PolicySet::from_str(&text)?)
}
