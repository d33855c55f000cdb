//! Checks of capabilities, and of the scopes that clients may ask for.

use std::collections::BTreeSet;

use cedar_policy::{Effect, PolicySet};

use crate::bundle::{Code, Finding, LayerName, Manifest, Site, is_name};
use crate::identity::{CapabilityMapping, IdentityMapping, PrincipalMapping};
use crate::policy::{CAPABILITIES, Reads};

/// The member of the context about earlier calls of the transaction.
const TRANSACTION: &str = "transaction";

/// The most scopes that clients may ask for.
const MOST_SCOPES: usize = 32;

/// The members of a capability in the context that are no attributes.
const REGISTERED: [&str; 3] = ["expires", "txn", "scopes"];

/// Reports every problem with its key in the manifest.
pub(super) fn problems(manifest: &Manifest, error: &mut impl FnMut(&str, String)) {
    let mut tokens = BTreeSet::new();
    let mut headers = BTreeSet::new();
    for (position, each) in manifest.identity.capabilities.iter().enumerate() {
        let mut error = |member: &str, message: String| {
            error(&format!("identity.capabilities.{position}.{member}"), message);
        };
        if !tokens.insert(&each.token) {
            error("token", format!("the capability `{}` occurs twice", each.token));
        }
        // A dot is in the name under which a failure is stored.
        if !is_name(&each.token) || each.token.contains('.') {
            let message =
                format!("`{}` is not a plain name: use letters, digits, `-`, `_`", each.token);
            error("token", message);
        }
        if let Some(problem) = header(each, &manifest.identity) {
            error("header", problem);
        }
        if each.header.as_ref().is_some_and(|header| !headers.insert(header)) {
            error("header", "another capability comes in this header".to_owned());
        }
        for (number, requirement) in each.require.iter().enumerate() {
            if requirement.values.is_empty() {
                error(
                    &format!("require.{number}.values"),
                    "without a value every token is refused".to_owned(),
                );
            }
        }
        if let Some(problem) = beside(each, &manifest.identity) {
            error("beside", problem);
        }
        for name in each.attributes.keys().filter(|name| REGISTERED.contains(&name.as_str())) {
            let message =
                format!("every capability has a member `{name}` already: choose another name");
            error(&format!("attributes.{name}"), message);
        }
    }
    let offered = &manifest.refusal.step_up;
    if offered.len() > MOST_SCOPES {
        error("refusal.step_up", format!("there are at most {MOST_SCOPES} scopes"));
    }
    let mut known = BTreeSet::new();
    if let Some(twice) = offered.iter().find(|scope| !known.insert(*scope)) {
        error("refusal.step_up", format!("`{}` occurs twice", twice.as_str()));
    }
}

/// With several providers of principals, whose principal a capability is about must be said.
fn beside(capability: &CapabilityMapping, mapping: &IdentityMapping) -> Option<String> {
    capability.header.as_ref()?;
    let known = mapping.token_names();
    if let Some(name) = capability.beside.iter().find(|name| !known.contains(name)) {
        return Some(format!("no principal comes from the token `{name}`"));
    }
    let of_several = |each: &PrincipalMapping| each.qualify_by_issuer && each.issuers.len() != 1;
    let several = mapping.principal.len() > 1 || mapping.principal.iter().any(of_several);
    (several && capability.beside.is_empty()).then(|| {
        "there are several providers of principals: list in `beside` the tokens whose ids it has"
            .to_owned()
    })
}

/// A token that only limits comes in a header of its own.
fn header(capability: &CapabilityMapping, mapping: &IdentityMapping) -> Option<String> {
    let names_principal = mapping.token_names().contains(&capability.token);
    match &capability.header {
        None if names_principal => None,
        None => Some("say in which header the token comes, such as `txn-token`".to_owned()),
        Some(_) if names_principal => {
            Some("the token that names the principal comes where it always does".to_owned())
        }
        Some(header) => {
            let is_name =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let is_taken = header == "authorization" || header.starts_with("toolgate-");
            (header.is_empty() || !header.bytes().all(is_name) || is_taken).then(|| {
                format!(
                    "`{header}` is not the name of a header in lower case that a client may send"
                )
            })
        }
    }
}

