mod chains;
mod layers;

use serde_json::{Value, json};

use super::*;
use crate::fixture;
use crate::identity::{Attested, identify};
use crate::json;

/// Decides a `pay/refund` of this amount by the fixture with other policies.
fn refund(policies: &[&str], amount: i64) -> Result<Permit, Denial> {
    let mut document = fixture::document_json();
    document["layers"]["org"] = layer("p", policies);
    decided(document, fixture::claims(), amount).outcome
}

/// A layer of policies with numbered ids.
fn layer(name: &str, policies: &[&str]) -> Value {
    let policy = |(index, text): (usize, &&str)| {
        let id = format!("{name}{index}");
        json!({ "id": id, "source": format!("@id(\"{id}\") {text}") })
    };
    policies.iter().enumerate().map(policy).collect()
}

/// Decides a `pay/refund` of this amount for a caller with these claims.
fn decided(document: Value, claims: Value, amount: i64) -> Verdict {
    let document = serde_json::from_value(document).unwrap();
    refund_of(&crate::bundle::load(&document).unwrap().bundle, claims, amount)
}

fn refund_of(bundle: &Bundle, claims: Value, amount: i64) -> Verdict {
    asking(bundle, claims, amount, |identity, question| decide(bundle, identity, question))
}

fn facts() -> Facts {
    Facts {
        time: chrono::DateTime::UNIX_EPOCH,
        method: "POST".to_owned(),
        path: "/pay/mcp".to_owned(),
        authority: "pay".to_owned(),
        source_ip: Some([127, 0, 0, 1].into()),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
        environment: "test".into(),
    }
}

