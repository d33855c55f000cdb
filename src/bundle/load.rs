//! Document → bundle. The CLI and the proxy run the same code, so a bundle that passes in the CLI
//! also loads in the proxy.

mod capabilities;
mod cedar;
mod declared;
mod identity;
mod inventory;
mod memory;
mod methods;
mod names;
mod resolved;
mod resource;
mod staging;
mod wraps;

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Schema;

use super::{
    Approvals, Asserting, Bundle, BundleId, Code, Document, Finding, Layers, Listed, Manifest,
    Mode, Resolved, Server, ServerNotes, Shadow, Site, approvals, is_name, schema,
};
use crate::digest::Digest;
use crate::json::Shared;
use crate::memory::Plan;
use crate::policy::EntityStore;
use crate::tool::Tool;
use crate::tool::argument::PROTOTYPE;

/// The maximum of `limits.depth`. JSON nested this deeply fits the stack of the filter's VM with a
/// wide margin.
const DEEPEST: usize = 128;

/// A bundle and its warnings.
#[derive(Debug)]
pub struct Loaded {
    /// The bundle.
    pub bundle: Bundle,
    /// Warnings.
    pub warnings: Vec<Finding>,
    /// The Cedar schema, tool actions included.
    pub schema_text: String,
    /// Entities and types resolved against the schema.
    pub resolved: Resolved,
}

/// Checks a document and creates a bundle from it.
///
/// # Errors
///
/// All findings, including warnings, if at least one of them is an error.
pub fn load(document: &Document) -> Result<Loaded, Vec<Finding>> {
    let mut findings = manifest(document);
    findings.extend(declared::findings(document));
    let types = inventory::declared_types(&document.schema);
    let mut tools = inventory::tools(document, &types, &mut findings);
    tools.extend(methods::read(document, &types, &mut findings));
    let plan = memory::plan(document, &tools, &mut findings);
    let resources = resource::types(document, &tools);
    // An action that refers to an undeclared type would make the whole schema invalid, so the
    // schema then gets no tools.
    let described = if resources.is_empty() { tools.as_slice() } else { &[] };
    let tools_read = resources.is_empty() && !findings.iter().any(Finding::is_error_about_a_tool);
    // A tool that could not be read may be one to run.
    if tools_read {
        findings.extend(wraps::findings(document, &tools));
    }
    findings.extend(resources);
    let policies = cedar::policies(document, &mut findings);
    findings.extend(capabilities::granting(&document.manifest.identity, &policies));
    let layers = cedar::layers(document.layers.clone(), &mut findings);
    let schema_text =
        schema::generate(&document.schema, &document.manifest, described, plan.as_ref());
    // Everything below needs the schema, including the wording of its errors.
    let schema = match Schema::from_cedarschema_str(&schema_text) {
        Ok((schema, warnings)) => {
            findings.extend(cedar::schema_warnings(warnings));
            schema
        }
        Err(error) => {
            findings.push(cedar::schema_error(&error, &document.schema));
            return Err(findings);
        }
    };
    findings.extend(cedar::open_types(&document.manifest.identity, &document.schema));
    findings.extend(cedar::mapping(&document.manifest.identity, &schema));
    let entities = cedar::entities(document, &schema, &mut findings);
    // Without the tools the schema lacks actions, and every policy about them would be reported.
    if tools_read {
        findings.extend(resource::unknown(&tools, &schema, &entities));
        findings.extend(cedar::validate(&policies, &schema));
    }
    let layers = staging::stage(&document.manifest, layers, &mut findings);
    let resolved = resolved::of(&entities, types, &mut findings);
    if document.resolved.as_ref().is_some_and(|other| *other != resolved) {
        findings.push(resolved::changed());
    }
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    let entities = EntityStore::new(entities);
    let digest = document.digest();
    let bundle =
        assemble(&document.manifest, digest, (tools, plan), Some(schema), entities, layers);
    Ok(Loaded { bundle, warnings: findings, schema_text, resolved })
}

/// Creates a bundle from a document with this digest that was built, and therefore checked. The
/// schema is not parsed, and a policy is parsed when a call needs it. If it then fails to parse, or
/// errs, it refuses the call. A document that was not built is loaded with [`load`].
///
/// # Errors
///
/// As [`load`], for the parts that are parsed.
pub fn open(mut document: Document, digest: Digest) -> Result<Bundle, Vec<Finding>> {
    let Some(resolved) = document.resolved.take() else {
        return load(&document).map(|loaded| loaded.bundle);
    };
    let mut findings = manifest(&document);
    let mut tools = inventory::tools(&document, &resolved.types, &mut findings);
    tools.extend(methods::read(&document, &resolved.types, &mut findings));
    let plan = memory::plan(&document, &tools, &mut findings);
    let layers = cedar::layers(std::mem::take(&mut document.layers), &mut findings);
    let entities = resolved::entities(resolved, &mut findings);
    let layers = staging::stage(&document.manifest, layers, &mut findings);
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    let entities = EntityStore::new(entities);
    Ok(assemble(&document.manifest, digest, (tools, plan), None, entities, layers))
}

