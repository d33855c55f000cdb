//! Converts a counterexample in Cedar's terms to a request with an identity, as in a test case.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use cedar_policy::{Entities, EvalResult, Request};
use cedar_policy_symcc::Env;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::syntax::UNSEEN;
use crate::bundle::{Bundle, Channel};
use crate::cli::analysis::tool::instant;
use crate::cli::input::cases::{Call, Called, Identity};
use crate::identity::{AttributeMapping, ClaimType, Form, PrincipalMapping, Requirement, act};
use crate::tool::Tool;

/// A request with its sender.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    pub(super) identity: Identity,
    pub(super) call: Call,
    pub(super) time: DateTime<Utc>,
    pub(super) source_ip: Option<IpAddr>,
}

impl Witness {
    /// The requests that a bundle may map to these terms, one for each of its mappings that can. The
    /// bundles confirm whether one is right.
    ///
    /// # Errors
    ///
    /// No request has these terms; the message names the part that is impossible.
    pub(super) fn read(env: &Env, bundle: &Bundle, tool: &Tool) -> Result<Vec<Self>, &'static str> {
        let context = |name: &str| env.request.context()?.get(name);
        let Some(EvalResult::Record(request)) = context("request") else { return Err("request") };
        let path = text(request.get("path")).ok_or("path")?;
        let channel = bundle.channels_to(tool.server()).find(|channel| channel.path == path);
        let channel = channel.ok_or("path")?;
        let authority = channel.authority.clone().map(String::from);
        let arguments = context("input").and_then(|input| tool.written(&input));
        let arguments = arguments.ok_or("arguments")?;
        let (tool, arguments) = called(bundle, channel, tool, arguments).ok_or("inner call")?;
        let call = Call {
            path,
            authority: authority.unwrap_or_else(|| "tools.example".to_owned()),
            called: Called::of(tool),
            arguments: Some(arguments),
        };
        let time = extension(request.get("time")).and_then(|t| instant(&t)).ok_or("time")?;
        let ip = extension(request.get("source_ip"));
        let source_ip = ip.map(|ip| address(&ip).ok_or("source_ip")).transpose()?;
        let identities = identities(env, bundle);
        if identities.is_empty() {
            return Err("claims");
        }
        let witness = |identity| Self { identity, call: call.clone(), time, source_ip };
        Ok(identities.into_iter().map(witness).collect())
    }
}

/// The tool to call, and its arguments: the tool itself, or on the channel of another server one that
/// runs it.
fn called<'a>(
    bundle: &'a Bundle,
    channel: &Channel,
    tool: &'a Tool,
    arguments: Value,
) -> Option<(&'a Tool, Value)> {
    if *channel.server == *tool.server() {
        return Some((tool, arguments));
    }
    let mut outer = bundle.tools().filter(|outer| {
        let runs = outer.wraps().is_some_and(|wraps| wraps.server() == tool.server());
        runs && *channel.server == *outer.server()
    });
    outer.find_map(|outer| Some((outer, outer.wrapping(tool.wire_name(), &arguments)?)))
}

/// The verified identities that the caller may have.
fn identities(env: &Env, bundle: &Bundle) -> Vec<Identity> {
    let Some(principal) = env.request.principal() else { return Vec::new() };
    let mappings = bundle.identity.principal.iter();
    let is_of =
        |mapping: &&PrincipalMapping| mapping.entity_type.as_cedar() == principal.type_name();
    if !mappings.clone().any(|mapping| is_of(&mapping)) {
        let id = principal.id().unescaped();
        let spiffe = if id.starts_with("spiffe://") { id } else { "spiffe://example.org/workload" };
        return vec![Identity { spiffe: Some(vec![spiffe.to_owned()]), ..Identity::default() }];
    }
    let by_token = |mapping: &PrincipalMapping| {
        let is_qualified = bundle.identity.actor.qualify_by_issuer;
        let claims = claims(&env.request, &env.entities, mapping, is_qualified)?;
        let tokens = BTreeMap::from([(mapping.tokens.first()?.clone(), claims.0)]);
        Some(Identity { tokens, spiffe: None })
    };
    mappings.filter(is_of).filter_map(by_token).collect()
}