/// The permits that read capabilities, which only restrict.
pub(super) fn granting(
    mapping: &IdentityMapping,
    layers: &[(LayerName, PolicySet)],
) -> Vec<Finding> {
    if mapping.capabilities.is_empty() {
        return Vec::new();
    }
    let policies = layers.iter().flat_map(|(layer, set)| set.policies().map(move |it| (layer, it)));
    // A capability can be what names the transaction.
    let member = |policy: &cedar_policy::Policy| {
        let is_permit = policy.effect() == Effect::Permit;
        let reads = is_permit.then(|| Reads::of_policy(policy))?;
        [CAPABILITIES, TRANSACTION].into_iter().find(|member| reads.has(&[member]))
    };
    let finding = |(layer, policy): (&LayerName, &cedar_policy::Policy)| {
        let site = Site::policy(layer, policy.id().as_ref());
        let message = format!("it permits because of `context.{}`", member(policy)?);
        let help = "a capability only restricts: write what must hold as `forbid … unless { … }`";
        Some(Finding::new(Code::CapabilityGrants, site, message).with_help(help))
    };
    policies.filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::bundle::{self, Document};
    use crate::fixture;

    fn document(capabilities: &Value) -> Value {
        let mut document = fixture::document_json();
        document["manifest"]["identity"]["capabilities"] = capabilities.clone();
        document
    }

    #[track_caller]
    fn check(document: Value, expected: &[&str]) {
        let document: Document = serde_json::from_value(document).unwrap();
        let mut found = Vec::new();
        problems(&document.manifest, &mut |key, message| found.push(format!("{key}: {message}")));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_types_cannot_express() {
        let of = |token: &str, header: &str| json!({ "token": token, "header": header });
        check(document(&json!([{ "token": "session" }, of("a", "a-token"), of("b", "b")])), &[]);
        let taken = "is not the name of a header in lower case that a client may send";
        check(
            document(&json!([
                { "token": "a" }, of("a.failure", "x"), of("b", "x"), of("c", "Txn-Token"), of("d", "authorization"),
                of("e", "toolgate-approval"), of("session", "y"), of("b", "z"),
                { "token": "f", "header": "f", "attributes": { "txn": { "claim": "t", "type": "String" } } },
            ])),
            &[
                "identity.capabilities.0.header: say in which header the token comes, such as `txn-token`",
                "identity.capabilities.1.token: `a.failure` is not a plain name: use letters, digits, `-`, `_`",
                "identity.capabilities.2.header: another capability comes in this header",
                &format!("identity.capabilities.3.header: `Txn-Token` {taken}"),
                &format!("identity.capabilities.4.header: `authorization` {taken}"),
                &format!("identity.capabilities.5.header: `toolgate-approval` {taken}"),
                "identity.capabilities.6.header: the token that names the principal comes where it always does",
                "identity.capabilities.7.token: the capability `b` occurs twice",
                "identity.capabilities.8.attributes.txn: every capability has a member `txn` already: choose another name",
            ],
        );
        let mut several = document(&json!([
            of("a", "a"), { "token": "b", "header": "b", "beside": ["partner"] },
            { "token": "c", "header": "c", "beside": ["x"], "require": [{ "claim": "d", "values": [] }] },
        ]));
        let principal = &mut several["manifest"]["identity"]["principal"];
        principal["qualify_by_issuer"] = json!(true);
        check(
            several,
            &[
                "identity.capabilities.0.beside: there are several providers of principals: list in `beside` the tokens whose ids it has",
                "identity.capabilities.2.require.0.values: without a value every token is refused",
                "identity.capabilities.2.beside: no principal comes from the token `x`",
            ],
        );
        let mut offering = document(&json!([]));
        let scopes: Vec<String> = (0..33).map(|number| format!("s{}", number % 32)).collect();
        offering["manifest"]["refusal"] = json!({ "step_up": scopes });
        check(
            offering,
            &["refusal.step_up: there are at most 32 scopes", "refusal.step_up: `s0` occurs twice"],
        );
    }

    /// However a permit reads them.
    #[test]
    fn a_permit_reads_no_capability() {
        for (effect, condition, loads) in [
            ("permit", r"when { context.capabilities has a }", false),
            ("permit", r"unless { context.capabilities has a }", false),
            ("permit", r"when { context has capabilities }", false),
            (
                "permit",
                r"when { context.capabilities has a && context.capabilities.a.expires > context.request.time }",
                false,
            ),
            ("permit", r"when { (if true then context else context).capabilities has a }", false),
            ("permit", r#"when { context["capabilities"] has a }"#, false),
            ("permit", r"when { { x: context.capabilities } has x }", false),
            ("permit", "when { context has transaction }", false),
            ("permit", r#"when { context.request.method == "POST" }"#, true),
            ("forbid", r"unless { context.capabilities has a }", true),
            (
                "forbid",
                r#"when { context.capabilities has a && context.capabilities.a.scopes.contains("x") }"#,
                true,
            ),
        ] {
            let limits = json!([{ "token": "a", "header": "a", "scopes": "scope" }]);
            let mut document = document(&limits);
            let source =
                format!("@id(\"new\") {effect} (principal, action, resource) {condition};");
            let org = document["layers"]["org"].as_array_mut().unwrap();
            org.push(json!({ "id": "new", "source": source }));
            let document: Document = serde_json::from_value(document).unwrap();
            let loaded = bundle::load(&document).map(|_| ());
            let granting = |findings: Vec<Finding>| {
                findings.iter().any(|finding| finding.code == Code::CapabilityGrants)
            };
            assert_eq!(!loaded.map_or_else(granting, |()| false), loads, "{effect} {condition}");
        }
    }
}
