//! Compares analyses of a tool with its schema.

use cedar_policy::{Authorizer, Decision, Entities, EvalResult, PolicySet};
use proptest::prelude::*;
use serde_json::json;

use crate::tool::tests::model::{Choices, arguments};
use crate::tool::tests::properties::choices;
use crate::tool::tests::{build, context, marks, request, tool};
use crate::tool::{Marks, Tool};

/// The value of `context.input` for these arguments.
fn seen(tool: &Tool, arguments: &str) -> EvalResult {
    let input = build(tool, arguments).expect("what fits");
    context(input).get("input").expect("the input")
}

proptest! {
    #[test]
    fn what_policies_see_can_be_written_again(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter())).to_string();
        let seen = seen(&tool, &value);
        let written = tool.written(&seen);
        prop_assert!(written.is_some(), "{value}: {seen}");
        let again = self::seen(&tool, &written.clone().unwrap_or_default().to_string());
        // The same time can be spelled differently.
        prop_assert_eq!(tool.written(&again), written, "{}", value);
    }

    #[test]
    fn conditions_hold(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter())).to_string();
        let input = build(&tool, &value).expect("what fits");
        let request = request(&tool, input).expect("a request");
        for condition in tool.conditions() {
            let policy = format!("permit(principal, action, resource) when {{ {condition} }};");
            let policies: PolicySet = policy.parse().expect("a policy");
            let answer = Authorizer::new().is_authorized(&request, &policies, &Entities::empty());
            prop_assert_eq!(answer.decision(), Decision::Allow, "{} of {}", condition, value);
        }
    }
}

#[test]
fn what_is_required_and_not_null_is_certain() {
    let to = json!({ "type": "object", "required": ["all"], "properties": {
        "all": { "type": "boolean" }, "some": { "type": "boolean", "default": true } } });
    let pair = json!({ "prefixItems": [to, { "type": ["string", "null"] }] });
    let schema = json!({ "type": "object",
        "required": ["id", "null", "to", "form", "pair", "extra"],
        "properties": {
            "id": { "type": "string", "default": "a" }, "null": { "type": ["string", "null"] },
            "limit": { "type": "integer" }, "to": to, "cc": to, "pair": pair, "extra": {},
            "form": { "anyOf": [to, { "type": "string" }] } } });
    let tool = tool(schema, marks(&[], &["extra"]));
    let check = |path: &str, expected: bool| {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        assert_eq!(tool.is_certain(&path), expected, "{path:?}");
    };
    for certain in
        ["id", "to", "to.all", "cc.all", "form", "form.typeChoice0.all", "pair.proj0.all"]
    {
        check(certain, true);
    }
    for uncertain in [
        "null",
        "limit",
        "to.some",
        "cc",
        "form.typeChoice0",
        "form.typeChoice0.some",
        "form.typeChoice1.all",
        "pair.proj1",
        "pair.proj2",
        "extra",
        "extra.a",
        "none",
        "id.a",
    ] {
        check(uncertain, false);
    }
    check("pair.proj0", true);
}