fn claims(
    request: &Request,
    entities: &Entities,
    mapping: &PrincipalMapping,
    is_qualified: bool,
) -> Option<Claims> {
    let principal = request.principal()?;
    let context = |name: &str| request.context()?.get(name);
    let mut claims = Claims(json!({}));
    let id = principal.id().unescaped();
    match (mapping.qualify_by_issuer, id.split_once('|')) {
        (true, Some((issuer, id))) => {
            claims.insert(&["iss".to_owned()], json!(issuer))?;
            claims.insert(mapping.id.steps(), json!(id))?;
        }
        (_, _) => claims.insert(mapping.id.steps(), json!(id))?,
    }
    if let Some(EvalResult::Record(unseen)) = context(UNSEEN) {
        if let (Some(claim), Some(tenant)) = (&mapping.tenant, text(unseen.get("tenant"))) {
            claims.insert(claim.steps(), json!(tenant))?;
        }
        if let (Some(mapped), Some(teams)) = (&mapping.teams, texts(unseen.get("teams"))) {
            claims.insert(mapped.claim().steps(), written(mapped.form(), &teams))?;
        }
    }
    let entity = entities.get(principal);
    for (name, attribute) in &mapping.attributes {
        let steps = attribute.claim.steps();
        match entity.and_then(|entity| entity.attr(name)) {
            Some(value) => claims.insert(steps, plain(&value.ok()?, attribute.form)?)?,
            None if attribute.optional
                || matches!(attribute.claim.find(&claims.0), Ok(Some(_))) => {}
            // No condition depends on it.
            None => claims.insert(steps, any(attribute))?,
        }
    }
    parents(&mut claims, entities, request, mapping)?;
    if let Some(EvalResult::Record(token)) = context("token") {
        let scopes = texts(token.get("scopes"))?;
        let plain = |scope: &String| !scope.is_empty() && !scope.contains(char::is_whitespace);
        let scopes = if scopes.iter().all(plain) { json!(scopes.join(" ")) } else { json!(scopes) };
        if scopes != json!("") {
            claims.insert(&["scope".to_owned()], scopes)?;
        }
        for (member, claim) in [("profiles", "sub_profile"), ("client_profiles", "client_profile")]
        {
            let words = texts(token.get(member)).filter(|words| !words.is_empty());
            if let Some(words) = words {
                claims.insert(&[claim.to_owned()], written(Form::Words, &words))?;
            }
        }
        for (member, claim) in [("issuer", "iss"), ("txn", "txn")] {
            if let Some(value) = text(token.get(member)) {
                claims.insert(&[claim.to_owned()], json!(value))?;
            }
        }
        if let Some(expires) = extension(token.get("expires")) {
            let expires = instant(&expires)?;
            claims.insert(&["exp".to_owned()], json!(expires.timestamp()))?;
        }
    }
    let issuer = mapping.issuers.first().map_or("https://issuer.example", String::as_str);
    let needs_issuer = mapping.qualify_by_issuer || !mapping.issuers.is_empty();
    if needs_issuer && claims.0.get("iss").is_none() {
        claims.insert(&["iss".to_owned()], json!(issuer))?;
    }
    if context("actor").is_some() {
        claims.insert(&["act".to_owned()], delegation(request, is_qualified)?)?;
    }
    for Requirement { claim, values } in &mapping.require {
        if !matches!(claim.find(&claims.0), Ok(Some(_))) {
            claims.insert(claim.steps(), json!(values.first()?))?;
        }
    }
    Some(claims)
}

fn parents(
    claims: &mut Claims,
    entities: &Entities,
    request: &Request,
    mapping: &PrincipalMapping,
) -> Option<()> {
    let ancestors = entities.ancestors(request.principal()?);
    let mut open: Vec<_> = ancestors.into_iter().flatten().cloned().collect();
    open.sort();
    for parent in &mapping.parents {
        // If several claims have one type, the first gives all of its parents.
        let (these, others) = open
            .into_iter()
            .partition::<Vec<_>, _>(|uid| uid.type_name() == parent.entity_type.as_cedar());
        open = others;
        let ids: Vec<_> = these.iter().map(|uid| uid.id().unescaped().to_owned()).collect();
        // The solver only considers parents that some policy reads, so there may be more.
        let told = matches!(parent.claim.find(&claims.0), Ok(Some(_)));
        if !ids.is_empty() || !(parent.optional || told) {
            claims.insert(parent.claim.steps(), written(parent.form, &ids))?;
        }
    }
    Some(())
}