/// What follows from the question about a `pay/refund` of this amount.
fn asking<T>(
    bundle: &Bundle,
    claims: Value,
    amount: i64,
    ask: impl FnOnce(&Identity, &Question<'_>) -> T,
) -> T {
    let tokens = [("session".to_owned(), claims)].into();
    let identity = identify(&bundle.identity, &Attested { tokens, peer: None }).unwrap();
    let facts = facts();
    let tool = bundle.tool("pay", "refund").unwrap();
    let arguments = format!("{{\"amount\":{amount}}}");
    let arguments = json::read(arguments.as_bytes(), 8).unwrap();
    let question = Question::new(bundle, tool, arguments.as_object(), &identity, &facts).unwrap();
    ask(&identity, &question)
}

#[test]
fn permit_names_its_policies() {
    let permit = refund(
        &[
            "permit (principal, action, resource);",
            "permit (principal in Role::\"rep\", action, resource);",
        ],
        1,
    )
    .unwrap();
    assert_eq!(
        (permit.reason(), permit.policies()),
        (Reason::Permitted, &["p0".to_owned(), "p1".to_owned()][..])
    );
}

#[test]
fn forbid_wins_and_advises() {
    let denial = refund(
        &[
            "permit (principal, action, resource);",
            "@reason(\"ask finance\") forbid (principal, action, resource) when { context has input && context.delegation.depth == 1 };",
        ],
        1,
    )
    .unwrap_err();
    assert_eq!(denial.reason, Reason::Forbidden);
    assert_eq!(
        (denial.policies, denial.advice),
        (vec!["p1".to_owned()], Some("ask finance".to_owned()))
    );
}

#[test]
fn silence_is_not_a_denial_by_policy() {
    let denial =
        refund(&["permit (principal in Role::\"boss\", action, resource);"], 1).unwrap_err();
    assert_eq!((denial.reason, denial.policies), (Reason::NotPermitted, vec![]));
    assert_eq!(denial.layer, Some(LayerName::Org));
}

/// Cedar alone would return Allow here: it skips the `forbid` that overflows.
#[test]
fn a_policy_that_errs_denies() {
    let overflow = "forbid (principal, action == Action::\"pay/refund\", resource) \
        when { context.input.amount * 9223372036854775807 > 0 };";
    let policies = ["permit (principal, action, resource);", overflow];
    let denial = refund(&policies, 2).unwrap_err();
    assert_eq!((denial.reason, denial.policies), (Reason::PolicyError, vec!["p1".to_owned()]));
    assert_eq!(refund(&policies, 0).unwrap().policies(), ["p0"]);
}

#[test]
fn no_permits_for_no_messages() {
    assert_eq!(Permits::all(Vec::new()), None);
}

#[test]
fn everything_the_proxy_observed_is_in_the_context() {
    let everything = "permit (principal == User::\"alice\", action, resource == Server::\"pay\") when {
        context.actor == Agent::\"bot\" && context.delegation.agents.contains(Agent::\"bot\") &&
        context.token.issuer == \"https://id\" && context.token.scopes.isEmpty() &&
        context.request.time == datetime(\"1970-01-01\") && context.request.source_ip.isLoopback() &&
        context.request.method == \"POST\" && context.request.path == \"/pay/mcp\" &&
        context.request.environment == \"test\" &&
        context.request.trace_id == \"0af7651916cd43dd8448eb211c80319c\" &&
        principal.tenant == \"acme\" && action in Action::\"class:money\" && action in Action::\"server:pay\"
    };";
    // Reading an optional attribute without `has` is a validation error.
    let guarded = everything.replace(
        "context.actor ==",
        "context.token has issuer && context.request has source_ip && context.request has trace_id && context.actor ==",
    ).replace("action,", "action == Action::\"pay/refund\",");
    assert_eq!(refund(&[&guarded], 1).unwrap().policies(), ["p0"]);
}

/// `toolgate build` rejects such a policy, but a document can come from elsewhere.
#[test]
fn a_policy_that_does_not_read_refuses_the_calls_it_could_match() {
    let opened = |broken: &str| {
        let mut document = crate::fixture::document();
        document.resolved = Some(crate::bundle::load(&document).unwrap().resolved);
        let policies = document.layers.values_mut().next().unwrap();
        *policies =
            serde_json::from_value(layer("p", &["permit (principal, action, resource);", broken]))
                .unwrap();
        let digest = document.digest();
        crate::bundle::open(document, digest).unwrap()
    };
    let matching =
        "forbid (principal, action == Action::\"pay/refund\", resource) when { no cedar };";
    for broken in [matching, "forbid (", "no cedar at all"] {
        let denial = refund_of(&opened(broken), fixture::claims(), 1).outcome.unwrap_err();
        assert_eq!(
            (denial.reason, &*denial.policies),
            (Reason::PolicyError, &["p1".to_owned()][..])
        );
    }
    let elsewhere = matching.replace("refund", "get");
    // Only with the index is the policy known not to match the call.
    let is_permitted = refund_of(&opened(&elsewhere), fixture::claims(), 1).outcome.is_ok();
    assert_eq!(is_permitted, cfg!(not(feature = "cedar-only")));
}

/// A `forbid` on the resource also holds if the principal itself is the resource.
#[test]
fn a_principal_that_is_the_resource_is_in_its_groups() {
    let mut document = fixture::document_json();
    document["manifest"]["identity"]["principal"]["type"] = json!("Server");
    document["manifest"]["identity"]["principal"]["attributes"] = json!({});
    document["schema"] = json!("entity Role; entity User; entity Agent; entity Server in [Role];");
    document["entities"] = json!([]);
    let forbid = "forbid (principal, action, resource in Role::\"rep\");";
    document["layers"]["org"] = layer("p", &["permit (principal, action, resource);", forbid]);
    let mut claims = fixture::claims();
    claims["sub"] = json!("pay");
    let denial = decided(document, claims, 1).outcome.unwrap_err();
    assert_eq!((denial.reason, denial.policies), (Reason::Forbidden, vec!["p1".to_owned()]));
}

/// Entities below the principal in the bundle inherit the groups that the token gives the
/// principal.
#[test]
fn entities_below_the_principal_are_in_its_groups() {
    let mut document = fixture::document_json();
    document["schema"] = json!(
        "entity Role; entity User in [Role] { tenant: String }; entity Agent; \
         entity Server in [User, Role] { next?: Server };"
    );
    let next = json!({ "next": { "type": "Server", "id": "other" } });
    document["entities"] = json!([
        { "uid": "Server::\"pay\"", "parents": ["User::\"alice\""], "attrs": next },
        { "uid": "Server::\"other\"", "parents": ["User::\"alice\""] },
    ]);
    let in_scope = "forbid (principal, action, resource in Role::\"rep\");";
    let when = |condition: &str| {
        let scope = "principal, action == Action::\"pay/refund\", resource";
        format!("forbid ({scope}) when {{ {condition} }};")
    };
    let next = "resource has next && resource.next in Role::\"rep\"";
    for forbid in [
        in_scope.to_owned(),
        when("resource in Role::\"rep\""),
        when(next),
        // These conditions are evaluated by Cedar.
        when("context.input.amount + 0 > 0 && resource in Role::\"rep\""),
        when(&format!("context.input.amount + 0 > 0 && {next}")),
    ] {
        document["layers"]["org"] = layer("p", &["permit (principal, action, resource);", &forbid]);
        let denial = decided(document.clone(), fixture::claims(), 1).outcome.expect_err(&forbid);
        assert_eq!((denial.reason, denial.policies), (Reason::Forbidden, vec!["p1".to_owned()]));
        let mut claims = fixture::claims();
        claims["roles"] = json!([]);
        assert!(decided(document.clone(), claims, 1).outcome.is_ok(), "{forbid}");
    }
}