fn assemble(
    manifest: &Manifest,
    digest: Digest,
    (tools, memory): (Vec<Tool>, Option<Plan>),
    schema: Option<Schema>,
    entities: EntityStore,
    (layers, staged): (Layers, Option<Layers>),
) -> Bundle {
    let server = |(name, notes): (&String, &ServerNotes)| {
        let &ServerNotes { changed_tools, reviewed, ref audience, .. } = notes;
        let (tools, methods) = (BTreeMap::new(), BTreeMap::new());
        let (audience, listed) = (audience.clone(), Listed::default());
        (name.clone(), Server { audience, changed_tools, reviewed, tools, methods, listed })
    };
    let mut servers: BTreeMap<_, _> = manifest.servers.iter().map(server).collect();
    for tool in tools {
        if let Some(server) = servers.get_mut(tool.server()) {
            let of_kind = if tool.is_method() { &mut server.methods } else { &mut server.tools };
            of_kind.insert(tool.wire_name().to_owned(), tool);
        }
    }
    let asserted = manifest.assertion.as_ref().zip(manifest.issuer.as_ref());
    let asserted = asserted.map(|(settings, issuer)| Asserting::of(settings, issuer));
    Bundle {
        id: Shared::new(BundleId::new(manifest.name.as_str(), manifest.version, digest)),
        issuer: manifest.issuer.clone(),
        // In shadow, a call passes that was refused.
        asserting: asserted.filter(|_| manifest.mode == Mode::Enforce),
        identity: manifest.identity.clone(),
        refusal: manifest.refusal.clone(),
        limits: manifest.limits,
        methods: manifest.mcp.methods.clone(),
        refuses_responses: manifest.mcp.refuse_responses,
        // In shadow, nothing is refused.
        binds_sessions: manifest.mcp.bind_sessions && manifest.mode == Mode::Enforce,
        binds_tasks: manifest.mcp.bind_tasks,
        records_lists: manifest.mcp.record_lists,
        layers,
        staged,
        approvals: Approvals::of(manifest),
        memory,
        shadow: (manifest.mode == Mode::Shadow).then_some(Shadow(())),
        unknown_tenant: manifest.layers.unknown_tenant,
        channels: manifest.channels.clone(),
        servers,
        schema,
        entities,
    }
}

/// Checks of the manifest that its types cannot express.
fn manifest(document: &Document) -> Vec<Finding> {
    let manifest = &document.manifest;
    let mut findings = Vec::new();
    let mut error = |key: &str, message: String| {
        findings.push(Finding::new(Code::Manifest, Site::Manifest(key.to_owned()), message));
    };
    if manifest.version == 0 {
        error("version", "the version begins at 1".to_owned());
    }
    if manifest.assertion.is_some() && manifest.issuer.is_none() {
        let message = "an assertion says who makes it: give the gate a name with `issuer`";
        error("assertion", message.to_owned());
    }
    if manifest.channels.is_empty() {
        error("channels", "without a channel every request is refused".to_owned());
    }
    let mut places = BTreeSet::new();
    for (position, channel) in manifest.channels.iter().enumerate() {
        let key = |member: &str| format!("channels.{position}.{member}");
        if !manifest.servers.contains_key(&*channel.server) {
            error(&key("server"), format!("server `{}` is not in `servers`", channel.server));
        }
        if !channel.path.starts_with('/') || channel.path.contains(['?', '#']) {
            error(&key("path"), format!("`{}` is not a path", channel.path));
        }
        if !places.insert((&channel.path, &channel.authority)) {
            error(&key("path"), format!("`{}` stands there twice", channel.path));
        }
    }
    for server in manifest.servers.keys().filter(|server| !is_server_name(server)) {
        error(
            "servers",
            format!("`{server}` is not a server name: use letters, digits, `-`, `_`, `.`"),
        );
    }
    identity::problems(&manifest.identity, &mut error);
    capabilities::problems(manifest, &mut error);
    approvals::problems(manifest, &mut error);
    if manifest.mcp.methods.iter().any(|method| method == "tools/call") {
        error("mcp.methods", "`tools/call` is decided per call and cannot be listed".to_owned());
    }
    for name in manifest.mcp.ignore.iter().filter(|name| !is_plain_member(name)) {
        let message = format!("`{name}` is not a plain name: use letters, digits, `-`, `_`");
        error("mcp.ignore", message);
    }
    if (-32768..=-32000).contains(&manifest.refusal.code) {
        error(
            "refusal.code",
            format!("`{}` is reserved by JSON-RPC and MCP", manifest.refusal.code),
        );
    }
    let has = |class: &str| {
        document.described().any(|tool| tool.marks.classes.iter().any(|other| other == class))
    };
    for class in manifest.coverage.keys().filter(|class| !has(class)) {
        error(&format!("coverage.{class}"), format!("no tool is in the class `{class}`"));
    }
    if manifest.limits.depth > DEEPEST {
        error("limits.depth", format!("the depth is at most {DEEPEST}"));
    }
    findings
}

/// A dot would make a path of it, and no argument of a client needs more.
fn is_plain_member(name: &str) -> bool {
    is_name(name) && !name.contains('.') && name != PROTOTYPE
}

/// The namespace `toolgate` is reserved for the gate's own types.
fn is_server_name(server: &str) -> bool {
    is_name(server) && server != "toolgate"
}