/// Nested `act` claims of a chain with this depth, which contains all agents of the set.
fn delegation(request: &Request, is_qualified: bool) -> Option<Value> {
    let context = |name: &str| request.context()?.get(name);
    let EvalResult::EntityUid(actor) = context("actor")? else { return None };
    let EvalResult::Record(delegation) = context("delegation")? else { return None };
    let EvalResult::Long(depth) = delegation.get("depth")? else { return None };
    let EvalResult::Set(agents) = delegation.get("agents")? else { return None };
    let others = agents.iter().filter_map(|agent| {
        let EvalResult::EntityUid(uid) = agent else { return None };
        (*uid != actor).then(|| uid.id().unescaped().to_owned())
    });
    let mut chain = vec![actor.id().unescaped().to_owned()];
    chain.extend(others);
    // The solver does not know that a chain is at least as long as the set of its agents.
    let depth = usize::try_from(*depth).ok()?.max(chain.len());
    chain.resize(depth, actor.id().unescaped().to_owned());
    // The current agent may be more than all of them are.
    let [all, own] = ["all_profiles", "actor_profiles"].map(|name| texts(delegation.get(name)));
    let (all, own) = (all.unwrap_or_default(), own.unwrap_or_default());
    let chain = chain.iter().enumerate().map(|(at, id)| {
        let own = own.iter().filter(|_| at == 0);
        let words: BTreeSet<&str> = all.iter().chain(own).map(String::as_str).collect();
        (id.as_str(), words.into_iter().collect())
    });
    Some(act(chain, is_qualified))
}

/// The claims of a token.
struct Claims(Value);

impl Claims {
    /// Sets a value; `None` if there is a different one already.
    fn insert(&mut self, steps: &[String], value: Value) -> Option<()> {
        let (last, outer) = steps.split_last()?;
        let mut place = &mut self.0;
        for step in outer {
            place = place.as_object_mut()?.entry(step.clone()).or_insert_with(|| json!({}));
        }
        let there = place.as_object_mut()?.entry(last.clone()).or_insert(Value::Null);
        if there.is_null() {
            *there = value;
            return Some(());
        }
        // A single string and a list of only this string name the same parents.
        let same = *there == value || json!([&*there]) == value;
        same.then_some(())
    }
}

fn text(value: Option<&EvalResult>) -> Option<String> {
    if let Some(EvalResult::String(text)) = value { Some(text.clone()) } else { None }
}

fn extension(value: Option<&EvalResult>) -> Option<String> {
    if let Some(EvalResult::ExtensionValue(text)) = value { Some(text.clone()) } else { None }
}

fn texts(value: Option<&EvalResult>) -> Option<Vec<String>> {
    let Some(EvalResult::Set(elements)) = value else { return None };
    elements.iter().map(|element| text(Some(element))).collect()
}

fn written(form: Form, texts: &[String]) -> Value {
    form.write(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn plain(value: &EvalResult, form: Form) -> Option<Value> {
    match value {
        EvalResult::Bool(value) => Some(json!(value)),
        EvalResult::Long(value) => Some(json!(value)),
        EvalResult::String(value) => Some(json!(value)),
        EvalResult::Set(_) => texts(Some(value)).map(|texts| written(form, &texts)),
        EvalResult::EntityUid(_) | EvalResult::Record(_) | EvalResult::ExtensionValue(_) => None,
    }
}

fn any(attribute: &AttributeMapping) -> Value {
    match attribute.claim_type {
        ClaimType::String => json!(""),
        ClaimType::Bool => json!(false),
        ClaimType::Long => json!(0),
        ClaimType::Strings => attribute.form.write(&[]),
    }
}

fn address(value: &str) -> Option<IpAddr> {
    let text = value.strip_prefix("ip(\"")?.strip_suffix("\")")?;
    text.split('/').next()?.parse().ok()
}
